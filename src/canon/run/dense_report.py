"""The report of a run that gives each pixel a class: overlays beside what is true."""

import base64
from pathlib import Path
from typing import Any

import numpy as np
from accelerate import Accelerator
from markupsafe import Markup
from numpy.typing import NDArray
from torch import nn

from canon.data.pair_pack import PairPack
from canon.explain.drawings import svg
from canon.fitting.dense import Says, scores_of
from canon.run import figures
from canon.run.folder import Run
from canon.run.overlays import colours, eight_bits, overlay
from canon.run.report import rendered, thumbnail
from canon.run.tiling import tiling_of
from canon.tasks import DenseScores

WORST, SIDE = 6, 320  # images, and pixels a side at most


def write_report(run: Run, scores: DenseScores, split: str, pack: PairPack, net: nn.Module) -> Path:
    """Write report.html into a run folder and return its path.

    Args:
        run: the run; its metrics and facts are shown.
        scores: its figures on a split.
        split: the name of that split.
        pack: the images of that split, for the worst of them.
        net: the network, on its device.
    """
    pixels = scores.confusion.sum(1)
    recall = scores.confusion.diagonal() / np.where(pixels, pixels, np.nan)
    columns = pixels, pixels / max(1, pixels.sum()), scores.iou, scores.dice, recall
    table = colours(len(run.classes))
    says = Says(net, run.preprocessing, Accelerator())
    tiling = tiling_of(run.model, run.facts["numbers"])
    worst = scores.worst(WORST).tolist()
    said = (scores_of(says, pack.raw_image(i), tiling).argmax(0) for i in worst)
    return rendered(
        "dense.html.j2", run, split,
        scores=scores,
        classes=list(zip(run.classes, *columns, strict=True)),
        confusion=Markup(svg(figures.confusion(scores.confusion, run.classes))),
        key=[(c, "#" + bytes(table[k]).hex()) for k, c in enumerate(run.classes)
             if k != run.commonest],
        worst=[_sample(run, scores, pack, i, map_) for i, map_ in zip(worst, said, strict=True)],
    )  # fmt: skip


def _sample(
    run: Run, scores: DenseScores, pack: PairPack, i: int, said: NDArray[np.int64]
) -> dict[str, Any]:
    image, count = pack.raw_image(i), len(run.classes)
    name = pack.names[i] if pack.names else f"#{i}"
    shown = (eight_bits(image), overlay(image, pack.raw_mask(i), count, run.commonest),
             overlay(image, said.astype("uint8"), count, run.commonest))  # fmt: skip
    return {
        "name": name,
        "short": Path(name).name,
        "iou": scores.per_image()[i],
        "pictures": [base64.b64encode(thumbnail(one, SIDE)).decode() for one in shown],
    }
