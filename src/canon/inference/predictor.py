"""A trained network as a function of stored pixels."""

from typing import Protocol

from accelerate import Accelerator
from torch import Tensor, nn

from canon.data.preprocessing import Preprocessing
from canon.layers.stages import eval_mode
from canon.types import RawImages


class Predictor(Protocol):
    """A trained network as a function of stored pixels, whatever engine runs it."""

    def __call__(self, raw: RawImages) -> Tensor:
        """Float32 logits, (N, K) or (N, K, h, w), of stored pixels (N, H, W, C)."""


class TorchPredictor:
    """A network in torch.

    Args:
        net: the network, on its device.
        prep: the preprocessing.
        accelerator: the device and its precision.

    Shape: (N, H, W, C) -> (N, K) or (N, K, h, w)
    """

    def __init__(self, net: nn.Module, prep: Preprocessing, accelerator: Accelerator) -> None:
        self.net, self.prep, self.accelerator = net, prep, accelerator

    def __call__(self, raw: RawImages) -> Tensor:
        with eval_mode(self.net), self.accelerator.autocast():
            return self.net(self.prep.normalize(raw.to(self.accelerator.device))).float()
