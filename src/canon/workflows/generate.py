"""Draw pictures with a trained generator."""

from pathlib import Path

import numpy as np
from PIL import Image

from canon.errors import InputError, require_positive
from canon.runs.folder import Run
from canon.runs.open import open_run
from canon.tasks.generation import draw
from canon.tasks.generation.draw import Color, View
from canon.utils.devices import make_accelerator, to_device
from canon.utils.files import atomic_write


def generate(
    run: Run | str | Path,
    name: str,
    *,
    to: str | None = None,
    azimuth: float = 30.0,
    elevation: float = 30.0,
    color: Color = (0.75, 0.4, 0.3),
    steps: int = 1,
    turn: bool = False,
    device: str = "auto",
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
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
        device: where to run.

    Shape: (steps, H, W, 3) uint8, on white

    Raises:
        InputError: the run is no generator, a class that it does not know, a colour out of range.
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
    net = to_device(run.network(), make_accelerator(device).device)
    first = View(name, azimuth, elevation, color)
    if to is not None:
        codes = draw.around([first, View(to, azimuth, elevation, color)], run.classes)
        return draw.draw(net, draw.between(codes[0], codes[1], steps))
    angles = [azimuth + (360.0 * i / steps if turn else 0.0) for i in range(steps)]
    views = [View(name, angle, elevation, color) for angle in angles]
    return draw.draw(net, draw.around(views, run.classes))


def save_strip(pictures: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], path: Path) -> None:
    """Write pictures side by side as one image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        Image.fromarray(draw.strip(pictures)).save(temporary, "PNG")
