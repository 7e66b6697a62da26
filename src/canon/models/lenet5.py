"""LeNet-5: LeCun et al., Proceedings of the IEEE 1998; see PAPER.

Differences from the paper: the target bitmaps are printed only as a picture (Figure 3). Those below
are drawn after it; an independent transcription has the same 1, 3, 7, 8 and 9, one pixel of the 6
otherwise, and other forms of 0, 2, 4 and 5. For other than ten classes the targets are random +-1
codes, which section II.B names as the alternative. `lenet5-modern` is the network that
is taught under the name: rectifiers, parameter-free max pooling, every map of S2 into every map of
C3, and linear outputs.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from canon.layers import init, stages
from canon.layers.conv_arithmetic import side_after
from canon.layers.init import fan_in, generator
from canon.registry import Errors, Paper, Printed, Published, register
from canon.types import Images, Labels, Logits

PAPER = Paper(
    authors="LeCun, Bottou, Bengio, Haffner",
    title="Gradient-Based Learning Applied to Document Recognition",
    venue="Proceedings of the IEEE",
    year=1998,
    identifier="doi:10.1109/5.726791",
)

# Table I: a column is a map of C3, a row a map of S2; X where they are connected.
C3_TABLE = """\
X...XXX..XXXX.XX
XX...XXX..XXXX.X
XXX...XXX..X.XXX
.XXX..XXXX..X.XX
..XXX..XXXX.XX.X
...XXX..XXXX.XXX""".splitlines()

# Figure 3, after the picture: 7 x 12 bitmaps of the digits, ten rows used, side by side.
DIGITS = """\
..###.. ...##.. .#####. ####### ....##. ####### ..####. ####### .#####. .#####.
.##.##. ..###.. ##...## .....## ...###. ##..... .##.... .....## ##...## ##..###
##...## .####.. .....## ....##. ...###. ##..... ##..... .....## ##...## ##...##
##...## ...##.. .....## ...##.. ..####. ##..... ##..... ....##. ##...## ##...##
##...## ...##.. ....##. ..####. .##.##. ######. ######. ...##.. .#####. ##..###
##...## ...##.. ...##.. .....## .##.##. .....## ###..## ...##.. ##...## .######
##...## ...##.. ..##... .....## ####### .....## ##...## ..##... ##...## .....##
##...## ...##.. .##.... .....## ....##. .....## ##...## ..##... ##...## .....##
.##.##. ...##.. ##..... ##...## ....##. ##...## ###..## ..##... ##...## ....##.
..###.. .###### ####### .#####. ....##. .#####. .#####. ..##... .#####. .####..""".splitlines()
DIGITS += 2 * [" ".join(10 * ["......."])]

S4 = (5,), (2, 2), (5,), (2, 2)  # the windows from the input to S4


class ScaledTanh(nn.Module):
    """f(a) = A tanh(S a) with A = 1.7159, S = 2/3, so that f(+-1) = +-1 (appendix A)."""

    def forward(self, x: Tensor) -> Tensor:
        return 1.7159 * torch.tanh(x * (2 / 3))


class Subsample(nn.Module):
    """The sum of each 2 x 2 neighbourhood, times a coefficient, plus a bias, one of each a map.

    Shape: (N, C, H, W) -> (N, C, H/2, W/2)
    """

    fans, kernel_size, stride = 4, 2, 2  # fans: inputs of a unit

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(maps))
        self.bias = nn.Parameter(torch.zeros(maps))

    def forward(self, x: Tensor) -> Tensor:
        total = 4 * F.avg_pool2d(x, 2)
        return total * self.weight[:, None, None] + self.bias[:, None, None]


class TableConv(nn.Module):
    """A 5 x 5 convolution that connects only the pairs of maps its table marks.

    Args:
        table: a row per input map, a column per output map, X where connected.

    Shape: (N, rows, H, W) -> (N, columns, H - 4, W - 4)
    """

    pairs: Tensor  # the index of each kernel in the dense weight
    fans: Tensor  # inputs of the unit that each kernel belongs to

    def __init__(self, table: list[str]) -> None:
        super().__init__()
        self.c_in, self.c_out, self.kernel_size = len(table), len(table[0]), (5, 5)
        pairs = [(o, i) for o in range(self.c_out) for i in range(self.c_in) if table[i][o] == "X"]
        fans = [25.0 * sum(row[o] == "X" for row in table) for o, _ in pairs]
        places = torch.tensor([o * self.c_in + i for o, i in pairs])
        self.register_buffer("pairs", places, persistent=False)
        self.register_buffer("fans", torch.tensor(fans)[:, None, None], persistent=False)
        self.weight = nn.Parameter(torch.empty(len(pairs), 5, 5))
        self.bias = nn.Parameter(torch.zeros(self.c_out))

    def forward(self, x: Tensor) -> Tensor:
        full = self.weight.new_zeros(self.c_out * self.c_in, 5, 5)
        full = full.index_copy(0, self.pairs, self.weight)
        return F.conv2d(x, full.view(self.c_out, self.c_in, 5, 5), self.bias)

    def multiplications(self, y: Tensor) -> int:
        """For one image, given the output (N, C, H, W)."""
        return self.weight.numel() * y.shape[-2] * y.shape[-1]


class RBF(nn.Module):
    """Distances to a fixed +-1 code for each class: y_i = sum_j (x_j - w_ij)^2.

    Shape: (N, 84) -> (N, K) of -y: the highest is the likeliest.
    """

    codes: Tensor

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.register_buffer("codes", _codes(classes), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return -(x[:, None, :] - self.codes).square().sum(2)

    def multiplications(self, y: Tensor) -> int:  # noqa: ARG002
        """One per component of each code, for one image."""
        return self.codes.numel()


def _codes(classes: int) -> Tensor:
    if classes != 10:
        return 2.0 * torch.randint(2, (classes, 84), generator=generator(1998), device="cpu") - 1
    columns = [[row.split()[digit] for row in DIGITS] for digit in range(10)]
    return torch.tensor([[1.0 if p == "#" else -1.0 for p in "".join(c)] for c in columns])


@register(
    "lenet5",
    paper=PAPER,
    published=Published(
        params=60_000,
        macs=326_520,
        image=32,
        channels=1,
        classes=10,
        layers=7,
        printed_params=Printed(60_000, 0, "section II.B"),
        errors=Errors(0.0095, None, "MNIST test, section III.B"),
    ),
)
class LeNet5(nn.Module):
    """LeNet-5 as in 1998: trainable subsampling, partly connected C3, outputs that are distances.

    Args:
        classes: number of outputs.
        channels: of the input.
        image: side of the input in pixels; C5's kernel covers S4's whole map.
        seed: of the initial weights, U(-2.4/F, 2.4/F) with F the fan-in (appendix A).

    Shape: (N, 1, 32, 32) -> (N, 10); any square from 16 pixels when built with `image`.
    """

    def __init__(
        self, classes: int = 10, channels: int = 1, image: int = 32, seed: int = 0
    ) -> None:
        super().__init__()
        self.image = image
        side = side_after(image, *S4)
        self.features = stages(
            c1=nn.Sequential(nn.Conv2d(channels, 6, 5), ScaledTanh()),  # 6 x 28 x 28
            s2=nn.Sequential(Subsample(6), ScaledTanh()),  # 6 x 14 x 14
            c3=nn.Sequential(TableConv(C3_TABLE), ScaledTanh()),  # 16 x 10 x 10
            s4=nn.Sequential(Subsample(16), ScaledTanh()),  # 16 x 5 x 5
            c5=nn.Sequential(nn.Conv2d(16, 120, side), ScaledTanh()),  # 120 x 1 x 1
        )
        f6 = nn.Sequential(nn.Linear(120, 84), ScaledTanh())
        self.head = stages(flatten=nn.Flatten(), f6=f6, output=RBF(classes))
        self._initialise(seed)

    @torch.no_grad()
    def _initialise(self, seed: int) -> None:
        source = generator(seed)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear | Subsample | TableConv):
                fans = layer.fans if isinstance(layer, Subsample | TableConv) else fan_in(layer)
                layer.weight.uniform_(-2.4, 2.4, generator=source).div_(fans)
                init.zero_bias(layer)

    def forward(self, x: Images) -> Logits:
        return self.head(self.features(x))

    def loss(self, logits: Logits, labels: Labels, j: float = 0.1) -> Tensor:
        """The discriminative criterion of equation 9, one value per sample, nats.

        E = y_D + log(exp(-j) + sum_i exp(-y_i)), with y the distances (here -logits); j keeps
        the penalties of classes that are already far away from growing.
        """
        rubbish = logits.new_full((len(logits), 1), -j)
        everything = torch.cat([logits, rubbish], 1).logsumexp(1)
        return everything - logits.gather(1, labels[:, None])[:, 0]


@register(
    "lenet5-modern",
    paper=PAPER,
    published=Published(params=61_706, macs=416_520, image=32, channels=1, classes=10),
)
class LeNet5Modern(nn.Module):
    """LeNet-5 as it is taught: the same sizes with modern parts.

    Args:
        classes: number of outputs.
        channels: of the input.
        image: side of the input in pixels; C5's kernel covers S4's whole map.
        seed: of the initial weights (He).

    Shape: (N, 1, 32, 32) -> (N, 10); any square from 16 pixels when built with `image`.
    """

    def __init__(
        self, classes: int = 10, channels: int = 1, image: int = 32, seed: int = 0
    ) -> None:
        super().__init__()
        self.image = image
        self.features = stages(
            c1=nn.Sequential(nn.Conv2d(channels, 6, 5), nn.ReLU()),  # 6 x 28 x 28
            s2=nn.MaxPool2d(2),  # 6 x 14 x 14
            c3=nn.Sequential(nn.Conv2d(6, 16, 5), nn.ReLU()),  # 16 x 10 x 10
            s4=nn.MaxPool2d(2),  # 16 x 5 x 5
            c5=nn.Sequential(nn.Conv2d(16, 120, side_after(image, *S4)), nn.ReLU()),  # 120 x 1 x 1
        )
        f6 = nn.Sequential(nn.Linear(120, 84), nn.ReLU())
        self.head = stages(flatten=nn.Flatten(), f6=f6, output=nn.Linear(84, classes))
        init.he(self, seed)

    def forward(self, x: Images) -> Logits:
        return self.head(self.features(x))
