"""`canon conv`: the arithmetic of one convolution, and one worked out number by number."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from canon.cli.console import console, show_table
from canon.cli.flags import Switch, flag
from canon.errors import InputError
from canon.utils.files import atomic_write, write_text
from canon.utils.tables import counted

if TYPE_CHECKING:
    from canon.analysis.convolution import Window


@dataclass(frozen=True)
class Command:
    """The output size, parameters and multiplications of one convolution, and of other forms of it.

    Multiplications are multiply-accumulates for one image, biases excluded. If the output is no
    whole number, the strides, paddings and sizes that are legal are shown, and the exit status
    is 1. With --kernel and --on, a convolution is worked out number by number instead.

    Args:
        input: height, width and channels, such as 32x32x3.
        filter: side of the window in pixels.
        filters: output channels.
        stride: of the window in pixels.
        padding: pixels on each side, or same or valid.
        dilation: distance between neighbouring values of the kernel.
        groups: of channels.
        kind: convolution, pooling, transposed (convolution) or unpooling.
        reduce: channels of the 1 x 1 reduction that is compared.
        svg: the file for a drawing of the windows along the width.
        kernel: a kernel to work out: identity, sharpen, edges, box-blur, gaussian-blur, emboss,
            sobel-x, sobel-y, or numbers such as "0 1; 2 3".
        on: the numbers it is applied to, such as "1 2 3; 4 5 6; 7 8 9", or an image.
        at: row and column of the output that is worked out, such as 0,0.
        out: the file for the result of an image.
        json: print JSON.
    """

    input: Annotated[str | None, flag("HxWxC", "none")] = None
    filter: Annotated[int, flag("F", "3")] = 3
    filters: Annotated[int, flag("K", "1")] = 1
    stride: Annotated[int, flag("S", "1")] = 1
    padding: Annotated[str, flag("P|same|valid", "0")] = "0"
    dilation: Annotated[int, flag("D", "1")] = 1
    groups: Annotated[int, flag("G", "1")] = 1
    kind: Literal["convolution", "pooling", "transposed", "unpooling"] = "convolution"
    reduce: Annotated[int | None, flag("N", "a quarter of the channels")] = None
    svg: Annotated[Path | None, flag("FILE", "no drawing")] = None
    kernel: Annotated[str | None, flag("NAME|NUMBERS", "none")] = None
    on: Annotated[str | None, flag("NUMBERS|IMAGE", "none")] = None
    at: Annotated[str, flag("ROW,COLUMN", "0,0")] = "0,0"
    out: Annotated[Path, flag("FILE", "convolved.png")] = Path("convolved.png")
    json: Switch = False


def run(command: Command) -> int:
    """Print the arithmetic; 1 if the output is no whole number."""
    c = command
    if (c.kernel is None) != (c.on is None):
        given, missing = ("kernel", "on") if c.on is None else ("on", "kernel")
        raise InputError(f"--{given} needs --{missing}; expected both. Pass --{missing}.")
    if c.kernel is not None and c.on is not None:
        return _work_out(c, c.kernel, c.on)
    if c.input is None:
        raise InputError("--input is missing; expected a size. Pass --input 32x32x3.")
    from canon.analysis.convolution import Window
    from canon.analysis.window_drawing import drawing

    height, width, channels = _sizes(c.input)
    window = Window(
        (height, width), channels, c.filter, c.filters, c.stride, _padding(c.padding), c.dilation,
        c.groups, c.kind,
    )  # fmt: skip
    _ = window.output  # refuses windows that do not fit
    if c.svg is not None:
        write_text(c.svg, drawing(window))
    if c.json:
        print(json.dumps(_record(window, c.reduce), indent=1))
    else:
        _print(window, c.reduce)
        if c.svg is not None:
            print(f"\ndrawing: {c.svg}")
    return 0 if window.legal else 1


def _sizes(text: str) -> tuple[int, int, int]:
    words = text.lower().replace("*", "x").split("x")
    if len(words) not in (2, 3) or not all(word.strip().isdigit() for word in words):
        raise InputError(
            f"--input is {text!r}; expected height, width and channels. Pass --input 32x32x3."
        )
    height, width, *channels = map(int, words)
    return height, width, channels[0] if channels else 1


def _padding(text: str) -> Any:
    if text in ("same", "valid"):
        return text
    if not text.isdigit():
        raise InputError(
            f"--padding is {text!r}; expected pixels, same or valid. Pass --padding same."
        )
    return int(text)


def _print(window: "Window", reduce: int | None) -> None:
    shown, (height, width, channels) = console(), window.output
    for name, side in zip(("height", "width"), window.size, strict=True):
        if name == "height" or window.size[0] != window.size[1]:
            shown.print(f"{name:<8}{window.formula(side)}")
    if window.legal:
        shown.print(f"output  {height} x {width} x {channels}")
    else:
        shown.print(
            f"not a whole number; rounded down, the output is {height} x {width} x {channels}"
        )
        for name, legal in (("strides", window.legal_strides()),
                            ("paddings", window.legal_paddings()),
                            ("sizes", window.legal_sizes())):  # fmt: skip
            shown.print(f"legal {name}: {', '.join(map(str, legal)) or 'none'}")
    rows, columns = window.unseen()
    if rows or columns:
        lost = f"{counted(rows, 'row')} at the bottom, {counted(columns, 'column')} at the right"
        shown.print(f"never seen: {lost}")
    forms = [window.form, *window.other_forms(reduce)]
    if forms[0].macs:
        print()
        first = forms[0].macs
        show_table(
            ["form", "parameters", "multiplications", "share"],
            [[f.name, f.params, f.macs, f"{100 * f.macs / first:.1f} %"] for f in forms],
        )


def _record(window: "Window", reduce: int | None) -> dict[str, Any]:
    return {
        "output": window.output, "legal": window.legal,
        "formula": [window.formula(side) for side in window.size],
        "legal_strides": window.legal_strides(), "legal_paddings": window.legal_paddings(),
        "unseen": window.unseen(),
        "forms": [vars(form) for form in (window.form, *window.other_forms(reduce))],
    }  # fmt: skip


def _work_out(command: Command, kernel_text: str, on: str) -> int:
    from canon.analysis import worked_example as example

    c, kernel = command, example.kernel_of(kernel_text)
    if Path(on).is_file():
        return _on_image(c, kernel)
    image, padding = example.matrix_of(on, "on"), _padding(c.padding)
    border = padding if isinstance(padding, int) else (len(kernel) - 1) // 2 * (padding == "same")
    words = c.at.split(",")
    if len(words) != 2 or not all(word.strip().isdigit() for word in words):
        raise InputError(f"--at is {c.at!r}; expected row and column. Pass --at 0,0.")
    row, column = map(int, words)
    text = example.in_words(image, kernel, (row, column), c.stride, border)
    found = example.convolved(image, kernel, c.stride, border)
    print(f"output {row},{column}: {text}\n")
    cells = [[example.plain(value) for value in line] for line in found]
    width = max(len(cell) for line in cells for cell in line)
    print("\n".join("  ".join(cell.rjust(width) for cell in line) for line in cells))
    return 0


def _on_image(command: Command, kernel: Any) -> int:
    import numpy as np
    from PIL import Image

    from canon.analysis.worked_example import convolved
    from canon.data.images.reader import read_image
    from canon.reports.thumbnails import to_8_bits

    pixels = to_8_bits(read_image(Path(str(command.on)))).astype(np.float64)
    border = (len(kernel) - 1) // 2
    layers = [convolved(pixels[..., c], kernel, command.stride, border)
              for c in range(pixels.shape[2])]  # fmt: skip
    picture = np.clip(np.stack(layers, -1).round(), 0, 255).astype(np.uint8)
    with atomic_write(command.out) as temporary:
        shown = picture[..., 0] if picture.shape[2] == 1 else picture[..., :3]
        Image.fromarray(shown).save(temporary, "PNG")
    print(f"{picture.shape[1]} x {picture.shape[0]} pixels: {command.out}")
    return 0
