"""Vanishing and exploding gradients: their size by depth, initialisation and kind of network.

He et al., "Delving Deep into Rectifiers", ICCV 2015, section 2.2: with weights of variance
v/fan_in, a layer with a rectifier multiplies the variance of the signal by v/2. So v = 2 keeps it;
v = 1 (Glorot's, for layers of equal width) halves it with every layer.
"""

import math
from collections.abc import Iterable
from itertools import product

import torch
from torch import Tensor, nn

from canon.data import open_data
from canon.interpret.signal import LayerSignal, signal
from canon.layers.init import fan_in, weighted
from canon.models import build
from canon.reproduce.result import Picture, Result, Row, Scale, Work
from canon.workflows.explain_pictures import Signals, signals_by_layer

SOURCE = "He et al., ICCV 2015, section 2.2"
VARIANCES = {"half (v = 1)": 1.0, "He (v = 2)": 2.0, "double (v = 4)": 4.0}
BATCH, STEPS = 32, 30
DEPTHS: dict[Scale, tuple[int, ...]] = {"small": (20, 56), "full": (20, 32, 44, 56, 110)}


def run(work: Work) -> Result:
    """Measure networks without and with normalisation, at initialisation and after training."""
    x, labels = _digits()
    bare: Signals = {}
    for done, (name, variance) in enumerate(VARIANCES.items(), 1):
        bare[name] = signal(_without_norms(56, variance), x[:BATCH], labels[:BATCH])
        work.watch("networks without normalisation", done, len(VARIANCES))
    networks = [
        f"{kind}{depth}" for kind, depth in product(("plain", "resnet"), DEPTHS[work.scale])
    ]
    start: Signals = {}
    later: Signals = {}
    for done, name in enumerate(networks, 1):
        net = build(name, channels=1, image=32, seed=0)
        start[name] = signal(net, x[:BATCH], labels[:BATCH])
        _train(net, x, labels)
        later[name] = signal(net, x[:BATCH], labels[:BATCH])
        work.watch("plain and residual nets", done, len(networks))
    rows = [*_factors(bare), *_ratios(start, "at initialisation"),
            *_ratios(later, f"after {STEPS} steps")]  # fmt: skip
    pictures = (
        Picture("56 layers without normalisation, by initial variance", signals_by_layer(bare)),
        Picture("With batch normalisation, at initialisation", signals_by_layer(start)),
        Picture(f"The same after {STEPS} steps of training", signals_by_layer(later)),
    )
    return Result(tuple(rows), pictures, _conclusion(bare, start, later),
                  f"built-in digits at 32 x 32 pixels, batches of {BATCH}, seed 0")  # fmt: skip


def _digits() -> tuple[Tensor, Tensor]:
    """The built-in digits at 32 x 32 pixels, of zero mean and unit variance."""
    split = open_data("digits").splits["train"]
    pixels = torch.from_numpy(split.images.pixels).permute(0, 3, 1, 2).float()  # type: ignore[attr-defined]
    x = nn.functional.interpolate(pixels, size=32, mode="bilinear")
    return (x - x.mean()) / x.std(), torch.from_numpy(split.targets.values)  # type: ignore[attr-defined]


def _without_norms(depth: int, variance: float) -> nn.Module:
    """A plain net without batch normalisation, its weights of variance v/fan_in."""
    net = build(f"plain{depth}", channels=1, image=32)
    for module in [*net.modules()]:
        for name, child in [*module.named_children()]:
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.Identity())
    source = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for layer in weighted(net):
            layer.weight.normal_(0, math.sqrt(variance / fan_in(layer)), generator=source)
    return net


def _train(net: nn.Module, x: Tensor, labels: Tensor) -> None:
    """A few steps of gradient descent."""
    optimizer = torch.optim.SGD(net.train().parameters(), 0.02, momentum=0.9)
    order = torch.Generator().manual_seed(0)
    for _ in range(STEPS):
        batch = torch.randint(len(x), (BATCH,), generator=order)
        loss = nn.functional.cross_entropy(net(x[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def _factors(signals: Signals) -> Iterable[Row]:
    """By how much a layer multiplies the variance of the signal, going forward."""
    for name, found in signals.items():
        inner = [one for one in found if one.stage == "stage1"]
        factor = (inner[-1].activation / inner[0].activation) ** (2 / (len(inner) - 1))
        yield Row(f"{name}: variance of the signal, factor of a layer", factor,
                  VARIANCES[name] / 2, SOURCE, 0.15 * VARIANCES[name] / 2)  # fmt: skip
        yield Row(f"{name}: gradient of the first layer over that of the last", _ratio(found))


def _ratios(signals: Signals, when: str) -> Iterable[Row]:
    for name, found in signals.items():
        yield Row(
            f"{name}, {when}: gradient of the first layer over that of the last", _ratio(found)
        )


def _ratio(found: tuple[LayerSignal, ...]) -> float:
    """Of the gradients with respect to the outputs of convolutions."""
    convolutions = found[:-1]
    return convolutions[0].gradient / max(convolutions[-1].gradient, 1e-300)


def _conclusion(bare: Signals, start: Signals, later: Signals) -> str:
    ratios = {name: _ratio(found) for name, found in bare.items()}
    low, middle, high = ratios.values()
    plain, residual = ([n for n in start if n.startswith(kind)][-1] for kind in ("plain", "resnet"))
    return (
        f"Without normalisation, gradients shrink to {low:.1e} of their size at half the variance "
        f"of He, keep within a factor of {max(middle, 1 / middle):.1f} at He's, and grow by "
        f"{high:.1e} at double. With batch normalisation, the ratio of first to last is "
        f"{_ratio(start[plain]):.3g} in {plain} and {_ratio(start[residual]):.3g} in {residual} at "
        f"initialisation, {_ratio(later[plain]):.3g} and {_ratio(later[residual]):.3g} after "
        f"{STEPS} steps. The factors of layers are below those of the theory, which is for wide "
        "layers without padding; these have 16 maps."
    )
