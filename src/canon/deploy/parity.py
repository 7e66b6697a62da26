"""Whether an engine computes what the network computes: on real images, by percentile."""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

TIE = 1e-3  # difference of two probabilities below which either may come first
LIMIT = 1e-3  # of the difference of probabilities that 99 % of the outputs keep
AGREEMENT = 0.999  # least share of equal decisions, ties apart
CHANGE = 0.001  # of the metric at most, a fraction; of numbers above 1, in proportion
SAMPLE = 2**20  # outputs of a batch whose differences are recorded


@dataclass(frozen=True)
class Parity:
    """How far an engine's outputs are from those of the network in torch.

    Differences are those of probabilities; of pictures, fractions of the largest value.

    Args:
        images: how many were compared, or tiles of them.
        median: of the differences.
        p99: that 99 % of the differences do not exceed.
        largest: of the differences.
        agreement: share of equal decisions, of images or pixels, a fraction; None without classes.
        ties: share of decisions that differ where the network's two likeliest classes are within
            0.001 of each other.
        metric: name of the metric, if there are labels.
        before: its value in torch.
        after: its value with the engine.
    """

    images: int
    median: float
    p99: float
    largest: float
    agreement: float | None = None
    ties: float = 0.0
    metric: str | None = None
    before: float | None = None
    after: float | None = None

    def faults(self) -> list[str]:
        """What is wrong with the engine, a sentence for each; empty if nothing is."""
        found = []
        if not self.p99 <= LIMIT:
            found.append(f"1 % of the outputs differ by more than {self.p99:.2g} (limit {LIMIT})")
        if self.agreement is not None and self.agreement + self.ties < AGREEMENT:
            found.append(f"{1 - self.agreement:.2%} of the decisions differ")
        if self.before is not None and self.after is not None and self.changed > CHANGE:
            found.append(f"{self.metric} is {self.after:.4f} instead of {self.before:.4f}")
        return found

    @property
    def changed(self) -> float:
        """Change of the metric; of numbers above 1, in proportion."""
        before, after = self.before or 0.0, self.after or 0.0
        return abs(before - after) / max(1.0, abs(before))


@dataclass
class _Differences:
    images: int = 0
    decisions: int = 0
    equal: int = 0
    ties: int = 0
    values: list[Tensor] = field(default_factory=list)
    largest: float = 0.0


class Compared(nn.Module):
    """A network that also runs an engine on everything that it is given, and records differences.

    Args:
        net: the network.
        engine: the engine, as a module.
        decides: whether the outputs are classes.

    Shape: as the network
    """

    def __init__(self, net: nn.Module, engine: nn.Module, *, decides: bool) -> None:
        super().__init__()
        self.net, self.engine, self.decides = net, engine, decides
        object.__setattr__(self, "original", net)
        self.found = _Differences()
        self.sampler = torch.Generator().manual_seed(0)

    def forward(self, x: Tensor) -> Tensor:
        y = self.net(x).float()
        self._record(y, self.engine(x).float())
        return y

    def _record(self, y: Tensor, z: Tensor) -> None:
        found = self.found
        if self.decides:
            p, q = y.softmax(1), z.softmax(1)
            top = p.topk(min(2, p.shape[1]), 1).values
            equal = p.argmax(1) == q.argmax(1)
            close = (top[:, 0] - top[:, -1]) < TIE
            found.equal += int(equal.sum())
            found.ties += int((~equal & close).sum())
            found.decisions += equal.numel()
        else:
            scale = y.abs().max().clamp_min(1e-30)
            p, q = y / scale, z / scale
        difference = (p - q).abs().flatten()
        found.images += len(y)
        found.largest = max(found.largest, _number(difference.max()))
        if len(difference) > SAMPLE:
            chosen = torch.randint(len(difference), (SAMPLE,), generator=self.sampler)
            difference = difference[chosen]
        found.values.append(difference)

    def parity(self) -> Parity:
        """The differences of all that was computed."""
        found = self.found
        values, _ = torch.cat(found.values).double().sort()
        decided = found.decisions or None
        return Parity(
            found.images,
            _number(values[len(values) // 2]),
            _number(values[min(len(values) - 1, int(0.99 * len(values)))]),
            found.largest,
            None if decided is None else found.equal / decided,
            found.ties / found.decisions if found.decisions else 0.0,
        )


def _number(value: Tensor) -> float:
    """A number; infinity for what is none, so that no comparison passes it."""
    return float(value) if bool(value.isfinite()) else float("inf")
