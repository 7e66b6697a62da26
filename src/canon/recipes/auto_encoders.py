"""The recipes of auto-encoders."""

from dataclasses import replace

from canon.data.augment.augmentation import Augmentation
from canon.recipes.images import ClassificationRecipe
from canon.training.optimizers import SGD, AdamW
from canon.training.recipe import Recipe
from canon.training.schedules import Constant, Cosine, Exponential

MODERN = Recipe(
    name="modern",
    source="docs/clustering.md",
    optimizer=AdamW(),
    lr=2e-3,
    batch=256,
    epochs=20,
    images=ClassificationRecipe(Augmentation(crop=False, flip=False), crop=1.0),
    schedule=Cosine(warmup=1),
    normalization="none",
)

# From network.py and archs/mnist.json of the authors, since the paper prints none of it: a penalty
# of 5e-5 times the sum of squares, which is a decay of 1e-4, of weights alone; the number of epochs
# is an argument there.
CAE = replace(
    MODERN,
    name="paper",
    source="Aljalbout et al. 2018, the authors' network.py; rest: docs/clustering.md",
    optimizer=SGD(momentum=0.9, nesterov=True),
    lr=0.01,
    batch=100,
    epochs=50,
    decay=1e-4,
    schedule=Exponential(rate=0.9999, every=1),
    val=0.0,
    unprinted=("optimizer", "lr", "batch", "epochs", "decay", "schedule", "normalization", "val"),
)

# IDEC.py: Adam with its default parameters, 200 epochs; the paper refers to DEC's pre-training.
IDEC = replace(
    MODERN,
    name="paper",
    source="Guo et al. 2017, the authors' IDEC.py; rest: docs/clustering.md",
    lr=1e-3,
    batch=256,
    epochs=200,
    schedule=Constant(),
    val=0.0,
    unprinted=("optimizer", "lr", "epochs", "schedule", "normalization", "val"),
)

# Section 4.2: Adam with its default parameters, trained end to end for 200 epochs.
DCEC = replace(IDEC, source="Guo et al. 2017, section 4.2", unprinted=("normalization", "val"))
