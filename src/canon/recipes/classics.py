"""The recipes of LeNet-5, AlexNet, ZFNet, VGG, and the residual networks.

Where a paper lowers the learning rate manually on a plateau, the recipe uses the `plateau`
schedule. Differences: means are per channel, where AlexNet, ZFNet and ResNet subtract one per
pixel. Crops are taken from the central square of an image, where the papers since VGG use the whole
image.
"""

from dataclasses import replace

from canon.data.augment.augmentation import Augmentation
from canon.recipes.images import ClassificationRecipe
from canon.training.optimizers import SGD, DiagonalLM
from canon.training.recipe import Recipe
from canon.training.schedules import Plateau, Steps

# Section III.B: 20 epochs, one pattern at a time; the global rate of each is 5e-4 times these. The
# optimizer's mu is 0.5 where the paper prints 0.02, see `training/diagonal_lm.py`.
LENET5 = Recipe(
    name="paper",
    source="LeCun et al. 1998, section III.B and appendix C",
    optimizer=DiagonalLM(),
    lr=5e-4,
    batch=1,
    epochs=20,
    images=ClassificationRecipe(Augmentation(crop=False, flip=False), image=32, border=2, crop=1.0),
    schedule=Steps(((0.0, 1.0), (2 / 20, 0.4), (5 / 20, 0.2), (8 / 20, 0.1), (12 / 20, 0.02))),
    normalization="lenet5",
    val=0.0,
    unprinted=("optimizer",),
)

# Section 5, with the crops, flips and colour shifts of section 4.1, which also has the ten crops.
# As in the authors' cuda-convnet, biases are not decayed.
ALEXNET = Recipe(
    name="paper",
    source="Krizhevsky et al. 2012, sections 4.1 and 5",
    optimizer=SGD(momentum=0.9),
    lr=0.01,
    batch=128,
    epochs=90,
    images=ClassificationRecipe(Augmentation(color=0.1), protocol="10-crop"),
    decay=5e-4,
    schedule=Plateau(),
    normalization="mean",
)

# Section 3. Its ten fixed crops, corners and centre, are random crops here. The paper gives neither
# weight decay nor test protocol: both are AlexNet's, with which it compares.
ZFNET = replace(
    ALEXNET,
    source="Zeiler and Fergus 2014, section 3; rest: AlexNet's",
    epochs=70,
    images=ClassificationRecipe(protocol="10-crop"),
    filters=0.1,
    unprinted=("decay", "images.protocol"),
)

# Section 3.1, for one training scale, 256; tested at 224, 256 and 288 (Table 4).
VGG = replace(
    ALEXNET,
    source="Simonyan and Zisserman 2015, sections 3.1 and 3.2",
    batch=256,
    epochs=74,
    images=ClassificationRecipe(
        Augmentation(color=0.1), protocol="dense", scales=(1.0, 8 / 7, 9 / 7)
    ),
)

# Networks C, D and E are best with training scales of 256 to 512, tested at 256, 384 and 512.
VGG_JITTERED = replace(
    VGG,
    images=ClassificationRecipe(
        Augmentation(color=0.1, scale=(256 / 224, 512 / 224)),
        protocol="dense",
        scales=(256 / 224, 384 / 224, 512 / 224),
    ),
)

# Section 3.4; 60e4 iterations of 256 images are 120 epochs of ImageNet. Ten crops for comparisons
# (Tables 2 and 3), dense evaluation at these scales for the best results (Table 4). The authors'
# prototxt does not exempt the scales and shifts of batch normalisation from decay.
RESNET = replace(
    ALEXNET,
    source="He et al. 2016, section 3.4",
    lr=0.1,
    batch=256,
    epochs=120,
    images=ClassificationRecipe(
        Augmentation(color=0.1, scale=(256 / 224, 480 / 224)),
        protocol="10-crop",
        scales=(1.0, 256 / 224, 384 / 224, 480 / 224, 640 / 224),
    ),
    decay=1e-4,
    decay_norms=True,
)

# Section 4.2: 64k iterations of 128 of 45k images are 182 epochs; rate / 10 at 32k and at 48k.
CIFAR_RATES = ((0.5, 0.1), (0.75, 0.01))
CIFAR_RESNET = Recipe(
    name="paper",
    source="He et al. 2016, section 4.2",
    optimizer=SGD(momentum=0.9),
    lr=0.1,
    batch=128,
    epochs=182,
    images=ClassificationRecipe(Augmentation(pad=4, fill="mean"), crop=1.0, scales=(1.0,)),
    decay=1e-4,
    decay_norms=True,
    schedule=Steps(CIFAR_RATES),
    normalization="mean",
)

# The same section: with 110 layers, rate / 10 until the training error is below 80 %, which takes
# about 400 iterations.
WARMED = replace(CIFAR_RESNET, schedule=Steps(((0.0, 0.1), (400 / 64_000, 1.0), *CIFAR_RATES)))

# Appendix: warm-up for all depths. Table 4: batches of 128, with which 1001 layers reach the 4.92 %
# that `canon list` shows; with 64 they reach 4.62 %.
CIFAR_PREACT = replace(WARMED, source="He et al. 2016 (identity mappings), appendix")

# Appendix: rate / 10 after 30 and 60 epochs, no warm-up, otherwise as ResNet. The paper does not
# give the length; 90 epochs are used. Table 5 tests a crop of 320 from images of 320.
PREACT = replace(
    RESNET,
    source="He et al. 2016 (identity mappings), appendix and Table 5",
    epochs=90,
    images=replace(RESNET.images, protocol="square", scales=(320 / 224,)),
    schedule=Steps(((30 / 90, 0.1), (60 / 90, 0.01))),
    unprinted=("epochs",),
)

# Section 3: rate / 5 after 60, 120 and 160 of 200 epochs; reflect-padded crops, channels with zero
# mean and unit variance.
WIDE = replace(
    CIFAR_RESNET,
    source="Zagoruyko and Komodakis 2016, section 3",
    optimizer=SGD(momentum=0.9, nesterov=True),
    epochs=200,
    images=replace(CIFAR_RESNET.images, augmentation=Augmentation(pad=4, fill="reflect")),
    decay=5e-4,
    schedule=Steps(((60 / 200, 0.2), (120 / 200, 0.04), (160 / 200, 0.008))),
    normalization="standard",
)

# The paper gives no numbers for ImageNet; these are from the code it used, fb.resnet.torch:
# Nesterov, rate / 10 after 30 and 60 of 90 epochs, Inception's crops, distortions of 0.4. The
# network of 101 layers is torchvision's, that of 68 from a challenge; neither has a recipe, so they
# use this.
WIDE_IMAGENET = replace(
    PREACT,
    source="Zagoruyko and Komodakis 2016, section 3.4, and fb.resnet.torch",
    optimizer=SGD(momentum=0.9, nesterov=True),
    images=ClassificationRecipe(Augmentation(area=(0.08, 1.0), distort=0.4, color=0.1)),
    normalization="standard",
    unprinted=("optimizer", "lr", "batch", "epochs", "decay", "schedule", "images.augmentation",
               "normalization"),
)  # fmt: skip
