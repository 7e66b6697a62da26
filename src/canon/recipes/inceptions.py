"""The recipes of the Inception line, Xception and SENet, which share Inception's patches.

All but SENet's trained on many machines at once, each step of one of them taken alone: a batch is
that of one machine, and its rate is the paper's.
"""

from dataclasses import replace

from canon.data.augment.augmentation import Augmentation
from canon.training.recipe import Recipe

PATCHES = Augmentation(area=(0.08, 1.0))

# Section 6: momentum 0.9, 4 % less every 8 epochs, averaged weights, patches of 8 to 100 % and
# Howard's distortions, which include AlexNet's colours. It gives no rate, batch, decay or length:
# they are those of Caffe's version of the network (bvlc_googlenet, quick solver): 2.4 million
# iterations of 32 are 60 passes. Nor how slow the average is: 0.9999 as in TensorFlow's code.
GOOGLENET = Recipe(
    name="paper",
    source="Szegedy et al. 2015, sections 6 and 7",
    optimiser="sgd",
    lr=0.01,
    batch=32,
    epochs=60,
    decay=2e-4,
    decay_norms=True,
    schedule="exponential",
    factor=0.96,
    every=8,
    average=0.9999,
    augmentation=replace(PATCHES, distort=0.5, colour=0.1),
    normalisation="mean",
    protocol="multi-crop",
)

# Section 4.2.1 and the network x30: the rate 30 times that of Inception, its decay six times as
# fast, a fifth of its weight decay, 6 million steps of 32. It reduces the distortions without a
# number; half is taken.
BN_INCEPTION = replace(
    GOOGLENET,
    source="Ioffe and Szegedy 2015, sections 4.2.1 and 4.2.2",
    lr=0.045,
    epochs=150,
    decay=2e-4 / 5,
    every=8 / 6,
    augmentation=replace(PATCHES, distort=0.25),
    protocol="1-crop",
)

# Section 8, with the smoothing of section 7: RMSProp with 0.9 and epsilon 1.0, 0.045 times 0.94
# every two epochs, 50 machines with batches of 32, 100 epochs, clipping at 2.0, averaged weights.
# Its weight decay is told by Xception's paper, section 4.3; the momentum of 0.9 is that of the
# machines' code. It does not say how images are distorted or scaled: GoogLeNet's patches and
# distortions, and zero mean and unit deviation, as epsilon depends on the scale.
INCEPTION_V3 = replace(
    GOOGLENET,
    source="Szegedy et al. 2016, sections 7 and 8",
    optimiser="rmsprop",
    alpha=0.9,
    eps=1.0,
    lr=0.045,
    epochs=100,
    decay=4e-5,
    factor=0.94,
    every=2,
    smoothing=0.1,
    clip=2.0,
    normalisation="standard",
    protocol="1-crop",
)

# Section 4 repeats RMSProp, the rates and the averaged weights for 20 machines, without clipping;
# what it leaves out is that of Inception-v3.
INCEPTION_V4 = replace(INCEPTION_V3, source="Szegedy et al. 2017, section 4", clip=0.0)

# Sections 4.3 and 4.4: momentum 0.9, 0.045 times 0.94 every two epochs, decay 1e-5, averaged
# weights. Batch, length and distortions are not given: those of Inception-v3.
XCEPTION = replace(
    INCEPTION_V3,
    source="Chollet 2017, sections 4.3 and 4.4",
    optimiser="sgd",
    decay=1e-5,
    smoothing=0.0,
    clip=0.0,
)

# Section 5 of 2018, section 4 of the journal: batches of 1024, 0.6, a tenth every 30 of 100 passes,
# patches, mirrors, zero mean. Its weight decay is not given: ResNet's.
SENET = Recipe(
    name="paper",
    source="Hu et al. 2018, section 5",
    optimiser="sgd",
    lr=0.6,
    batch=1024,
    epochs=100,
    decay=1e-4,
    decay_norms=True,
    schedule="step",
    steps=((0.3, 0.1), (0.6, 0.01), (0.9, 0.001)),
    augmentation=PATCHES,
    normalisation="mean",
)

# Appendix: batches of 2048, a rate of 1.0 and smoothed labels. It freezes the statistics in the
# last passes, which is left out.
SENET154 = replace(SENET, source="Hu et al. 2018, appendix", lr=1.0, batch=2048, smoothing=0.1)
