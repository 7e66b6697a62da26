"""Draw pictures with a trained generator."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from canon.data.targets.attributes import Transformation
from canon.errors import InputError, require_positive
from canon.runs.folder import Run
from canon.runs.open import open_run
from canon.tasks.generation import draw
from canon.tasks.generation.draw import View
from canon.utils.devices import make_accelerator, to_device
from canon.utils.files import atomic_write

Pixels = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


def generate(
    run: Run | str | Path,
    name: str,
    *,
    to: str | None = None,
    azimuth: float = 30.0,
    elevation: float = 30.0,
    color: tuple[float, float, float] = Transformation.color,
    steps: int = 1,
    turn: bool = False,
    mask: bool = False,
    device: str = "auto",
    **change: Any,
) -> Pixels:
    """Pictures of a class: one, from all sides, or on the way to another class.

    Args:
        run: the run of a generator, or its folder.
        name: the class.
        to: another class, to interpolate to.
        azimuth: of the camera, degrees.
        elevation: of the camera above the ground, degrees.
        color: red, green and blue, fractions.
        steps: how many pictures.
        turn: draw from all sides, beginning at the azimuth.
        mask: draw the masks instead of the pictures.
        device: where to run.
        change: other fields of `Transformation`: saturation, zoom, shift and so on.

    Shape: (steps, H, W, 3) uint8, on white; masks (steps, H, W)

    Raises:
        InputError: the run is no generator, a class that it does not know, a value out of range.
    """
    require_positive(steps=steps)
    run = run if isinstance(run, Run) else open_run(run)
    if run.record.task != "generate":
        raise InputError(
            f"{run.path} is a run of {run.model}, which draws nothing; expected a generator. Train "
            "one: canon train chairs-64."
        )
    if to is not None and turn:
        raise InputError("--to and --turn cannot be combined. Pass one of them.")
    seen = Transformation(color, **change)
    first = View(name, azimuth, elevation, seen)
    if to is not None:
        ends = draw.around([first, View(to, azimuth, elevation, seen)], run.classes)
        codes = draw.between(ends[0], ends[1], steps)
    else:
        angles = [azimuth + (360.0 * i / steps if turn else 0.0) for i in range(steps)]
        views = [View(name, angle, elevation, seen) for angle in angles]
        codes = draw.around(views, run.classes)
    net = to_device(run.network(), make_accelerator(device).device)
    return draw.masks(net, codes) if mask else draw.draw(net, codes)


def save_strip(pictures: Pixels, path: Path) -> None:
    """Write pictures side by side as one image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        Image.fromarray(draw.strip(pictures)).save(temporary, "PNG")
