"""Add the network of a paper: define it, register it, check its numbers, train it.

The columns of the multi-column networks of Ciresan, Meier, Schmidhuber (CVPR 2012). The paper
writes the one for MNIST as 1x29x29-20C4-MP2-40C5-MP3-150N-10N. Difference from the paper: the
initial weights, which are Glorot's. To contribute a network, put it into src/canon/models/.
"""

from torch import nn

import canon
from canon.layers import init, stages
from canon.layers.conv_arithmetic import side_after
from canon.registry import Paper, Published, register
from canon.types import Images, Logits

PAPER = Paper(
    authors="Ciresan, Meier, Schmidhuber",
    title="Multi-column Deep Neural Networks for Image Classification",
    venue="CVPR",
    year=2012,
    identifier="arXiv:1202.2745",
)
MNIST = Published(params=76_040, macs=1_891_820, image=29, channels=1, classes=10)
WIDE = Published(params=190_420, macs=7_022_140, image=29, channels=1, classes=10)


def column(c_in: int, c_out: int, kernel: int, pool: int) -> nn.Sequential:
    """A convolution, max pooling, and tanh."""
    return nn.Sequential(nn.Conv2d(c_in, c_out, kernel), nn.MaxPool2d(pool), nn.Tanh())


@register("column-mnist", paper=PAPER, published=MNIST, widths=(20, 40))
@register("column-mnist-wide", paper=PAPER, published=WIDE, widths=(40, 80))  # not in the paper
class Column(nn.Module):
    """One column: two convolutions, two fully connected layers.

    Args:
        widths: channels of the two convolutions.
        classes: number of outputs.
        channels: of the input.
        image: side of the input in pixels.
        seed: of the initial weights (Glorot).

    Shape: (N, 1, 29, 29) -> (N, K)
    """

    def __init__(
        self, widths: tuple[int, int], classes: int = 10, channels: int = 1, image: int = 29,
        seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        w1, w2 = widths
        self.features = stages(
            conv1=column(channels, w1, kernel=4, pool=2),  # 20 x 13 x 13
            conv2=column(w1, w2, kernel=5, pool=3),  # 40 x 3 x 3
        )
        side = side_after(image, (4, 1), (2, 2), (5, 1), (3, 3))
        self.head = stages(
            flatten=nn.Flatten(),
            fc3=nn.Sequential(nn.Linear(w2 * side**2, 150), nn.Tanh()),
            fc4=nn.Linear(150, classes),
        )
        init.glorot(self, seed)

    def forward(self, x: Images) -> Logits:
        """Logits."""
        return self.head(self.features(x))


def main() -> None:
    """Check the registered numbers, and train on the built-in digits, resized to 29 pixels."""
    for name in ("column-mnist", "column-mnist-wide"):
        table, published = canon.describe(name), canon.model_info(name).published
        print(f"{name}: {table.params:,} parameters, {table.macs:,} multiply-accumulates")
        assert (table.params, table.macs) == (published.params, published.macs)
    run = canon.train(canon.TrainConfig("column-mnist", "digits", image=29, epochs=5))
    split, metrics = canon.evaluate(run)
    print(f"{split}: top-1 {metrics.top(1):.1%} after 5 epochs")


if __name__ == "__main__":
    main()
