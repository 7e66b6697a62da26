"""The recipes of segmentation networks.

A batch consists of crops with the input side of the paper; smaller images are reflect-padded.
Papers that train on whole images use those of one dataset.
"""

from dataclasses import replace

from canon.data.augment.deformation import Deformation
from canon.recipes.images import ANY_WAY_UP, UPRIGHT, SegmentationRecipe
from canon.training.optimizers import SGD, AdamW
from canon.training.recipe import Recipe
from canon.training.schedules import Cosine, Plateau

WHOLE = Deformation(flip=False, crop=False)

# Section 4.3: momentum 0.9, batches of 20, a fixed rate of 1e-4 for VGG-16, 5e-4 of decay (or
# 2e-4); flips and shifts did not help. Section 4.1: at least 175 epochs. (The released networks saw
# 100,000 images one by one, 12 epochs of the 8,498 in its dataset.) The paper doubles the rate of
# biases; here it is the same. As in the authors' prototxt, biases are not decayed.
FCN = Recipe(
    name="paper",
    source="Long et al. 2015, sections 4.1 and 4.3",
    optimizer=SGD(momentum=0.9),
    lr=1e-4,
    batch=20,
    epochs=175,
    images=SegmentationRecipe(WHOLE),
    decay=5e-4,
    normalization="mean",
    unprinted=("normalization",),
)
FCN_ALEXNET = replace(FCN, lr=1e-3)
FCN_GOOGLENET = replace(FCN, lr=5e-5)  # printed as 5^-5, and the decay as 5^-4

# Section 4.2: finer networks are initialised from coarser ones and trained with rate / 100.
FCN_FINER = replace(
    FCN,
    source="Long et al. 2015, sections 4.1 to 4.3",
    lr=1e-6,
    unprinted=("epochs", "normalization"),
)

# Section 3.2, of the variants of SegNet-Basic: SGD with 0.1 and momentum 0.9, batches of 12, median
# frequency balancing. The paper trains until the loss converges; 100 epochs are used. Local
# contrast normalisation is omitted.
SEGNET_BASIC = Recipe(
    name="paper",
    source="Badrinarayanan et al. 2017, section 3.2",
    optimizer=SGD(momentum=0.9),
    lr=0.1,
    batch=12,
    epochs=100,
    images=SegmentationRecipe(WHOLE, class_weights="median"),
    unprinted=("epochs", "normalization"),
)

# Section 4: a fixed rate of 0.001, momentum 0.9, batches of 5 for CamVid, more than 100 epochs.
SEGNET = replace(
    SEGNET_BASIC,
    source="Badrinarayanan et al. 2017, section 4",
    lr=1e-3,
    batch=5,
    unprinted=("normalization",),
)

# "Implementation details" of the experiments, and the authors' solvers: rate 0.01, momentum 0.9,
# decay 5e-4, batches of 64, rate / 10 when the validation accuracy stops improving. Crops of 224
# from 250 pixels, with flips. Normalisation is decayed, as in the authors' prototxt. Crops are
# taken from whole images here; the paper crops single objects first.
DECONVNET = Recipe(
    name="paper",
    source="Noh et al. 2015, implementation details; rest: the authors' solvers",
    optimizer=SGD(momentum=0.9),
    lr=0.01,
    batch=64,
    epochs=100,
    images=SegmentationRecipe(Deformation(flip=True)),
    decay=5e-4,
    decay_norms=True,
    schedule=Plateau(),
    normalization="mean",
    unprinted=("epochs", "normalization"),
)

# Section 3: one large tile per step, momentum 0.99, balanced classes, w0 = 10 and sigma = 5 pixels
# for borders between cells, displacements of 10 pixels on a 3 x 3 grid, invariance to shifts and
# rotations. The paper gives neither rate nor length: 1e-3 and 200 epochs are used.
UNET = Recipe(
    name="paper",
    source="Ronneberger et al. 2015, section 3",
    optimizer=SGD(momentum=0.99),
    lr=1e-3,
    batch=1,
    epochs=200,
    images=SegmentationRecipe(
        Deformation(upright=False, elastic=10.0), class_weights="median", border_weight=10.0
    ),
    unprinted=("lr", "epochs", "decay", "images.class_weights", "normalization"),
)

# For datasets of tens to thousands of images.
MODERN = Recipe(
    name="modern",
    source="docs/segmentation.md",
    optimizer=AdamW(),
    lr=1e-3,
    batch=8,
    epochs=40,
    images=SegmentationRecipe(UPRIGHT),
    decay=0.01,
    schedule=Cosine(warmup=1),
    average=0.99,
    clip=1.0,
)

# Networks for microscopy: cells have no natural orientation and are deformed. Colour images are
# kept upright all the same.
MODERN_CELLS = replace(MODERN, batch=4, images=SegmentationRecipe(ANY_WAY_UP))

# Deep networks without batch normalisation.
MODERN_PLAIN = replace(MODERN, lr=1e-4)
