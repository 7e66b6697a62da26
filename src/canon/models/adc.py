"""Network of associative deep clustering: Haeusser et al., GCPR 2018; see PAPER.

Differences from the paper: none known; the layers are those of `mnist_model_dropout` in the
authors' architectures.py. `adc-thin` has half the maps, for machines without a GPU.
"""

from torch import Tensor, nn

from canon.layers import init, side_after, stages
from canon.registry import Paper, Published, register
from canon.types import Images, Logits

PAPER = Paper(
    authors="Haeusser, Plapp, Golkov, Aljalbout, Cremers",
    title="Associative Deep Clustering: Training a Classification Network with No Labels",
    venue="GCPR",
    year=2018,
    identifier="doi:10.1007/978-3-030-12939-2_2",
)


@register(
    "adc", paper=PAPER,
    published=Published(435_306, 29_275_904, image=28, channels=1, classes=10),
)  # fmt: skip
@register(
    "adc-thin", paper=PAPER, widths=(16, 32, 64),
    published=Published(146_938, 7_413_248, image=28, channels=1, classes=10),
)  # fmt: skip
class ADC(nn.Module):
    """Twice two convolutions and a pooling, then an embedding of 128 values and the logits.

    Args:
        widths: maps of the three stages.
        classes: number of outputs.
        channels: of the input.
        image: side of the input in pixels.
        seed: of the initial weights (Glorot).

    Shape: (N, 1, 28, 28) -> (N, K); any square from 8 pixels when built with `image`.
    """

    def __init__(
        self,
        widths: tuple[int, int, int] = (32, 64, 128),
        classes: int = 10,
        channels: int = 1,
        image: int = 28,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.image = image
        w1, w2, w3 = widths
        side = side_after(image, *[(2, 2)] * 3)
        self.features = stages(
            stage1=_convs(channels, w1),  # 32 x 28 x 28
            pool1=nn.Sequential(nn.MaxPool2d(2), nn.Dropout(0.2)),  # 32 x 14 x 14
            stage2=_convs(w1, w2),  # 64 x 14 x 14
            pool2=nn.Sequential(nn.MaxPool2d(2), nn.Dropout(0.2)),  # 64 x 7 x 7
            stage3=_convs(w2, w3),  # 128 x 7 x 7
            pool3=nn.MaxPool2d(2),  # 128 x 3 x 3
        )
        self.head = stages(
            flatten=nn.Flatten(),
            embedding=nn.Sequential(nn.Linear(w3 * side**2, 128), nn.ELU()),
            logits=nn.Linear(128, classes),
        )
        init.glorot(self, seed)

    def encode(self, x: Images) -> Tensor:
        """The embedding, (N, 128)."""
        return self.head[:-1](self.features(x))

    def forward(self, x: Images) -> Logits:
        return self.head(self.features(x))


def _convs(c_in: int, c_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, 3, padding=1), nn.ELU(),
        nn.Conv2d(c_out, c_out, 3, padding=1), nn.ELU(),
    )  # fmt: skip
