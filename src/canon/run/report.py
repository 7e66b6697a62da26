"""The report of a run: one page that needs nothing beside it."""

import base64
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
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
    pages = Environment(
        loader=PackageLoader("canon.run"), autoescape=True, undefined=StrictUndefined
    )
    numbers = run.facts["numbers"]
    table = describe(run.model, numbers["image"], channels=numbers["channels"],
                     classes=numbers["classes"])  # fmt: skip
    counts = scores.confusion()
    per_class = counts.sum(1), scores.recall(), scores.precision()
    monitored = "test" if run.facts["split"]["val"] is None and "val" not in _counts(run) else "val"
    page = pages.get_template("report.html.j2").render(
        run=run,
        paper=entry(run.model).paper,
        data_name=Path(run.facts["data"]["source"]).name,
        split=split,
        scores=scores,
        table=table,
        rows=[row for row in table.rows if row.params or row.kernel],
        fractions=any(row.exact for row in table.rows),
        curves=Markup(svg(figures.curves(run.metrics(), monitored))),
        confusion=Markup(svg(figures.confusion(counts, run.classes))),
        pairs=_confused(counts, run.classes),
        classes=list(zip(run.classes, *per_class, strict=True)),
        worst=[_sample(run, scores, pack, int(i)) for i in scores.worst(WORST)],
        facts=_facts(run),
        pct=lambda share: "-" if np.isnan(share) else f"{100 * share:.2f} %",
        sides=sides,
        num=lambda count: f"{int(count):,}",
        mega=lambda count: f"{count / 1e6:,.1f} M" if count < 1e9 else f"{count / 1e9:,.2f} G",
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
    pixels = stored.numpy()
    if pixels.dtype != np.uint8:
        pixels = (pixels // 257).astype(np.uint8)
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    picture.thumbnail((128, 128))
    file = BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def _facts(run: Run) -> list[tuple[str, str]]:
    facts = run.facts
    recipe, how, data = facts["recipe"], run.preprocessing, facts["data"]
    mean, std = (" ".join(f"{v:.4f}" for v in values) for values in (how.mean, how.std))
    held = facts["split"]["val"]
    counts = {name: sum(numbers) for name, numbers in _counts(run).items()}
    change = ", ".join(f"{k} {v}" for k, v in recipe["augmentation"].items())
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
