"""Several networks as one: the weighted mean of their probabilities."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ResizeAndNormalize(nn.Module):
    """A shared square of pixels as one member wants its input.

    Args:
        stored: side that the square is scaled to.
        inner: side of the centre that is cut from it.
        border: pixels that repeat the edge on each side of that.
        mean: subtracted from each channel, a fraction of white.
        std: divided by, likewise.

    Shape: (N, C, S, S) in [0, 1] -> (N, C, inner + 2 border, inner + 2 border)
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, stored: int, inner: int, border: int, mean: Sequence[float], std: Sequence[float]
    ) -> None:
        super().__init__()
        self.stored, self.inner, self.border = stored, inner, border
        self.register_buffer("mean", torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(std)[:, None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-1] != self.stored:
            size = (self.stored, self.stored)
            x = F.interpolate(x, size, mode="bilinear", antialias=True, align_corners=False)
        start = (self.stored - self.inner) // 2
        x = (x[..., start : start + self.inner, start : start + self.inner] - self.mean) / self.std
        return F.pad(x, (self.border,) * 4, mode="replicate") if self.border else x


class Ensemble(nn.Module):
    """log sum_i w_i p_i(x): its softmax is the weighted mean of the members' probabilities.

    Args:
        members: networks, each with what fits the input to it before it.
        weights: of each member, positive; they are divided by their sum.

    Shape: (N, C, S, S) -> (N, K)
    """

    log_weights: Tensor

    def __init__(self, members: Sequence[nn.Module], weights: Sequence[float]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        shares = torch.tensor(weights, dtype=torch.float64)
        logs = (shares / shares.sum()).log().float()
        self.register_buffer("log_weights", logs, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        logs = [member(x).float().log_softmax(1) for member in self.members]
        return (torch.stack(logs) + self.log_weights[:, None, None]).logsumexp(0)
