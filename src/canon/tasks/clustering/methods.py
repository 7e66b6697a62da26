"""The methods of deep clustering, as points of one taxonomy.

Aljalbout et al., "Clustering with Deep Learning: Taxonomy and New Methods", arXiv 2018, section 2:
a method is a choice of network, features, non-clustering loss, clustering loss, how both are
combined, and whether clustering is run again at the end.
"""

from dataclasses import dataclass, replace
from typing import Literal, get_args

from canon.data.augment.augmentation import Augmentation
from canon.errors import InputError, unknown
from canon.recipes import auto_encoders
from canon.recipes.images import ClassificationRecipe
from canon.tasks.clustering import starts
from canon.training.optimizers import AdamW
from canon.training.recipe import Recipe
from canon.training.schedules import Constant

ImageRecipe = Recipe[ClassificationRecipe]
Space = Literal["code", "pixels"]
Start = Literal["k-means", "mixture"]
Augmentations = Literal["none", "shifts", "affine", "crops"]
Loss = Literal["hardening", "k-means", "classification", "association"]


@dataclass(frozen=True)
class Method:
    """One method.

    Args:
        name: as in `canon cluster --method`.
        source: the paper.
        network: registered name of the auto-encoder.
        pretraining: how it is trained before clustering: the non-clustering loss.
        space: what the first clusters are found in: the codes, or the pixels.
        start: how: k-means, or a Gaussian mixture on a UMAP embedding; None for association,
            which starts from random weights.
        loss: the clustering loss; None keeps the first clusters.
        training: how the network is trained with it; None without a loss.
        weight: of the clustering loss.
        reconstruction: weight of the reconstruction loss in training; 0 leaves the decoder out.
        classifier: registered name of the network that classification and association train.
        again: whether clusters are found again in the codes after training: by k-means; or, with
            classification, by UMAP and a mixture, and if they are better than the classifier's own,
            it learns these too.
        augmentation: of the images in training: none; shifts and rotations, which pre-training has
            too; larger ones with changes of scale; or crops with rotations. Targets come from the
            images as they are.
        centered: whether inputs are in [-1, 1] instead of [0, 1].
        warming: how association trains before k-means.
    """

    name: str
    source: str
    network: str
    pretraining: ImageRecipe
    space: Space = "code"
    start: Start | None = "k-means"
    loss: Loss | None = None
    training: ImageRecipe | None = None
    weight: float = 1.0
    reconstruction: float = 0.0
    classifier: str | None = None
    again: bool = False
    augmentation: Augmentations = "none"
    centered: bool = False
    warming: ImageRecipe | None = None

    def __post_init__(self) -> None:
        for name, allowed in (("space", get_args(Space)), ("start", (*get_args(Start), None)),
                              ("loss", (*get_args(Loss), None)),
                              ("augmentation", get_args(Augmentations))):  # fmt: skip
            if getattr(self, name) not in allowed:
                raise InputError(
                    f"method {self.name} has {name} {getattr(self, name)!r}; expected one of "
                    f"{', '.join(map(repr, allowed))}. Pass one of them."
                )
        rules = {
            "start": (self.start is None) == (self.loss == "association"),
            "training": (self.training is None) == (self.loss is None),
            "warming": (self.warming is not None) == (self.loss == "association"),
            "again": not self.again or self.loss in ("hardening", "k-means", "classification"),
            "classifier": (self.classifier is not None)
            == (self.loss in ("classification", "association")),
        }
        for name, right in rules.items():
            if not right:
                raise InputError(
                    f"method {self.name} has {name} {getattr(self, name)!r} with loss "
                    f"{self.loss!r}, which do not belong together. See docs/clustering.md for "
                    "what each loss needs."
                )

    @property
    def needs_umap(self) -> bool:
        """Whether it needs the extra `cluster`."""
        return self.start == "mixture" or (self.again and self.classifier is not None)

    @property
    def first(self) -> str:
        """How the first clusters are found, in words."""
        if self.start is None:
            return "none"
        space = "codes" if self.space == "code" else "pixels"
        return f"{'UMAP and mixture' if self.start == 'mixture' else 'k-means'} on {space}"

    @property
    def head(self) -> Literal["logits", "nearest", "student"]:
        """How it assigns: by a classifier, by the nearest known codes, or by the nearest centre."""
        if self.classifier:
            return "logits"
        return "nearest" if self.loss is None and self.start == "mixture" else "student"

    @property
    def again_in_words(self) -> str:
        """How clusters are found again after training."""
        if not self.again:
            return "no"
        return "UMAP and mixture, training" if self.classifier else "k-means"

    @property
    def loss_in_words(self) -> str:
        """The clustering loss and its weight."""
        if self.loss is None:
            return "none"
        return self.loss if self.weight == 1 else f"{self.loss} x {self.weight:g}"


def augmentation_of(method: Method, side: int, *, pretraining: bool = False) -> Augmentation:
    """How a method changes images of so many pixels per side while it trains.

    `shifts`: by up to a tenth of the side, with rotations by up to 10 degrees (Guo et al., ACML
    2018). `crops`: of four fifths to all of the side, with rotations by up to 15 degrees (Haeusser
    et al., GCPR 2018). `affine`: by up to 15 % and 15 degrees, and scaled by 0.85 to 1.15.
    """
    kind = method.augmentation
    if kind == "none" or (kind in ("affine", "crops") and pretraining):
        return Augmentation(crop=False, flip=False)
    if kind == "crops":
        return Augmentation(flip=False, rotate=15.0, scale=(1.0, 1.25))
    if kind == "shifts":
        return Augmentation(pad=max(1, round(0.1 * side)), flip=False, rotate=10.0)
    return Augmentation(pad=max(1, round(0.15 * side)), flip=False, rotate=15.0, scale=(0.85, 1.15))


# fmt: off
PRETRAINING = replace(auto_encoders.MODERN, epochs=12, val=0.0)
ADAM = replace(PRETRAINING, lr=3e-4, epochs=20, schedule=Constant())
# The authors' network.py: Nesterov's momentum, rate 0.01; the divergence is summed over a batch of
# 100, where the squared error is a mean.
ALJALBOUT = replace(auto_encoders.CAE, lr=0.01, decay=0.0, schedule=Constant(), epochs=10)
# train_unsup2.py: Adam with betas of 0.8 and 0.9 in batches of 100, the rate a third every 5,000
# steps; the first thousand steps have a logistic warm-up there.
ASSOCIATION = replace(
    PRETRAINING, optimizer=AdamW(betas=(0.8, 0.9)), lr=2e-4, batch=100, epochs=5,
    schedule=Constant(),
)  # fmt: skip
SELF_LABEL = replace(PRETRAINING, lr=2e-3, decay=0.05, epochs=12)
# fmt: on

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            "self-label", "N2D on pixels, then cluster classification: docs/clustering.md",
            "idec-ae", PRETRAINING, space="pixels", start="mixture", loss="classification",
            training=SELF_LABEL, classifier="adc-thin", augmentation="affine", again=True,
        ),
        Method(
            "features", "a trained network: --weights", "dcec-ae", PRETRAINING, start="mixture",
        ),
        Method("ae-kmeans", "baseline: an auto-encoder, then k-means", "idec-ae", PRETRAINING),
        Method(
            "n2d", "McConville et al., ICPR 2020", "idec-ae", PRETRAINING, start="mixture",
        ),
        Method(
            "dec", "Xie et al., ICML 2016", "idec-ae", PRETRAINING, loss="hardening",
            training=ADAM,
        ),
        Method(
            "idec", "Guo et al., IJCAI 2017", "idec-ae", PRETRAINING, loss="hardening",
            training=ADAM, weight=0.1, reconstruction=1.0,
        ),
        Method(
            "dcec", "Guo et al., ICONIP 2017", "dcec-ae", PRETRAINING, loss="hardening",
            training=ADAM, weight=0.1, reconstruction=1.0,
        ),
        Method(
            "dec-da", "Guo et al., ACML 2018", "idec-ae", PRETRAINING, loss="hardening",
            training=ADAM, augmentation="shifts",
        ),
        Method(
            "idec-da", "Guo et al., ACML 2018", "idec-ae", PRETRAINING, loss="hardening",
            training=ADAM, weight=0.1, reconstruction=1.0, augmentation="shifts",
        ),
        Method(
            "dcec-da", "Guo et al., ACML 2018", "dcec-ae", PRETRAINING, loss="hardening",
            training=ADAM, augmentation="shifts",
        ),
        Method(
            "aljalbout", "Aljalbout et al., arXiv 2018", "cae", auto_encoders.CAE,
            loss="hardening", training=ALJALBOUT, weight=100.0, reconstruction=1.0, again=True,
        ),
        Method(
            "aljalbout-da", "Aljalbout et al., arXiv 2018, augmented", "cae", auto_encoders.CAE,
            loss="hardening", training=ALJALBOUT, weight=100.0, reconstruction=1.0, again=True,
            augmentation="shifts",
        ),
        Method(
            "aljalbout-kmeans", "Aljalbout et al., arXiv 2018", "cae", auto_encoders.CAE,
            loss="k-means", training=replace(ALJALBOUT, epochs=30), weight=0.1,
            reconstruction=1.0, again=True,
        ),
        Method(
            "adc", "Haeusser et al., GCPR 2018", "idec-ae", PRETRAINING, start=None,
            loss="association",
            training=replace(ASSOCIATION, epochs=15), warming=replace(ASSOCIATION, epochs=2),
            classifier="adc", augmentation="crops", centered=True,
        ),
        Method(
            "adc-thin", "Haeusser et al., GCPR 2018", "idec-ae", PRETRAINING, start=None,
            loss="association",
            training=replace(ASSOCIATION, epochs=5), warming=replace(ASSOCIATION, epochs=2),
            classifier="adc-thin", augmentation="crops", centered=True,
        ),
    )
}  # fmt: skip


def add_method(method: Method) -> None:
    """Make a method of one's own known by its name, in place of one of the same name."""
    METHODS[method.name] = method


def method_named(name: str) -> Method:
    """The method of that name; `auto` is the best one that can run here.

    Raises:
        InputError: there is none; the message names the nearest.
    """
    if name == "auto":
        return METHODS["self-label" if starts.has_umap() else "dcec-da"]
    if name not in METHODS:
        raise unknown("method", name, METHODS, "`canon list methods`")
    return METHODS[name]
