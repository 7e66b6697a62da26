"""The recipes of LeNet-5, AlexNet, ZFNet, VGG, and the residual networks.

Where a paper drops the learning rate by hand when validation stalls, the recipe is `plateau`.
Means are taken per channel, where AlexNet, ZFNet and ResNet subtract one per pixel. Crops are taken
from the central square of an image, where the papers since VGG take them from all of it.
"""

from dataclasses import replace

from canon.data.augment.augmentation import Augmentation
from canon.training.recipe import Recipe

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

# Section 5, with the crops, mirrors and colours of section 4.1, where the ten crops are too.
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
    protocol="10-crop",
)

# Section 3. Its ten fixed crops, corners and centre, are random ones here. It names neither a decay
# nor how it tests: both are AlexNet's, whose figures it repeats to compare with.
ZFNET = replace(
    ALEXNET,
    source="Zeiler and Fergus 2014, section 3",
    epochs=70,
    filters=0.1,
    augmentation=Augmentation(),
)

# Section 3.1, for one scale of training, 256; tested at 224, 256 and 288 (Table 4).
VGG = replace(
    ALEXNET,
    source="Simonyan and Zisserman 2015, sections 3.1 and 3.2",
    batch=256,
    epochs=74,
    protocol="dense",
    scales=(1.0, 8 / 7, 9 / 7),
)

# Columns C, D and E have their best figures with a side of 256 to 512, tested at 256, 384 and 512.
VGG_JITTERED = replace(
    VGG,
    augmentation=Augmentation(colour=0.1, scale=(256 / 224, 512 / 224)),
    scales=(256 / 224, 384 / 224, 512 / 224),
)

# Section 3.4; 60e4 iterations of 256 images are 120 passes over ImageNet. Ten crops to compare
# (Tables 2 and 3), and for the best figures (Table 4) dense ones at these sides.
RESNET = replace(
    ALEXNET,
    source="He et al. 2016, section 3.4",
    lr=0.1,
    batch=256,
    epochs=120,
    decay=1e-4,
    augmentation=Augmentation(colour=0.1, scale=(256 / 224, 480 / 224)),
    scales=(1.0, 256 / 224, 384 / 224, 480 / 224, 640 / 224),
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
    scales=(1.0,),
)

# The same section: for the 110 layers a tenth of the rate until the training error is below 80 %,
# which takes about 400 iterations.
WARMED = replace(CIFAR_RESNET, steps=((0.0, 0.1), (400 / 64_000, 1.0), *CIFAR_RESNET.steps))

# Appendix: the warm-up for all depths. The 1001 layers have their best figures with batches of 64.
CIFAR_PREACT = replace(WARMED, source="He et al. 2016 (identity mappings), appendix")
CIFAR_PREACT_1001 = replace(CIFAR_PREACT, batch=64)

# Appendix: a tenth after 30 and 60 passes, without warm-up, and otherwise as ResNet; when it ends
# is not said, 90 passes are taken. Table 5 tests one crop.
PREACT = replace(
    RESNET,
    source="He et al. 2016 (identity mappings), appendix",
    epochs=90,
    schedule="step",
    steps=((30 / 90, 0.1), (60 / 90, 0.01)),
    protocol="1-crop",
)

# Section 3: a fifth after 60, 120 and 160 of 200 passes; crops from reflections, channels to zero
# mean and unit deviation.
WIDE = replace(
    CIFAR_RESNET,
    source="Zagoruyko and Komodakis 2016, section 3",
    optimiser="nesterov",
    epochs=200,
    decay=5e-4,
    steps=((60 / 200, 0.2), (120 / 200, 0.04), (160 / 200, 0.008)),
    augmentation=Augmentation(pad=4, fill="reflect"),
    normalisation="standard",
)

# The paper has no numbers for ImageNet; these are of the code it trained with, fb.resnet.torch:
# Nesterov, a tenth after 30 and 60 of 90 passes, Inception's patches, distortions by 0.4. The 101
# layers are torchvision's and the 68 of a contest, neither with a recipe: they take the same.
WIDE_IMAGENET = replace(
    PREACT,
    source="Zagoruyko and Komodakis 2016; fb.resnet.torch",
    optimiser="nesterov",
    augmentation=Augmentation(area=(0.08, 1.0), distort=0.4, colour=0.1),
    normalisation="standard",
)
