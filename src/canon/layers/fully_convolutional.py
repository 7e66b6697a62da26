"""Classifiers applied to images of any size, as fully convolutional networks.

Sermanet et al., "OverFeat", ICLR 2014, section 3.5; Long, Shelhamer, Darrell, CVPR 2015, section
3.1: the first linear layer becomes a convolution as large as the map it was made for, the others
1 x 1; a global average becomes an average over windows of that size.
"""

import torch
from torch import Tensor, nn

from canon.errors import InputError
from canon.layers.interfaces import FixedImage
from canon.layers.stages import eval_mode, stages

Pool = nn.AdaptiveAvgPool2d | nn.AvgPool2d


class AsMap(nn.Module):
    """The scores of a network as a map of 1 x 1.

    For a network that averages its last map, which takes images of any size.

    Shape: (N, C, H, W) -> (N, K, 1, 1)
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)[:, :, None, None]


class PerPixel(nn.Module):
    """A layer of vectors, applied at every position of a map.

    Shape: (N, C, h, w) -> (N, K, h, w)
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        n, _, h, w = x.shape
        vectors = x.permute(0, 2, 3, 1).flatten(0, 2)
        return self.layer(vectors).reshape(n, h, w, -1).permute(0, 3, 1, 2)


def has_global_average(net: nn.Module) -> bool:
    """Whether a network's head begins with the average of each whole map."""
    first = next(iter(_parts(getattr(net, "head", nn.Identity())).values()), None)
    return _global(first)


def fully_convolutional(model: nn.Module, side: int | None = None) -> nn.Module:
    """A classifier as a network that gives a map of class scores for any larger image.

    The new module shares the weights of the classifier, except the kernels made from linear layers.
    On an image of the native size it gives the classifier's scores. On a larger image, the score at
    row i and column j is the classifier's on the crop that begins i and j jumps from the corner. A
    jump is the product of the strides (`canon show`). This holds

    - exactly, for networks without padding, such as `lenet5`;
    - approximately, for networks with padding: near its borders a crop is padded with zeros where
      the larger image has pixels;
    - where poolings round up, for jumps that keep the windows of the crop whole;
    - not for layers that see the whole image, such as squeeze-and-excitation.

    Args:
        model: has `features`, and a `head` of poolings, a flattening and layers of vectors.
        side: of the native images, in pixels; None means the side that the network was built for.
            A network that averages its last map was built for none, and needs it.

    Shape: (N, C, H, W) -> (N, K, h, w); h = w = 1 for an image of the native size.

    Raises:
        InputError: the head has other parts, or the native size is not known.
    """
    parts = _parts(getattr(model, "head", nn.Identity()))
    kinds = [type(part) for part in parts.values()]
    if nn.Flatten not in kinds:
        raise _refusal(model, "no flattening")
    flat = kinds.index(nn.Flatten)
    pools, others = list(parts.values())[:flat], dict(list(parts.items())[flat + 1 :])
    if not all(isinstance(pool, Pool | nn.Dropout) for pool in pools):
        raise _refusal(model, "more than poolings before its flattening")
    side = side or (model.image if isinstance(model, FixedImage) else None)
    if side is None:
        raise InputError(
            f"{type(model).__name__} takes images of any side; expected the side that one score "
            "covers. Pass it, for example side=224."
        )
    with eval_mode(model):
        map_ = model.get_submodule("features")(_blank(model, side))
        head = _head(map_, pools, others)
    for layer in head.values():
        layer.train(model.training)  # the features are the model's own, and stay as they are
    whole = stages(features=model.get_submodule("features"), head=stages(**head))
    whole.training = model.training
    return whole


def _head(
    map_: Tensor, pools: list[nn.Module], others: dict[str, nn.Module]
) -> dict[str, nn.Module]:
    """The layers of a head, converted to layers of maps, given the native map."""
    head: dict[str, nn.Module] = {}
    if pools and _global(pools[0]):
        head["average"] = nn.AvgPool2d((map_.shape[-2], map_.shape[-1]), 1)
        head |= {f"pool{i}": pool for i, pool in enumerate(pools[1:], 1)}
        map_, pools = map_.mean((2, 3), keepdim=True), []
    for name, part in others.items():
        if isinstance(part, nn.Linear):
            head[name] = _convolution(part, map_, nn.Sequential(*pools))
            map_, pools = map_.new_zeros(1, part.out_features, 1, 1), []
        elif [*part.parameters(), *part.buffers()]:  # LeNet-5's distances
            head[name] = PerPixel(part)
        else:
            head[name] = part
    return head


def _global(part: nn.Module | None) -> bool:
    return isinstance(part, nn.AdaptiveAvgPool2d) and part.output_size in (1, (1, 1))


def _parts(head: nn.Module, name: str = "") -> dict[str, nn.Module]:
    """The layers of a head in order, each by the names on its way, joined by underscores."""
    if not isinstance(head, nn.Sequential):
        return {name or "head": head}
    parts: dict[str, nn.Module] = {}
    for child, part in zip(head._modules, head, strict=True):  # a reused layer has two names
        parts |= _parts(part, f"{name}_{child}" if name else child)
    return parts


def _blank(net: nn.Module, side: int) -> Tensor:
    """One image of zeros on the network's device."""
    first = next(net.parameters())
    channels = next(m.in_channels for m in net.modules() if isinstance(m, nn.Conv2d))
    return first.new_zeros(1, channels, side, side)


@torch.enable_grad()
def _convolution(linear: nn.Linear, map_: Tensor, pools: nn.Module) -> nn.Conv2d:
    """The convolution equal to pooling a map, flattening it and the linear layer.

    Average poolings are linear. The kernel is therefore their transpose applied to the weights,
    which is the gradient of the pooled map.
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
        f"{type(net).__name__} cannot be made fully convolutional: its head has {what}; expected "
        "poolings, one flattening and layers of vectors. Use --protocol 10-crop."
    )
