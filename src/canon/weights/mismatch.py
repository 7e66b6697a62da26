"""Differences between a checkpoint and a network, and the error that reports them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from canon import models
from canon.errors import WeightsError
from canon.weights.read import Checkpoint, State

Shape = tuple[int, ...]
Shapes = dict[str, Shape]
LIMIT = 5  # mismatches in a message


@dataclass(frozen=True)
class Mismatch:
    """One tensor of a checkpoint that does not match the network.

    Args:
        kind: of the mismatch.
        key: of the tensor.
        found: its shape or type in the checkpoint.
        expected: its shape or type in the network.
    """

    kind: Literal["missing", "unexpected", "shape", "dtype", "non-finite"]
    key: str
    found: Shape | torch.dtype | None = None
    expected: Shape | torch.dtype | None = None

    def __str__(self) -> str:
        if self.kind == "missing":
            return f"{self.key} is missing"
        if self.kind == "unexpected":
            return f"{self.key} is not in the network"
        if self.kind == "non-finite":
            return f"{self.key} has values that are not finite"
        return f"{self.key} is {_text(self.found)} instead of {_text(self.expected)}"


def _text(value: Shape | torch.dtype | None) -> str:
    return " x ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def differences(expected: Shapes, found: Shapes) -> list[Mismatch]:
    """Missing and unexpected tensors, and those of another shape; all three kinds come first."""
    missing = [Mismatch("missing", k) for k in expected if k not in found]
    unexpected = [Mismatch("unexpected", k) for k in found if k not in expected]
    common = [k for k in expected if k in found and expected[k] != found[k]]
    shapes = [Mismatch("shape", k, found[k], expected[k]) for k in common]
    # A message shows a few, and a wrong prefix makes keys both missing and unexpected.
    others = unexpected[:1] + shapes[:1]
    room = LIMIT - len(others)
    return missing[:room] + others + missing[room:] + unexpected[1:] + shapes[1:]


def invalid_values(state: State, own: State) -> list[Mismatch]:
    """Tensors of the right shape whose type or values are invalid for weights."""
    mismatches = []
    for key, tensor in state.items():
        if tensor.is_floating_point() != own[key].is_floating_point():
            mismatches.append(Mismatch("dtype", key, tensor.dtype, own[key].dtype))
        elif not tensor.isfinite().all():
            mismatches.append(Mismatch("non-finite", key))
    return mismatches


def mismatch_error(
    checkpoint: Checkpoint, name: str, mismatches: Sequence[Mismatch]
) -> WeightsError:
    """The error that names the first mismatches and counts the rest."""
    first = mismatches[0]
    if len(mismatches) == 1 and first.kind == "shape" and first.key.startswith("head."):
        side = models.model_info(name).published.image
        return WeightsError(
            f"{checkpoint.source} contains weights of {name} for images of another size: {first}; "
            f"expected weights for this size. Pass --image {side} if they are the paper's."
        )
    more = f" and {len(mismatches) - LIMIT} more" if len(mismatches) > LIMIT else ""
    return WeightsError(
        f"{checkpoint.source} does not match {name}: {'; '.join(map(str, mismatches[:LIMIT]))}"
        f"{more}; expected the same keys and shapes. Use the architecture it was trained with."
    )
