"""The list of figures: number, name, claim, and what each needs."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from canon.errors import CanonError, InputError, unknown

if TYPE_CHECKING:
    from canon.reproduce.result import Result, Work


@dataclass(frozen=True)
class Reproduction:
    """One figure or claim.

    Args:
        number: in the list.
        name: on the command line.
        claim: what the source says.
        module: below `canon.reproduce`.
        small: seconds at small scale on two cores.
        full: what the scale of the paper costs; empty if both are the same.
    """

    number: int
    name: str
    claim: str
    module: str
    small: int
    full: str = ""

    def run(self, work: "Work") -> "Result":
        """Do the experiment.

        Raises:
            CanonError: data or a package that it needs is missing.
        """
        result: Result = import_module(f"canon.reproduce.{self.module}").run(work)
        return result


# fmt: off
FIGURES = (
    Reproduction(1, "output-sizes", "An output has (N - F + 2P)/S + 1 values a side, and a fraction is illegal.", "arithmetic.output_sizes", 2),
    Reproduction(2, "lenet5", "LeNet-5 has 60,000 trainable parameters.", "arithmetic.lenet5", 2),
    Reproduction(3, "clustering", "Deep clustering beats k-means on the codes of an auto-encoder, which beats k-means on pixels.", "training.clustering", 50, "MNIST, three seeds: about 80 minutes on two cores"),
    Reproduction(4, "ilsvrc", "From 8 to 152 layers, the top-5 error on ILSVRC fell from 16.4 to 3.57 %.", "arithmetic.ilsvrc", 4),
    Reproduction(5, "vgg", "VGG A to E have 133 to 144 million parameters.", "arithmetic.vgg", 3),
    Reproduction(6, "degradation", "Deeper plain nets have a higher training error; residual nets do not.", "training.degradation", 50, "CIFAR-10, nine networks of 164 epochs: about a day on a GPU, weeks on two cores"),
    Reproduction(7, "identity", "A residual block with zero weights is the identity, so that additional blocks need do no harm.", "training.identity", 15),
    Reproduction(8, "pointwise", "A 1 x 1 convolution is one fully connected layer for all pixels; it reduces channels.", "networks.pointwise", 3),
    Reproduction(9, "inception", "Reductions by 1 x 1 turn 470 million multiplications into 40 million.", "arithmetic.inception", 3),
    Reproduction(10, "separable", "A depthwise separable convolution needs a fraction of the multiplications.", "networks.separable", 20),
    Reproduction(11, "dense", "A fully convolutional network computes all scores of a large image at once.", "networks.dense", 25, "AlexNet on 500 x 500: half a minute on two cores"),
    Reproduction(12, "interpolation", "Nearest-neighbour, bilinear and bicubic interpolation enlarge a picture by ten.", "networks.interpolation", 4),
    Reproduction(13, "unpooling", "Unpooling and transposed convolution turn 3 x 3 into 5 x 5; uneven overlap makes checkerboards.", "networks.unpooling", 4),
    Reproduction(14, "unet", "U-Net maps 572 x 572 pixels to 388 x 388, by cropping 4, 16, 40 and 88 pixels.", "arithmetic.unet", 3),
    Reproduction(15, "features", "From layer to layer, channels respond to larger patterns that are more specific to a class.", "training.features", 45, "CIFAR-10, ResNet-20 of 164 epochs: about an hour on a GPU, a day on two cores"),
    Reproduction(16, "gradients", "Gradients vanish or explode with depth, unless weights have the right variance.", "training.gradients", 30, "plain and residual nets of 20 to 110 layers: a minute on two cores"),
    Reproduction(17, "top-k", "A prediction is right in top-5 if the class is among the five likeliest.", "networks.top_k", 15),
    Reproduction(18, "chairs", "A generator draws a chair between two chairs that it has learned.", "training.chairs", 50, "chairs at 128 pixels: about four hours on two cores"),
)
# fmt: on


def find(name: str) -> Reproduction:
    """A figure by its name or number.

    Raises:
        InputError: there is none.
    """
    for figure in FIGURES:
        if name in (figure.name, str(figure.number)):
            return figure
    if name.isdigit():
        raise InputError(
            f"there is no figure {name}; expected 1 to {len(FIGURES)}. `canon reproduce list` "
            "shows all."
        )
    raise unknown("figure", name, [f.name for f in FIGURES], "`canon reproduce list`")


def attempt(figure: Reproduction, work: "Work") -> "Result | str":
    """A result; or what is missing, if it lacks data or a package."""
    try:
        return figure.run(work)
    except CanonError as reason:
        return str(reason)
