"""The recipes of the Inception networks, Xception and SENet, which share Inception's crops.

All except SENet were trained asynchronously on many machines. Here a batch is that of one machine,
with the learning rate of the paper.
"""

from dataclasses import replace

from canon.data.augment.augmentation import Augmentation
from canon.recipes.images import ClassificationRecipe
from canon.training.optimizers import SGD, RMSprop
from canon.training.recipe import Recipe
from canon.training.schedules import Exponential, Steps

CROPS = Augmentation(area=(0.08, 1.0))

# Section 6: momentum 0.9, rate times 0.96 every 8 epochs, averaged weights, crops of 8 to 100 % and
# Howard's distortions, which include AlexNet's colour shifts. The paper gives no rate, batch, decay
# or length: they are from Caffe's version (bvlc_googlenet, quick solver), whose 2.4 million
# iterations of 32 are 60 epochs, and whose own schedule is polynomial. The decay of the average is
# 0.9999, as in TensorFlow's code. Neither code decays biases or normalisation.
GOOGLENET = Recipe(
    name="paper",
    source="Szegedy et al. 2015, sections 6 and 7; rest: bvlc_googlenet",
    optimizer=SGD(momentum=0.9),
    lr=0.01,
    batch=32,
    epochs=60,
    images=ClassificationRecipe(replace(CROPS, distort=0.5, color=0.1), protocol="multi-crop"),
    decay=2e-4,
    schedule=Exponential(0.96, every=8),
    average=0.9999,
    normalization="mean",
    unprinted=("lr", "batch", "epochs", "decay", "average", "images.augmentation"),
)

# Section 4.2.1 and the network x30: 30 times the rate of Inception, decayed six times as fast, a
# fifth of its weight decay, 6 million steps of 32. The distortions are reduced by an unnamed
# amount; here by half.
BN_INCEPTION = replace(
    GOOGLENET,
    source="Ioffe and Szegedy 2015, sections 4.2.1 and 4.2.2",
    lr=0.045,
    epochs=150,
    images=ClassificationRecipe(replace(CROPS, distort=0.25)),
    decay=2e-4 / 5,
    schedule=Exponential(0.96, every=8 / 6),
    unprinted=("optimizer", "decay", "average", "images.augmentation"),
)

# Section 8, with the smoothing of section 7: RMSProp with 0.9 and epsilon 1.0, 0.045 times 0.94
# every two epochs, 50 machines with batches of 32, 100 epochs, clipping at 2.0, averaged weights.
# In TensorFlow epsilon is added inside the root and the mean square begins at 1; in torch it is
# added outside and begins at 0, so that the first steps are up to 1.4 times as large here.
# Its weight decay is given in Xception's paper, section 4.3; the momentum of 0.9 is from the
# released code. The paper does not describe augmentation and normalisation: GoogLeNet's crops and
# distortions are used, and zero mean and unit variance, because epsilon depends on the scale.
INCEPTION_V3 = replace(
    GOOGLENET,
    source="Szegedy et al. 2016, sections 7 and 8",
    optimizer=RMSprop(alpha=0.9, eps=1.0, momentum=0.9),
    lr=0.045,
    epochs=100,
    images=ClassificationRecipe(GOOGLENET.images.augmentation, smoothing=0.1),
    decay=4e-5,
    schedule=Exponential(0.94, every=2),
    clip=2.0,
    normalization="standard",
    unprinted=("optimizer", "decay", "images.augmentation", "average", "normalization"),
)

# Section 4: RMSProp, the rates and averaged weights of Inception-v3 for 20 machines, without
# clipping. The rest is not described and is that of Inception-v3.
INCEPTION_V4 = replace(
    INCEPTION_V3,
    source="Szegedy et al. 2017, section 4; rest: Inception-v3's",
    clip=0.0,
    unprinted=("optimizer", "batch", "epochs", "decay", "images.augmentation", "images.smoothing",
               "average", "normalization"),
)  # fmt: skip

# Section 4.2: momentum 0.9, 0.045 times 0.94 every two epochs, averaged weights. Section 4.3: decay
# 1e-5. Batch, length and distortions are not given and are those of Inception-v3.
XCEPTION = replace(
    INCEPTION_V3,
    source="Chollet 2017, sections 4.2 and 4.3; rest: Inception-v3's",
    optimizer=SGD(momentum=0.9),
    images=replace(INCEPTION_V3.images, smoothing=0.0),
    decay=1e-5,
    clip=0.0,
    unprinted=("batch", "epochs", "images.augmentation", "average", "normalization"),
)

# Section 5 of 2018, section 4 of the journal version: batches of 1024, rate 0.6, divided by 10
# every 30 of 100 epochs, Inception's crops, flips, zero mean. The weight decay is not given; it is
# ResNet's.
SENET = Recipe(
    name="paper",
    source="Hu et al. 2018, section 5",
    optimizer=SGD(momentum=0.9),
    lr=0.6,
    batch=1024,
    epochs=100,
    images=ClassificationRecipe(CROPS),
    decay=1e-4,
    decay_norms=True,
    schedule=Steps(((0.3, 0.1), (0.6, 0.01), (0.9, 0.001))),
    normalization="mean",
    unprinted=("decay",),
)

# Appendix: batches of 2048, rate 1.0 and label smoothing. The paper freezes the batch statistics in
# the last epochs, which is omitted.
SENET154 = replace(
    SENET,
    source="Hu et al. 2018, appendix",
    lr=1.0,
    batch=2048,
    images=ClassificationRecipe(CROPS, smoothing=0.1),
)
