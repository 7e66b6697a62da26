"""All results on one page: as Markdown with its pictures, and as one self-contained HTML file."""

import json
from base64 import b64encode
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from canon.analysis.charts import svg
from canon.reproduce.figures import Reproduction
from canon.reproduce.result import HEAD, Picture, Result, Scale
from canon.utils.files import atomic_write, write_text

Outcome = tuple[Reproduction, Result | str]  # what came out, or what was missing
FOLDER = "figures"  # of the pictures


def write_pictures(folder: Path, figure: Reproduction, result: Result) -> list[Path]:
    """Write the pictures of a figure as NAME-1.png or NAME-1.svg, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for i, picture in enumerate(result.pictures, 1):
        suffix, content = _content(picture)
        path = folder / f"{figure.name}-{i}.{suffix}"
        with atomic_write(path) as temporary:
            temporary.write_bytes(content)
        paths.append(path)
    return paths


def _content(picture: Picture) -> tuple[str, bytes]:
    """The suffix and the bytes of a picture: drawings as SVG, photographs as PNG."""
    drawing = picture.drawing
    if isinstance(drawing, str):
        return "svg", drawing.encode()
    if not any(axes.images for axes in drawing.axes):
        return "svg", _with_namespace(svg(drawing)).encode()
    bytes_ = BytesIO()
    drawing.savefig(bytes_, dpi=130, format="png")
    return "png", bytes_.getvalue()


def _with_namespace(text: str) -> str:
    return text if "xmlns=" in text else text.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)  # fmt: skip


def write_page(folder: Path, outcomes: Sequence[Outcome], scale: Scale, machine: str) -> Path:
    """Write figures.md with its pictures, figures.html and figures.json; return the HTML.

    Args:
        folder: where.
        outcomes: of each figure: a result, or what was missing.
        scale: that they were run at.
        machine: and date, for the head of the page.
    """
    pictures = {
        figure.name: write_pictures(folder / FOLDER, figure, result)
        for figure, result in outcomes if isinstance(result, Result)
    }  # fmt: skip
    pages = Environment(
        loader=PackageLoader("canon.reproduce", "templates"), undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, autoescape=lambda name: "html" in str(name),
    )  # fmt: skip
    pages.filters["embedded"] = _embedded
    for name in ("figures.md", "figures.html"):
        text = pages.get_template(f"{name}.j2").render(
            outcomes=outcomes, pictures=pictures, scale=scale, machine=machine, head=HEAD,
            folder=FOLDER,
        )  # fmt: skip
        write_text(folder / name, text)
    write_text(folder / "figures.json", json.dumps([record(*one) for one in outcomes], indent=1) + "\n")  # fmt: skip
    return folder / "figures.html"


def record(figure: Reproduction, result: Result | str) -> dict[str, object]:
    """A result as plain JSON."""
    own: dict[str, object] = {"number": figure.number, "name": figure.name, "claim": figure.claim}
    if isinstance(result, str):
        return own | {"missing": result}
    return own | {"rows": [row.record() for row in result.rows], "conclusion": result.conclusion,
                  "conditions": result.conditions}  # fmt: skip


def _embedded(path: Path) -> str:
    kind = "svg+xml" if path.suffix == ".svg" else "png"
    return f"data:image/{kind};base64,{b64encode(path.read_bytes()).decode()}"
