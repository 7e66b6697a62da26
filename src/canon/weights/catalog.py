"""The catalog of published weights: their model, preprocessing and accuracy.

File names end in the first eight digits of their SHA-256. Accuracies are those that torchvision
0.28 reports on ILSVRC-2012 val, one crop.
"""

from dataclasses import dataclass

from canon.errors import unknown

HOST = "https://download.pytorch.org/models/"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class PublishedWeights:
    """One published file of weights.

    Args:
        name: for `--weights`, such as torchvision/resnet50.
        model: the registered network that computes the same function.
        file: file name, with the first eight digits of its SHA-256.
        top1: reported top-1 accuracy, a fraction in [0, 1].
        top5: reported top-5 accuracy, a fraction in [0, 1].
        resize: shorter side of the resized image, pixels.
        image: side of the centre crop, pixels.
        mean: of each channel, as a fraction of white.
        std: of each channel, as a fraction of white.
    """

    name: str
    model: str
    file: str
    top1: float
    top5: float
    resize: int = 256
    image: int = 224
    mean: tuple[float, ...] = MEAN
    std: tuple[float, ...] = STD

    @property
    def sha256(self) -> str:
        """The first digits of the SHA-256, from the file name."""
        return self.file.removesuffix(".pth").rpartition("-")[2]

    @property
    def url(self) -> str:
        """The address of the file."""
        return HOST + self.file


def _tv(
    name: str, model: str, file: str, top1: float, top5: float, resize: int = 256
) -> PublishedWeights:
    return PublishedWeights(f"torchvision/{name}", model, f"{file}.pth", top1, top5, resize)


def _google(
    name: str, model: str, file: str, top1: float, top5: float, resize: int, image: int
) -> PublishedWeights:
    # torchvision's network converts the usual normalisation to this one before its first layer.
    sides = resize, image
    return PublishedWeights(
        f"torchvision/{name}", model, f"{file}.pth", top1, top5, *sides, HALF, HALF
    )


# fmt: off
_ALL = (
    _tv("alexnet", "alexnet-tv", "alexnet-owt-7be5be79", 0.56522, 0.79066),
    _tv("vgg11", "vgg11", "vgg11-8a719046", 0.69020, 0.88628),
    _tv("vgg13", "vgg13", "vgg13-19584684", 0.69928, 0.89246),
    _tv("vgg16", "vgg16", "vgg16-397923af", 0.71592, 0.90382),
    _tv("vgg19", "vgg19", "vgg19-dcbb9e9d", 0.72376, 0.90876),
    _tv("vgg11-bn", "vgg11-bn", "vgg11_bn-6002323d", 0.70370, 0.89810),
    _tv("vgg13-bn", "vgg13-bn", "vgg13_bn-abd245e5", 0.71586, 0.90374),
    _tv("vgg16-bn", "vgg16-bn", "vgg16_bn-6c64b313", 0.73360, 0.91516),
    _tv("vgg19-bn", "vgg19-bn", "vgg19_bn-c79401a0", 0.74218, 0.91842),
    _google("googlenet", "googlenet-tv", "googlenet-1378be20", 0.69778, 0.89530, 256, 224),
    _google("inception-v3", "inception-v3-tv", "inception_v3_google-0cc3c7bd",
            0.77294, 0.93450, 342, 299),
    _tv("resnet18", "resnet18", "resnet18-f37072fd", 0.69758, 0.89078),
    _tv("resnet34", "resnet34", "resnet34-b627a593", 0.73314, 0.91420),
    _tv("resnet50", "resnet50-tv", "resnet50-0676ba61", 0.76130, 0.92862),
    _tv("resnet50-v2", "resnet50-tv", "resnet50-11ad3fa6", 0.80858, 0.95434, 232),
    _tv("resnet101", "resnet101-tv", "resnet101-63fe2227", 0.77374, 0.93546),
    _tv("resnet101-v2", "resnet101-tv", "resnet101-cd907fc2", 0.81886, 0.95780, 232),
    _tv("resnet152", "resnet152-tv", "resnet152-394f9c45", 0.78312, 0.94046),
    _tv("resnet152-v2", "resnet152-tv", "resnet152-f82ba261", 0.82284, 0.96002, 232),
    _tv("wide-resnet50-2", "wide-resnet50-2", "wide_resnet50_2-95faca4d", 0.78468, 0.94086),
    _tv("wide-resnet50-2-v2", "wide-resnet50-2", "wide_resnet50_2-9ba9bcbe",
        0.81602, 0.95758, 232),
    _tv("wide-resnet101-2", "wide-resnet101-2", "wide_resnet101_2-32ee1156", 0.78848, 0.94284),
    _tv("wide-resnet101-2-v2", "wide-resnet101-2", "wide_resnet101_2-d733dc28",
        0.82510, 0.96020, 232),
)
# fmt: on

PUBLISHED = {weights.name: weights for weights in _ALL}


def usual_normalization(
    library: str | None, model: str
) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Mean and std of the images that a library's weights of a network expect, if it is known."""
    if library != "torchvision":
        return None
    return (HALF, HALF) if model in ("googlenet-tv", "inception-v3-tv") else (MEAN, STD)


def published_weights(name: str) -> PublishedWeights:
    """The published weights of a name.

    Raises:
        InputError: the name is unknown; the message suggests the nearest.
    """
    if name not in PUBLISHED:
        raise unknown("weights file", name, PUBLISHED, "`canon list weights`")
    return PUBLISHED[name]
