"""The report of a run: one page that needs nothing beside it."""

import base64
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from canon.data import Pack
from canon.data.cache import written_aside
from canon.explain import describe
from canon.explain.drawings import svg
from canon.explain.rows import sides
from canon.models import entry
from canon.run import figures
from canon.run.folder import REPORT, Run
from canon.run.overlays import eight_bits
from canon.tasks import Scores

WORST = 24


def write_report(run: Run, scores: Scores, split: str, pack: Pack) -> Path:
    """Write report.html into a run folder and return its path.

    Args:
        run: the run; its metrics and facts are shown.
        scores: its figures on a split.
        split: the name of that split.
        pack: the images of that split, for the worst samples.
    """
    counts = scores.confusion()
    per_class = counts.sum(1), scores.recall(), scores.precision()
    return rendered(
        "report.html.j2", run, split,
        scores=scores,
        confusion=Markup(svg(figures.confusion(counts, run.classes))),
        pairs=_confused(counts, run.classes),
        classes=list(zip(run.classes, *per_class, strict=True)),
        worst=[_sample(run, scores, pack, int(i)) for i in scores.worst(WORST)],
    )  # fmt: skip


def rendered(template: str, run: Run, split: str, **told: Any) -> Path:
    """Write a page into a run folder and return its path.

    Args:
        template: of the page.
        run: the run; its metrics and facts are shown.
        split: what it was evaluated on.
        told: what the template needs beside them.
    """
    pages = Environment(
        loader=PackageLoader("canon.run"), autoescape=True, undefined=StrictUndefined
    )
    numbers = {name: n for name, n in run.facts["numbers"].items() if name != "seed"}
    table = describe(run.model, **numbers)
    monitored = "test" if run.facts["split"]["val"] is None and "val" not in _counts(run) else "val"
    page = pages.get_template(template).render(
        run=run,
        paper=entry(run.model).paper,
        data_name=Path(run.facts["data"]["source"]).name,
        split=split,
        table=table,
        rows=[row for row in table.rows if row.params or row.kernel],
        fractions=any(row.exact for row in table.rows),
        curves=Markup(svg(figures.curves(run.metrics(), monitored))),
        facts=_facts(run),
        pct=lambda share: "-" if np.isnan(share) else f"{100 * share:.2f} %",
        sides=sides,
        num=lambda count: f"{int(count):,}",
        mega=lambda count: f"{count / 1e6:,.1f} M" if count < 1e9 else f"{count / 1e9:,.2f} G",
        **told,
    )
    with written_aside(run.path / REPORT) as aside:
        aside.write_text(page, encoding="utf-8")
    return run.path / REPORT


def _counts(run: Run) -> dict[str, Any]:
    return run.facts["data"]["counts"]


def _confused(counts: np.ndarray[Any, Any], classes: tuple[str, ...]) -> list[tuple[str, str, int]]:
    wrong = counts - np.diag(np.diagonal(counts))
    places = np.argsort(-wrong, axis=None, kind="stable")[:5]
    pairs = [np.unravel_index(place, wrong.shape) for place in places]
    return [(classes[t], classes[p], int(wrong[t, p])) for t, p in pairs if wrong[t, p]]


def _sample(run: Run, scores: Scores, pack: Pack, i: int) -> dict[str, Any]:
    name = pack.names[i] if pack.names else f"#{i}"
    return {
        "name": name,
        "short": Path(name).name,
        "true": run.classes[scores.labels[i]],
        "said": run.classes[scores.predicted[i]],
        "confidence": scores.confidence[i],
        "png": base64.b64encode(png(pack.images[i])).decode(),
    }


def png(stored: Tensor) -> bytes:
    """A stored square, (H, W, C), as the bytes of an 8-bit PNG of at most 128 pixels a side."""
    return thumbnail(eight_bits(stored.numpy()), 128)


def thumbnail(pixels: NDArray[np.uint8], side: int) -> bytes:
    """Pixels, (H, W, C), as the bytes of a PNG of at most so many a side."""
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    picture.thumbnail((side, side))
    file = BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def _facts(run: Run) -> list[tuple[str, str]]:
    facts = run.facts
    recipe, how, data = facts["recipe"], run.preprocessing, facts["data"]
    mean, std = (" ".join(f"{v:.4f}" for v in values) for values in (how.mean, how.std))
    held = facts["split"]["val"]
    counts = {name: sum(numbers) for name, numbers in _counts(run).items()}
    kind = "warping" if run.values else "augmentation"
    change = ", ".join(f"{k} {v}" for k, v in recipe[kind].items())
    return [
        ("data", f"{data['source']}: " + ", ".join(f"{n:,} {name}" for name, n in counts.items())),
        ("files", ", ".join(f"{n:,} {kind}" for kind, n in data["formats"].items())),
        ("left out", f"{len(data['skipped'])} unreadable files" if data["skipped"] else "nothing"),
        ("validation", "as given" if held is None else f"{len(held):,} held back, seed "
         f"{facts['split']['seed']}"),
        ("input", f"{how.channels} x {how.image} x {how.image}, mean {mean}, deviation {std}"),
        ("recipe", f"{recipe['name']} ({recipe['source']})"),
        ("optimiser", f"{recipe['optimiser']}, lr {recipe['lr']:g}, batch {recipe['batch']}, "
         f"decay {recipe['decay']:g}, {recipe['epochs']} epochs, {recipe['schedule']} schedule"),
        ("augmentation", change),
        ("weights from", facts["weights"]["from"] or "the paper's initialisation"),
        ("seed", str(facts["asked"]["seed"])),
        ("precision", facts["asked"]["precision"]),
        ("hardware", ", ".join(f"{k} {v}" for k, v in facts["hardware"].items())),
        ("versions", ", ".join(f"{k} {v}" for k, v in facts["versions"].items())),
    ]  # fmt: skip
