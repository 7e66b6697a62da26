"""A trained network as a function of stored pixels."""

from accelerate import Accelerator
from torch import Tensor, nn

from canon.data.preprocessing import Preprocessing
from canon.layers.stages import eval_mode
from canon.types import RawImages


class TorchPredictor:
    """What a network says of stored pixels: logits in float32.

    Args:
        net: the network, on its device.
        how: the preprocessing.
        accelerator: the device and its precision.

    Shape: (n, h, w, C) -> (n, K, H, W)
    """

    def __init__(self, net: nn.Module, how: Preprocessing, accelerator: Accelerator) -> None:
        self.net, self.how, self.accelerator = net, how, accelerator

    def __call__(self, raw: RawImages) -> Tensor:
        with eval_mode(self.net), self.accelerator.autocast():
            return self.net(self.how.normalise(raw.to(self.accelerator.device))).float()
