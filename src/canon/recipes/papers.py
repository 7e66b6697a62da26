"""The recipes of the papers, in their own numbers.

Where a paper drops the learning rate by hand when validation stalls, the recipe is `plateau`.
Means are taken per channel, where AlexNet and ResNet subtract one per pixel, and ResNet's jitter of
scale, a shorter side of 256 to 480 pixels, is left out.
"""

from dataclasses import replace

from canon.data.augment import Augmentation
from canon.errors import InputError
from canon.fitting.recipe import Recipe
from canon.registry import entry

# Section III.B: 20 passes one pattern at a time; the global rate for each pass is 5e-4 times these.
LENET5 = Recipe(
    name="paper",
    source="LeCun et al. 1998, section III.B and appendix C",
    optimiser="levenberg",
    lr=5e-4,
    batch=1,
    epochs=20,
    schedule="step",
    steps=((0.0, 1.0), (2 / 20, 0.4), (5 / 20, 0.2), (8 / 20, 0.1), (12 / 20, 0.02)),
    augmentation=Augmentation(crop=False, flip=False),
    normalisation="lenet5",
    image=32,
    border=2,
    crop=1.0,
    val=0.0,
)

# Section 5, with the crops, mirrors and colours of section 4.1.
ALEXNET = Recipe(
    name="paper",
    source="Krizhevsky et al. 2012, sections 4.1 and 5",
    optimiser="sgd",
    lr=0.01,
    batch=128,
    epochs=90,
    decay=5e-4,
    decay_norms=True,
    schedule="plateau",
    augmentation=Augmentation(colour=0.1),
    normalisation="mean",
)

# Section 3.1.
VGG = replace(ALEXNET, source="Simonyan and Zisserman 2015, section 3.1", batch=256, epochs=74)

# Section 3.4; 60e4 iterations of 256 images are 120 passes over ImageNet.
RESNET = replace(
    ALEXNET,
    source="He et al. 2016, section 3.4",
    lr=0.1,
    batch=256,
    epochs=120,
    decay=1e-4,
)

# Section 4.2: 64k iterations of 128 of 45k images are 182 passes; a tenth at 32k and at 48k.
CIFAR_RESNET = Recipe(
    name="paper",
    source="He et al. 2016, section 4.2",
    optimiser="sgd",
    lr=0.1,
    batch=128,
    epochs=182,
    decay=1e-4,
    decay_norms=True,
    schedule="step",
    steps=((0.5, 0.1), (0.75, 0.01)),
    augmentation=Augmentation(pad=4, fill="mean"),
    normalisation="mean",
    crop=1.0,
)

# The same section: "we use 0.01 to warm up the training until the training error is below 80%
# (about 400 iterations)" for the 110 layers.
WARMED = replace(CIFAR_RESNET, steps=((0.0, 0.1), (400 / 64_000, 1.0), *CIFAR_RESNET.steps))

BY_FAMILY = {
    "lenet5": LENET5,
    "alexnet": ALEXNET,
    "vgg": VGG,
    "resnet": RESNET,
    "plain": RESNET,
}


def paper(name: str) -> Recipe:
    """The recipe of a network's paper; deviating forms (-tv, -bn) take their original's.

    Raises:
        InputError: the network has no paper that trains it.
    """
    published = entry(name).published
    if name == "lenet5-modern":
        raise InputError(
            "lenet5-modern has no paper's recipe, it is younger than the paper; expected lenet5. "
            "Train lenet5, or pass --recipe modern."
        )
    if published.image == 32 and published.channels == 3:
        return WARMED if name.endswith(("110", "1202")) else CIFAR_RESNET
    family = next(f for f in sorted(BY_FAMILY, key=len, reverse=True) if name.startswith(f))
    return BY_FAMILY[family]
