"""How well cells are told from the membranes between them: the figures of ISBI 2012."""

from pathlib import Path

import numpy as np
import torch

from canon.errors import InputError
from canon.fitting.dense import Says, scores_of
from canon.fitting.devices import accelerator, placed
from canon.run.folder import Run, open_run
from canon.run.kinds import kind_of
from canon.run.tiling import tiling_of
from canon.run.use import chosen
from canon.tasks.rand import MembraneErrors, membrane_errors


def membranes(
    run: Run | str | Path,
    data: str | None = None,
    split: str | None = None,
    *,
    device: str = "auto",
    skip_bad: bool = False,
) -> MembraneErrors:
    """Rand and pixel errors of cells between membranes, as in the ISBI 2012 challenge.

    Args:
        run: a run, or its folder, of two classes of which the second is the inside of cells.
        data: what `open_data` takes; None means the data it was trained on.
        split: `train`, `val` or `test`; None takes test, else val, else all there is.
        device: where to run.
        skip_bad: leave unreadable files out instead of refusing.

    Raises:
        InputError: the run has other classes, or its images differ in size.
    """
    run = run if isinstance(run, Run) else open_run(run)
    if run.values is None or len(run.classes) != 2:
        raise InputError(
            f"{run.path} does not tell two classes of pixels apart; expected membranes and the "
            "inside of cells. Leave --membranes out."
        )
    _, part, values = chosen(run, data, split, skip_bad, None)
    pack = kind_of(run.model).pack(part, run.preprocessing, values, None)
    if len(set(pack.sizes)) > 1:
        raise InputError(
            f"the images differ in size, {pack.sizes[0]} and others; expected slices of one stack. "
            "Leave --membranes out."
        )
    devices = accelerator(device)
    says = Says(placed(run.network(), devices.device), run.preprocessing, devices)
    tiling = tiling_of(run.model, run.facts["numbers"])
    inside = [
        torch.from_numpy(scores_of(says, pack.raw_image(i), tiling)).softmax(0)[1].numpy()
        for i in range(len(pack))
    ]
    truth = np.stack([pack.raw_mask(i) == 1 for i in range(len(pack))])
    return membrane_errors(truth, np.stack(inside))
