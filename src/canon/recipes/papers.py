"""The recipe of each network's paper, with the paper's numbers."""

from canon.errors import InputError
from canon.recipes import classics, inceptions, segmentation
from canon.registry import model_info
from canon.training.recipe import Recipe

# By the longest beginning of a name; deviating forms (-tv, -bn, -dropout) are their original's.
BY_FAMILY = {
    "lenet5": classics.LENET5,
    "alexnet": classics.ALEXNET,
    "zfnet": classics.ZFNET,
    "vgg": classics.VGG,
    "vgg16": classics.VGG_JITTERED,
    "vgg19": classics.VGG_JITTERED,
    "googlenet": inceptions.GOOGLENET,
    "bn-inception": inceptions.BN_INCEPTION,
    "inception-v3": inceptions.INCEPTION_V3,
    "inception-v4": inceptions.INCEPTION_V4,
    "inception-resnet": inceptions.INCEPTION_V4,
    "xception": inceptions.XCEPTION,
    "resnet": classics.RESNET,
    "plain": classics.RESNET,
    "preact-resnet": classics.PREACT,
    "wide-resnet": classics.WIDE_IMAGENET,
    "se": inceptions.SENET,
    "senet154": inceptions.SENET154,
    "fcn": segmentation.FCN_FINER,
    "fcn32s": segmentation.FCN,
    "fcn8s-at-once": segmentation.FCN,
    "fcn32s-alexnet": segmentation.FCN_ALEXNET,
    "fcn32s-googlenet": segmentation.FCN_GOOGLENET,
    "segnet": segmentation.SEGNET,
    "deconvnet": segmentation.DECONVNET,
    "unet": segmentation.UNET,
}

# The same for networks of 32 x 32 colour images.
BY_FAMILY_SMALL = {
    "resnet": classics.CIFAR_RESNET,
    "resnet110": classics.WARMED,
    "resnet1202": classics.WARMED,
    "plain": classics.CIFAR_RESNET,
    "plain110": classics.WARMED,
    "preact-resnet": classics.CIFAR_PREACT,
    "preact-resnet1001": classics.CIFAR_PREACT_1001,
    "wrn": classics.WIDE,
}

UNTRAINED = {
    "lenet5-modern": ("it is younger than the paper", "lenet5"),
    "prototype": ("it is a lecture's", "alexnet"),
    "encoder-decoder": ("it is no paper's", "unet"),
}


def paper(name: str) -> Recipe:
    """The recipe of a network's paper.

    Raises:
        InputError: the network has no paper that trains it.
    """
    published = model_info(name).published
    if name in UNTRAINED:
        reason, other = UNTRAINED[name]
        raise InputError(
            f"{name} has no paper's recipe, {reason}; expected a published network. "
            f"Train {other}, or pass --recipe modern."
        )
    small = published.image == 32 and published.channels == 3
    families = BY_FAMILY_SMALL if small else BY_FAMILY
    fitting = [family for family in families if name.startswith(family)]
    if not fitting:
        raise InputError(
            f"{name} has no paper's recipe; expected one of {', '.join(families)}. "
            "Pass --recipe modern."
        )
    return families[max(fitting, key=len)]
