"""A classifier applied to a whole image of any size, as a convolution over all its places.

Sermanet et al., "OverFeat", ICLR 2014, section 3.5; Simonyan and Zisserman 2015, section 3.2: the
first linear layer becomes a convolution as large as the map it was made for, the others 1 x 1.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from canon.errors import InputError
from canon.layers.stages import evaluating

Pool = nn.AdaptiveAvgPool2d | nn.AvgPool2d


class Everywhere(nn.Module):
    """A network that averages its last map: its scores for any image, as a map of one place.

    The average of the scores of all places is the score of their average.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)[:, :, None, None]


def fully_convolutional(net: nn.Module, side: int) -> nn.Module:
    """The network as a function of images of `side` pixels or more that gives a map of scores.

    Args:
        net: has `features` and a `head` of poolings, a flattening, linear layers, and layers that
            treat each value alone.
        side: of the images that it takes, in pixels.

    Shape: (N, C, H, W) -> (N, K, h, w); h = w = 1 for an image of `side` pixels.

    Raises:
        InputError: the head is made of other parts.
    """
    parts = list(_parts(getattr(net, "head", nn.Identity())))
    if parts and isinstance(parts[0], nn.AdaptiveAvgPool2d) and parts[0].output_size in (1, (1, 1)):
        return Everywhere(net)
    kinds = [type(part) for part in parts]
    if nn.Flatten not in kinds:
        raise _refusal(net, "no flattening")
    flat = kinds.index(nn.Flatten)
    pools, others = parts[:flat], parts[flat + 1 :]
    if not all(isinstance(part, Pool | nn.Dropout) for part in pools):
        raise _refusal(net, "more than poolings before its flattening")
    head: list[nn.Module] = []
    with evaluating(net):
        map_ = net.get_submodule("features")(_blank(net, side))
        for part in others:
            if isinstance(part, nn.Linear):
                head.append(_convolution(part, map_, nn.Sequential(*pools)))
                map_, pools = map_.new_zeros(1, part.out_features, 1, 1), []
            elif [*part.parameters(), *part.buffers()]:  # LeNet-5's distances
                raise _refusal(net, f"a {type(part).__name__}")
            else:
                head.append(part)
    return nn.Sequential(net.get_submodule("features"), *head).train(net.training)


def _parts(head: nn.Module) -> Iterator[nn.Module]:
    """The layers of a head in their order."""
    if isinstance(head, nn.Sequential):
        for part in head:
            yield from _parts(part)
    else:
        yield head


def _blank(net: nn.Module, side: int) -> Tensor:
    """One image of zeros, where the network is."""
    first = next(net.parameters())
    channels = next(m.in_channels for m in net.modules() if isinstance(m, nn.Conv2d))
    return first.new_zeros(1, channels, side, side)


@torch.enable_grad()
def _convolution(linear: nn.Linear, map_: Tensor, pools: nn.Module) -> nn.Conv2d:
    """What pooling a map, flattening it and the linear layer do, as one kernel of the map's size.

    Poolings are linear, so the kernel is the transpose of theirs, applied to the weights: their
    gradient.
    """
    rows = linear.weight.detach()
    x = map_.new_zeros(len(rows), *map_.shape[1:]).requires_grad_()
    y = pools(x)
    (kernel,) = torch.autograd.grad(y, x, rows.view_as(y))
    c_out, c_in, height, width = kernel.shape
    with rows.device:
        conv = nn.Conv2d(c_in, c_out, (height, width), bias=linear.bias is not None)
    conv.weight = nn.Parameter(kernel)
    conv.bias = linear.bias
    return conv


def _refusal(net: nn.Module, what: str) -> InputError:
    return InputError(
        f"{type(net).__name__} cannot be applied to every place of an image: its head has {what}; "
        "expected poolings, one flattening and linear layers. Use --protocol 10-crop."
    )
