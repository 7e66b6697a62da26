"""An engine in place of a network: normalised images in, logits out."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from canon.data.preprocessing import Preprocessing
from canon.deploy.engine import Engine
from canon.deploy.network import EMBEDDING, LOGITS, PIXELS, PROBABILITIES
from canon.errors import DataError, InputError
from canon.types import Images

LEAST = 1e-37  # in place of a probability of 0; smaller numbers may be flushed to 0


class EngineNetwork(nn.Module):
    """An engine as a module, so that whatever evaluates a network evaluates the engine.

    An engine of stored pixels gets them back from the normalised images, exactly, since they were
    whole numbers; what it crops is filled with zeros.

    Args:
        engine: the engine.
        original: the network that it replaces; on the meta device, it takes no memory.
        prep: the preprocessing of the run.
        input: name of the engine's input: `pixels`, `images` or `attributes`.
        crop: whether the engine crops the centre of stored squares.

    Shape: (N, C, H, W) -> (N, K) or (N, K, h, w)
    """

    def __init__(
        self, engine: Engine, original: nn.Module, prep: Preprocessing, input: str, *, crop: bool
    ) -> None:
        super().__init__()
        self.engine, self.prep, self.input = engine, prep, input
        object.__setattr__(self, "original", original)  # not a part: it has no weights of ours
        self.outer = prep.stored if crop else None

    def forward(self, x: Images) -> Tensor:
        found = self._run(x)
        if PROBABILITIES in found:
            return torch.from_numpy(found[PROBABILITIES]).clamp_min(LEAST).log()
        return torch.from_numpy(found[LOGITS] if LOGITS in found else next(iter(found.values())))

    def encode(self, x: Images) -> Tensor:
        """The embedding of each image, (N, D).

        Raises:
            InputError: the engine gives none.
        """
        found = self._run(x)
        if EMBEDDING not in found:
            raise InputError(
                "this exported network has no embedding, like any ensemble; expected one. Pass the "
                "run of a single network."
            )
        return torch.from_numpy(found[EMBEDDING])

    def _run(self, x: Images) -> dict[str, NDArray[Any]]:
        array = self._pixels(x) if self.input == PIXELS else x.contiguous().numpy()
        try:
            return self.engine(array)
        except (DataError, InputError):
            raise
        except Exception as reason:  # each engine raises errors of its own
            size = " x ".join(map(str, array.shape))
            raise InputError(
                f"the engine does not take an input of {size}: {_first_line(reason)}; expected the "
                "size that was exported. Export again with another size, or pass the run."
            ) from None

    def _pixels(self, x: Images) -> NDArray[Any]:
        prep = self.prep
        mean, std = (values[:, None, None] for values in prep.levels())
        if prep.border:
            x = x[..., prep.border : -prep.border, prep.border : -prep.border]
        pixels = (x * std + mean).round_().clamp_(0, prep.white).permute(0, 2, 3, 1)
        if self.outer is not None and self.outer != pixels.shape[1]:
            start, side = (self.outer - prep.inner) // 2, pixels.shape[1]
            whole = torch.zeros(len(x), self.outer, self.outer, pixels.shape[3])
            whole[:, start : start + side, start : start + side] = pixels
            pixels = whole
        kind = np.uint8 if prep.bits == 8 else np.uint16
        return np.ascontiguousarray(pixels.numpy().astype(kind))


def _first_line(reason: Exception) -> str:
    return (str(reason).splitlines() or [type(reason).__name__])[0][:200]
