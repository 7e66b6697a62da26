"""Abilities that not all networks have, as protocols.

`isinstance(net, DenseOutput)` tells whether a network has one, and gives the type checker its
methods. A protocol checks that the names exist, not their signatures.
"""

from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from canon.types import Images, Labels, Logits


@runtime_checkable
class AuxiliaryHeads(Protocol):
    """A classifier with further heads that only training uses: GoogLeNet, Inception-v3."""

    aux_weight: float  # of each auxiliary loss in the total

    def with_aux(self, x: Images) -> tuple[Logits, tuple[Logits, ...]]:
        """The logits, and those of each auxiliary head."""
        ...


@runtime_checkable
class OwnLoss(Protocol):
    """A classifier whose paper trains it by another loss than cross-entropy: LeNet-5."""

    def loss(self, logits: Logits, labels: Labels) -> Tensor:
        """The loss of each sample, (N,) nats."""
        ...


@runtime_checkable
class DenseOutput(Protocol):
    """A network that gives a map of scores: segmentation."""

    step: int  # the strides of its poolings multiplied, pixels

    def output_side(self, side: int) -> int:
        """The side of the map of scores for that of an image, pixels.

        Raises:
            InputError: the network does not take images of that side.
        """
        ...


@runtime_checkable
class FixedImage(Protocol):
    """A network with layers that were made for images of one side."""

    image: int  # that side, pixels


@runtime_checkable
class Encodes(Protocol):
    """A network that has a code of each image: auto-encoders, and the network of ADC."""

    def encode(self, x: Images) -> Tensor:
        """The codes, (N, D)."""
        ...


@runtime_checkable
class Draws(Protocol):
    """A network that draws pictures: the generator of chairs."""

    @property
    def side(self) -> int:
        """Of the pictures, pixels."""
        ...


@runtime_checkable
class ReplacesNetwork(Protocol):
    """An engine that computes what a network computes."""

    original: nn.Module  # the network, perhaps on the meta device


def original(net: nn.Module) -> nn.Module:
    """The network that an engine replaces; any other network itself."""
    return net.original if isinstance(net, ReplacesNetwork) else net
