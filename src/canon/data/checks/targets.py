"""The check that fits the targets of a dataset."""

from functools import singledispatch
from typing import Any

import numpy as np

from canon.data.checks.images import ImageReport
from canon.data.checks.labels import LabelReport, SizeReport
from canon.data.checks.masks import MaskReport, check_masks
from canon.data.dataset import Dataset
from canon.data.targets.labels import Labels
from canon.data.targets.masks import Masks
from canon.utils.progress import Progress


@singledispatch
def check_targets(
    targets: Any,  # noqa: ARG001
    data: Dataset,
    images: ImageReport,  # noqa: ARG001
    progress: Progress | None,  # noqa: ARG001
) -> Any:
    """Check the targets of a dataset, by the type of those of its training split.

    Args:
        targets: of the training split.
        data: the dataset.
        images: what its images are.
        progress: wraps the files while they are read, given how many there are.
    """
    return SizeReport(data.sizes)


@check_targets.register
def _(
    targets: Labels,  # noqa: ARG001
    data: Dataset,
    images: ImageReport,
    progress: Progress | None,  # noqa: ARG001
) -> LabelReport:
    counts = {}
    for name, split in data.splits.items():
        assert isinstance(split.targets, Labels)
        files = split.images.files
        readable = [i for i in range(len(split)) if not files or files[i] not in images.faults]
        counts[name] = split.targets.select(np.array(readable, np.int64)).counts()
    return LabelReport({name: tuple(count.tolist()) for name, count in counts.items()})


@check_targets.register
def _(targets: Masks, data: Dataset, images: ImageReport, progress: Progress | None) -> MaskReport:
    return check_masks(targets, data, images, progress)
