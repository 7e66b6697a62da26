"""`canon generate`: pictures of chosen attributes."""

from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Annotated

import tyro

from canon.cli.flags import Switch, flag
from canon.errors import InputError


@dataclass(frozen=True)
class Command:
    """Draw pictures with the generator of a run: of a class, from all sides, or between classes.

    Args:
        run: the run folder of a generator, such as chairs-64.
        name: the class to draw.
        to: another class: draw the way from one to the other.
        turn: draw from all sides.
        azimuth: angle of the camera around the object, degrees.
        elevation: angle of the camera above the ground, degrees.
        color: red, green and blue, from 0 to 1.
        saturation: of the colour, as a factor.
        brightness: of the colour, as a factor.
        zoom: size of the object, as a factor.
        stretch: width and height in the picture, as a factor.
        aspect: width, as a factor, by which the height is divided.
        shift: to the right and down, as fractions of the side.
        rotation: in the plane of the picture, degrees.
        steps: number of pictures, side by side.
        out: the PNG file to write.
        mask: also write the masks, as FILE-mask.png.
        device: auto, cpu, cuda, cuda:N or mps.
    """

    run: tyro.conf.Positional[Path]
    name: Annotated[str | None, flag("CLASS", "required")] = None
    to: Annotated[str | None, flag("CLASS", "no interpolation")] = None
    turn: Switch = False
    azimuth: Annotated[float, flag("DEGREES", "30")] = 30.0
    elevation: Annotated[float, flag("DEGREES", "30")] = 30.0
    color: Annotated[tuple[float, float, float], flag("R G B", "0.75 0.4 0.3")] = (0.75, 0.4, 0.3)
    saturation: Annotated[float, flag("FACTOR", "1")] = 1.0
    brightness: Annotated[float, flag("FACTOR", "1")] = 1.0
    zoom: Annotated[float, flag("FACTOR", "1")] = 1.0
    stretch: Annotated[float, flag("FACTOR", "1")] = 1.0
    aspect: Annotated[float, flag("FACTOR", "1")] = 1.0
    shift: Annotated[tuple[float, float], flag("X Y", "0 0")] = (0.0, 0.0)
    rotation: Annotated[float, flag("DEGREES", "0")] = 0.0
    steps: Annotated[int | None, flag("N", "1, or 12 with --to or --turn")] = None
    out: Annotated[Path, flag("FILE", "generated.png")] = Path("generated.png")
    mask: Switch = False
    device: Annotated[str, flag("NAME", "auto")] = "auto"


def run(command: Command) -> int:
    """Write the pictures."""
    from canon.data.targets.attributes import Transformation
    from canon.runs.open import open_run
    from canon.workflows.generate import generate, save_strip

    c = command
    if c.out.suffix.lower() != ".png":
        raise InputError(f"--out is {c.out}; expected a .png. Rename it.")
    opened = open_run(c.run)
    if c.name is None:
        raise InputError(
            f"--name is missing; expected one of {', '.join(opened.classes)}. Pass --name CLASS."
        )
    steps = c.steps or (12 if c.to or c.turn else 1)
    draw = partial(
        generate, opened, c.name, to=c.to, azimuth=c.azimuth, elevation=c.elevation, steps=steps,
        turn=c.turn, device=c.device,
        **{field.name: getattr(c, field.name) for field in fields(Transformation)},
    )  # fmt: skip
    pictures = draw()
    save_strip(pictures, c.out)
    print(f"{len(pictures)} of {pictures.shape[1]} x {pictures.shape[2]} pixels: {c.out}")
    if c.mask:
        path = c.out.with_name(f"{c.out.stem}-mask.png")
        save_strip(draw(mask=True), path)
        print(f"masks: {path}")
    return 0
