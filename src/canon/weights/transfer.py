"""Transfer of weights between related architectures.

The fully convolutional nets start from their classifiers, and each from the next coarser one; an
encoder-decoder from its backbone; the nets that unpool from VGG-16 with normalisation.
"""

from torch import Tensor, nn

FORMS = ("", "-channelwise", "-fixed")


def _coarser(*nets: str) -> tuple[str, ...]:
    return (*(net + form for net in nets for form in FORMS), "vgg16")


STARTS: dict[str, tuple[str, ...]] = {
    **{f"fcn32s{form}": ("vgg16",) for form in FORMS},
    **{f"fcn16s{form}": _coarser("fcn32s") for form in FORMS},
    **{f"fcn8s{form}": _coarser("fcn16s", "fcn32s") for form in FORMS},
    "fcn8s-at-once": ("vgg16",),
    "fcn32s-alexnet": ("alexnet",),
    "fcn32s-googlenet": ("googlenet",),
    "segnet": ("vgg16-bn",),
    "deconvnet": ("vgg16-bn",),
}

# Layers that stand elsewhere: in ours, in theirs.
MOVED = (("features.fc6.", "head.fc6."), ("features.fc7.", "head.fc7."))


def initializers_of(name: str, net: nn.Module) -> tuple[str, ...]:
    """The networks whose weights this one can start from, the nearest first."""
    backbone = getattr(net, "backbone", None)
    return (str(backbone),) if backbone else STARTS.get(name, ())


def transferable(own: dict[str, Tensor], theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors that a network takes from its kin: those of its keys, in its shapes.

    A linear layer and the convolution that it became hold the same numbers in the same order.
    Scores are of other classes, and are not taken but from a coarser net of the same shapes.
    """
    found = {}
    for key, tensor in own.items():
        names = [key, *(key.replace(ours, there) for ours, there in MOVED if key.startswith(ours))]
        given = next((theirs[name] for name in names if name in theirs), None)
        if given is None:
            continue
        convolved = given.dim() == 2 and tensor.dim() == 4 and given.numel() == tensor.numel()
        if convolved or given.shape == tensor.shape:
            found[key] = given.reshape(tensor.shape)
    return found
