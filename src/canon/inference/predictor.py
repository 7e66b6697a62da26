"""A trained network as a function of stored pixels."""

from typing import Protocol

from accelerate import Accelerator
from torch import Tensor, nn

from canon.data.preprocessing import Preprocessing
from canon.errors import NonFiniteError
from canon.layers.stages import eval_mode
from canon.types import RawImages


class Predictor(Protocol):
    """A trained network as a function of stored pixels, whatever engine runs it."""

    def __call__(self, raw: RawImages) -> Tensor:
        """Float32 logits, (N, K) or (N, K, h, w), of stored pixels (N, H, W, C).

        Raises:
            NonFiniteError: a logit is not a finite number.
        """


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
            logits = self.net(self.prep.normalize(raw.to(self.accelerator.device))).float()
        if not bool(logits.sum().isfinite()):
            raise NonFiniteError(
                "the network has outputs that are not finite numbers; expected finite ones. Check "
                "the mean and std in its run.json, or train again with a smaller --lr."
            )
        return logits
