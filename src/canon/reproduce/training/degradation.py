"""The degradation of plain nets with depth, and its cure by residual connections."""

from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product
from multiprocessing import get_context
from os import cpu_count

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from canon.analysis.charts import INK
from canon.models import model_info
from canon.reproduce.charts import tidy
from canon.reproduce.result import Picture, Result, Row, Scale, Work
from canon.reproduce.training.curves import settings, train_classifier
from canon.runs.config import TrainConfig

SOURCE = "He et al., CVPR 2016"
COLORS = ("#9db8ec", "#2457c5", "#12306f", "#d9822b", "#7a3e0c")


@dataclass(frozen=True)
class Curve:
    """One training run: fractions that are wrong after each epoch."""

    model: str
    seed: int
    train: tuple[float, ...]
    test: tuple[float, ...]


def configs(scale: Scale) -> list[TrainConfig]:
    """What is trained: at small scale the same networks and recipe on 8 x 8 digits."""
    if scale == "full":
        models = ["plain20", "plain32", "plain44", "plain56",
                  "resnet20", "resnet32", "resnet44", "resnet56", "resnet110"]  # fmt: skip
        return [settings(m, "cifar10", recipe="paper", device="auto") for m in models]
    models, seeds = ["plain20", "plain56", "resnet20", "resnet56"], (0, 1, 2)
    return [
        settings(model, "digits", recipe="paper", image=8, epochs=5, batch=64, lr=0.02,
                 augment="none", val=0.2, seed=seed)
        for seed, model in product(seeds, models)
    ]  # fmt: skip


def run(work: Work) -> Result:
    """Train all networks, and compare their errors."""
    return measure(configs(work.scale), work)


def measure(several: list[TrainConfig], work: Work) -> Result:
    """Train with these flags, and compare."""
    curves = list(_trained(several, work))
    rows = []
    for model in dict.fromkeys(config.model for config in several):
        own = [curve for curve in curves if curve.model == model]
        train, test = ([100 * getattr(c, split)[-1] for c in own] for split in ("train", "test"))
        rows += [
            Row(f"{model}: training error, %, mean and range of {len(own)}", _spread(train)),
            Row(f"{model}: test error, %", _spread(test), *_published(model, several[0])),
        ]
    pictures = (Picture("Errors by epoch: training dashed, test solid", chart(curves)),)
    return Result(tuple(rows), pictures, conclusion(curves), _conditions(several, curves))


def _conditions(several: list[TrainConfig], curves: list[Curve]) -> str:
    """Data, recipe with what is changed of it, and seeds."""
    first, usual = several[0], TrainConfig("")
    names = ("image", "epochs", "batch", "lr", "augment")
    changed = [f"{n} {getattr(first, n)}" for n in names if getattr(first, n) != getattr(usual, n)]
    seeds = ", ".join(map(str, sorted({curve.seed for curve in curves})))
    but = f" with {', '.join(changed)}" if changed else ""
    return f"{first.data}, the paper's recipe{but}; seeds {seeds}"


def _published(model: str, config: TrainConfig) -> tuple[float | None, str, float]:
    """The paper's error on CIFAR-10; of plain nets it prints none."""
    errors = model_info(model).published.errors
    if errors is None or errors.top1 is None or config.data != "cifar10":
        return None, "", 0.0
    return 100 * errors.top1, f"{SOURCE}, Table 6", 0.005


def _spread(values: list[float]) -> float | str:
    if len(values) == 1:
        return values[0]
    return f"{np.mean(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def conclusion(curves: Iterable[Curve]) -> str:
    """Whether the deepest plain net has the larger training error in every seed, and the cure."""
    last = {(c.model, c.seed): c.train[-1] for c in curves}
    seeds = sorted({seed for _, seed in last})
    worse = {kind: _worse(last, kind, seeds) for kind in ("plain", "resnet")}
    first = (
        f"Plain nets degrade with depth in {worse['plain']} of {len(seeds)} seeds: the deepest "
        "has a higher training error than the shallowest"
    )
    deepest = [max((m for m, _ in last if m.startswith(kind)), key=_depth) for kind in worse]
    cured = sum(last[deepest[1], s] < last[deepest[0], s] for s in seeds)
    if worse["plain"] < len(seeds):
        first = f"Degradation is NOT shown. {first}"
    return (
        f"{first}. {deepest[1]} has a lower training error than {deepest[0]} in {cured} of "
        f"{len(seeds)} seeds; it is above that of the shallowest residual net in "
        f"{worse['resnet']}."
    )


def _worse(last: dict[tuple[str, int], float], kind: str, seeds: list[int]) -> int:
    names = sorted({m for m, _ in last if m.startswith(kind)}, key=_depth)
    return sum(last[names[-1], seed] > last[names[0], seed] for seed in seeds)


def _depth(model: str) -> int:
    return int("".join(filter(str.isdigit, model)))


def _trained(several: list[TrainConfig], work: Work) -> Iterable[Curve]:
    """Every run, as many at a time as there are processors, each in a process with one thread."""
    if len(several) == 1 or several[0].device != "cpu":
        yield from (_curve(config, work) for config in several)
        return
    processes = min(cpu_count() or 1, len(several))
    with ProcessPoolExecutor(processes, get_context("spawn"), _one_thread) as pool:
        for done, curve in enumerate(pool.map(_small_curve, several), 1):
            work.watch("training networks", done, len(several))
            yield curve


def _one_thread() -> None:
    torch.set_num_threads(1)


def _small_curve(config: TrainConfig) -> Curve:
    return _curve(config, Work())


def _curve(config: TrainConfig, work: Work) -> Curve:
    found = train_classifier(config, work, by_epoch=True)
    test = "test" if "test" in found.errors else "val"
    return Curve(config.model, config.seed, tuple(found.errors["train"]), tuple(found.errors[test]))


def chart(curves: list[Curve]) -> Figure:
    """Plain nets on the left, residual nets on the right, a colour for each depth."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for place, kind, title in zip(axes, ("plain", "resnet"), ("plain", "residual"), strict=True):
        names = sorted({c.model for c in curves if c.model.startswith(kind)}, key=_depth)
        for name, color in zip(names, _colors(len(names)), strict=True):
            for curve in (c for c in curves if c.model == name):
                _draw(place, curve, color, name)
        place.xaxis.set_major_locator(MaxNLocator(integer=True))
        tidy(place, "epoch", "error, %" if kind == "plain" else "")
        place.set_title(f"{title} nets", color=INK, loc="left", fontsize=10)
        handles, labels = place.get_legend_handles_labels()
        unique = dict(zip(labels, handles, strict=True))
        place.legend(unique.values(), unique.keys(), frameon=False, fontsize=9)
    return figure


def _colors(count: int) -> tuple[str, ...]:
    return (COLORS[1], COLORS[3]) if count == 2 else COLORS[:count]


def _draw(axes: Axes, curve: Curve, color: str, label: str) -> None:
    epochs = range(1, len(curve.train) + 1)
    axes.plot(epochs, [100 * e for e in curve.train], "--", color=color, linewidth=0.9)
    axes.plot(epochs, [100 * e for e in curve.test], color=color, linewidth=1.6, label=label)
