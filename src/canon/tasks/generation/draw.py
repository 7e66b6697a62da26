"""Pictures from a trained generator: of chosen attributes, and between two of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from canon.data.targets.attributes import Transformation, encode
from canon.errors import unknown
from canon.layers.stages import eval_mode

Codes = NDArray[np.float32]
PLAIN = Transformation()


@dataclass(frozen=True)
class View:
    """What is to be drawn.

    Args:
        name: of the class.
        azimuth: of the camera, degrees.
        elevation: of the camera, degrees.
        change: its colour, size, place and direction.
    """

    name: str
    azimuth: float = 30.0
    elevation: float = 30.0
    change: Transformation = PLAIN

    def code(self, classes: Sequence[str]) -> Codes:
        """Its attributes.

        Raises:
            InputError: an unknown class, or a value out of range.
        """
        if self.name not in classes:
            raise unknown("class", self.name, classes, "run.json of the run")
        number = list(classes).index(self.name)
        change = self.change.values()
        return encode(number, len(classes), self.azimuth, self.elevation, change)


def draw(net: nn.Module, codes: Codes) -> NDArray[np.uint8]:
    """Pictures on white of attributes (N, A): (N, H, W, 3)."""
    return on_white(outputs(net, codes))


def masks(net: nn.Module, codes: Codes) -> NDArray[np.uint8]:
    """Masks of attributes (N, A): (N, H, W), white where the object is."""
    return (255 * outputs(net, codes)[..., 3].clip(0, 1)).round().astype(np.uint8)


def outputs(net: nn.Module, codes: Codes) -> NDArray[np.float32]:
    """Colours on black and masks of attributes (N, A): (N, H, W, 4)."""
    device = next(net.parameters()).device
    with eval_mode(net):
        output = net(torch.from_numpy(codes).to(device)[:, :, None, None]).float().cpu()
    return output.permute(0, 2, 3, 1).numpy()


def on_white(pictures: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Colours on black and a mask, (N, H, W, 4) in [0, 1], as pictures on white."""
    cover = (1.5 * pictures[..., 3:] - 0.25).clip(0, 1)  # hardly covered is not covered
    white = (pictures[..., :3].clip(0, 1) + 1 - cover).clip(0, 1)
    return (255 * white).round().astype(np.uint8)


def between(first: Codes, last: Codes, steps: int) -> Codes:
    """Attributes on the straight line between two: (steps, A).

    Classes are mixed by their one-hot codes, and so are views (section 5 of the paper).
    """
    shares = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
    return (1 - shares) * first + shares * last


def around(views: Sequence[View], classes: Sequence[str]) -> Codes:
    """Attributes of several views."""
    return np.stack([view.code(classes) for view in views])


def strip(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pictures (N, H, W, ...) side by side: (H, N W, ...)."""
    return np.concatenate(list(pictures), 1)
