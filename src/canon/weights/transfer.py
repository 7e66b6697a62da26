"""Transfer of weights between related architectures.

Fully convolutional networks start from their classifier or from the next coarser network,
encoder-decoders from their backbone, and the unpooling networks from VGG-16 with batch
normalisation.
"""

from torch import Tensor, nn

INITIALIZERS: dict[str, tuple[str, ...]] = {
    "fcn32s": ("vgg16",),
    **dict.fromkeys(("fcn16s", "fcn16s-released"), ("fcn32s", "vgg16")),
    **dict.fromkeys(("fcn8s", "fcn8s-released"),
                    ("fcn16s", "fcn16s-released", "fcn32s", "vgg16")),
    "fcn8s-at-once": ("vgg16",),
    "fcn32s-alexnet": ("alexnet",),
    "fcn32s-googlenet": ("googlenet",),
    "segnet": ("vgg16-bn",),
    "deconvnet": ("vgg16-bn",),
}  # fmt: skip

# Prefixes of the same layers: in the network, in its initializer.
RENAMED = (("features.fc6.", "head.fc6."), ("features.fc7.", "head.fc7."))


def initializers_of(name: str, net: nn.Module) -> tuple[str, ...]:
    """The networks whose weights can initialise this one, the closest first."""
    backbone = getattr(net, "backbone", None)
    return (str(backbone),) if backbone else INITIALIZERS.get(name, ())


def transferable(own: dict[str, Tensor], source: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of an initializer that fit a network, by key and shape.

    A linear layer fits the convolution made of it: both have the same weights in the same order.
    Score layers fit only if the number of classes is the same.
    """
    fitting = {}
    for key, tensor in own.items():
        keys = [
            key,
            *(key.replace(ours, theirs) for ours, theirs in RENAMED if key.startswith(ours)),
        ]
        candidate = next((source[name] for name in keys if name in source), None)
        if candidate is None:
            continue
        was_linear = candidate.dim() == 2 and tensor.dim() == 4
        same_size = candidate.numel() == tensor.numel()
        if candidate.shape == tensor.shape or (was_linear and same_size):
            fitting[key] = candidate.reshape(tensor.shape)
    return fitting
