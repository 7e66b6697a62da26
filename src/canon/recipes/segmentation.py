"""The recipes of segmentation networks.

A batch is one of crops with the side that the paper's networks are shown, an image smaller than it
continued by mirroring; the papers that show whole images show those of one set.
"""

from dataclasses import replace

from canon.data.augment.deformation import Deformation
from canon.training.recipe import Recipe

WHOLE = Deformation(flip=False, crop=False)

# Section 4.3: momentum 0.9, batches of 20, a fixed rate of 1e-4 for VGG-16, 5e-4 of decay (or
# 2e-4); mirrors and shifts brought nothing. It does not say how long: the released nets took
# 100,000 images, 12 passes over the 8,498 of its set. Biases have twice the rate there, here the
# same.
FCN = Recipe(
    name="paper",
    source="Long et al. 2015, section 4.3",
    optimiser="sgd",
    lr=1e-4,
    batch=20,
    epochs=12,
    decay=5e-4,
    decay_norms=True,
    warping=WHOLE,
    normalisation="mean",
)
FCN_ALEXNET = replace(FCN, lr=1e-3)
FCN_GOOGLENET = replace(FCN, lr=5e-5)

# Section 4.2: the finer nets go on from the coarser ones with a hundredth of the rate.
FCN_FINER = replace(FCN, source="Long et al. 2015, section 4.2", lr=1e-6)

# Section 3.3: SGD with 0.1 and momentum 0.9, batches of 12, median frequency balancing. It ends
# when the loss does; 100 passes are taken. Local contrast normalisation of the images is left out.
SEGNET = Recipe(
    name="paper",
    source="Badrinarayanan et al. 2017, section 3.3",
    optimiser="sgd",
    lr=0.1,
    batch=12,
    epochs=100,
    warping=WHOLE,
    weighting="median",
)

# Section 4.2 and the authors' solvers: 0.01, momentum 0.9, decay 5e-4, batches of 64, a tenth
# after 9 and 18 of 20 thousand steps of the first stage. Crops are 224 of 250 pixels, with mirrors.
# They are taken from whole images here, where the paper cuts out single objects first.
DECONVNET = Recipe(
    name="paper",
    source="Noh et al. 2015, section 4.2",
    optimiser="sgd",
    lr=0.01,
    batch=64,
    epochs=100,
    decay=5e-4,
    decay_norms=True,
    schedule="step",
    steps=((0.45, 0.1), (0.9, 0.01)),
    warping=Deformation(flip=True),
    normalisation="mean",
)

# Section 3: one large tile a step, momentum 0.99, classes balanced, w0 = 10 and sigma = 5 pixels
# between cells, displacements of 10 pixels on a 3 x 3 grid, invariance to shifts and rotations. It
# gives neither the rate nor the length: 1e-3 and 200 passes are taken.
UNET = Recipe(
    name="paper",
    source="Ronneberger et al. 2015, section 3",
    optimiser="sgd",
    lr=1e-3,
    batch=1,
    epochs=200,
    momentum=0.99,
    warping=Deformation(upright=False, elastic=10.0),
    weighting="median",
    separation=10.0,
)

# What all of them bear, for sets of tens to thousands of images.
MODERN = Recipe(
    name="modern",
    source="docs/segmentation.md",
    optimiser="adamw",
    lr=1e-3,
    batch=8,
    epochs=40,
    decay=0.01,
    schedule="cosine",
    warmup=1,
    average=0.99,
    clip=1.0,
    warping=Deformation(scale=(0.75, 1.5), rotate=10.0),
)

# Networks of biology: cells have no up, and are deformed.
MODERN_CELLS = replace(
    MODERN, batch=4, warping=Deformation(upright=False, scale=(0.8, 1.25), rotate=45.0, elastic=8.0)
)

# Deep ones without normalisation.
MODERN_PLAIN = replace(MODERN, lr=1e-4)
