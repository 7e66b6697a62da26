"""Several networks as one: the weighted mean of their probabilities."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ResizeAndNormalize(nn.Module):
    """Converts a shared square of pixels to the input of one member.

    Args:
        stored: side to which the square is resized.
        inner: side of its centre crop.
        border: pixels of edge padding on each side of the crop.
        mean: of each channel, a fraction of white.
        std: standard deviation of each channel, a fraction of white.

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
    """log sum_i w_i p_i(x), whose softmax is the weighted mean of the members' probabilities.

    Args:
        members: networks, each preceded by the conversion of its input.
        weights: of each member, positive; normalised to sum to one.

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
