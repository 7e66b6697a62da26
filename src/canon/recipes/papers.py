"""The recipe of each network's paper, with the paper's numbers."""

from typing import Any

from canon.errors import InputError
from canon.recipes import auto_encoders, classics, inceptions, segmentation
from canon.registry import model_info
from canon.training.recipe import Recipe

# By the identifier of the paper; variants (-tv, -bn, -dropout) are trained as their original.
# fmt: off
BY_PAPER: dict[str, Recipe[Any]] = {
    "doi:10.1109/5.726791": classics.LENET5,
    "doi:10.1145/3065386":  classics.ALEXNET,
    "arXiv:1311.2901":      classics.ZFNET,
    "arXiv:1409.1556":      classics.VGG,
    "arXiv:1409.4842":      inceptions.GOOGLENET,
    "arXiv:1502.03167":     inceptions.BN_INCEPTION,
    "arXiv:1512.00567":     inceptions.INCEPTION_V3,
    "arXiv:1602.07261":     inceptions.INCEPTION_V4,  # and Inception-ResNet
    "arXiv:1610.02357":     inceptions.XCEPTION,
    "arXiv:1512.03385":     classics.RESNET,
    "arXiv:1603.05027":     classics.PREACT,
    "arXiv:1605.07146":     classics.WIDE_IMAGENET,
    "image-net.org/challenges/LSVRC/2016/results": classics.WIDE_IMAGENET,  # Trimps-Soushen
    "arXiv:1709.01507":     inceptions.SENET,
    "arXiv:1411.4038":      segmentation.FCN_FINER,
    "arXiv:1511.00561":     segmentation.SEGNET,
    "arXiv:1505.04366":     segmentation.DECONVNET,
    "arXiv:1505.04597":     segmentation.UNET,
    "arXiv:1801.07648":     auto_encoders.CAE,
    "doi:10.24963/ijcai.2017/243":      auto_encoders.IDEC,
    "doi:10.1007/978-3-319-70096-0_39": auto_encoders.DCEC,
}

# The same papers' networks for 32 x 32 colour images.
BY_PAPER_CIFAR = {
    "arXiv:1512.03385": classics.CIFAR_RESNET,
    "arXiv:1603.05027": classics.CIFAR_PREACT,
    "arXiv:1605.07146": classics.WIDE,
}

# Networks that their paper trains differently from its others.
BY_NAME: dict[str, Recipe[Any]] = {
    **dict.fromkeys(("vgg16", "vgg16-bn", "vgg16-c", "vgg16-c-bn", "vgg19", "vgg19-bn"),
                    classics.VGG_JITTERED),
    **dict.fromkeys(("resnet110", "resnet1202", "plain110"), classics.WARMED),
    "senet154": inceptions.SENET154,
    **dict.fromkeys(("fcn32s", "fcn8s-at-once"), segmentation.FCN),
    **dict.fromkeys(("segnet-basic", "segnet-basic-released"), segmentation.SEGNET_BASIC),
    "fcn32s-alexnet": segmentation.FCN_ALEXNET,
    "fcn32s-googlenet": segmentation.FCN_GOOGLENET,
}

# Networks that no paper trains: the reason, and the network to train instead.
UNTRAINED = {
    "lenet5-modern":   ("it is not the network of the paper", "lenet5"),
    "prototype":       ("it is from a lecture", "alexnet"),
    "encoder-decoder": ("it was not published", "unet"),
    **dict.fromkeys(("adc", "adc-thin"), ("it is trained without labels in its paper", "lenet5")),
    **dict.fromkeys(("chairs", "chairs-deep", "chairs-64"), ("it could not be verified", "cae")),
    "dec-ae":          ("it is trained layer by layer in its paper", "idec-ae"),
}
# fmt: on


def paper(name: str) -> Recipe[Any]:
    """The recipe of a network's paper.

    Raises:
        InputError: no paper trains the network.
    """
    info = model_info(name)
    if name in UNTRAINED:
        reason, other = UNTRAINED[name]
        raise InputError(
            f"{name} has no paper recipe: {reason}; expected a published network. "
            f"Train {other}, or pass --recipe modern."
        )
    if name in BY_NAME:
        return BY_NAME[name]
    cifar = info.published.image == 32 and info.published.channels == 3
    recipes = BY_PAPER_CIFAR if cifar else BY_PAPER
    if info.paper.identifier not in recipes:
        raise InputError(
            f"{name} has no paper recipe: there is none for {info.paper.identifier}; expected a "
            "network of `canon list recipes`. Pass --recipe modern."
        )
    return recipes[info.paper.identifier]
