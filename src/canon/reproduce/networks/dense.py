"""A classifier becomes fully convolutional: equal scores, and the speed of dense evaluation."""

from functools import partial

import torch
from torch import Tensor, nn

from canon.layers.fully_convolutional import fully_convolutional
from canon.models import build
from canon.reproduce.charts import bars
from canon.reproduce.result import Picture, Result, Row, Work
from canon.reproduce.timing import medians, threads

SOURCE = "Long et al., CVPR 2015, section 4.1"
CROP = 227


def run(work: Work) -> Result:
    """Compare scores and times of the whole image with those of its crops."""
    side, rounds = (500, 5) if work.scale == "full" else (355, 2)
    net = build("alexnet").eval()
    whole = fully_convolutional(net)
    image = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        rows, columns = whole(image).shape[-2:]
        crops = torch.cat([image[..., y : y + CROP, x : x + CROP]
                           for y in _starts(side, rows) for x in _starts(side, columns)])  # fmt: skip
        single = net(crops)
        own = _relative(whole(crops[:1])[..., 0, 0], single[:1])
        padded = _relative(whole(image)[0].flatten(1).T, single)
    times = medians(
        {"whole image": partial(whole, image), "crops in one batch": partial(net, crops),
         "crops one by one": partial(_one_by_one, net, crops)},
        rounds, lambda done: work.watch("timing", done, rounds),
    )  # fmt: skip
    one, batch, single_crops = times.values()
    found = (
        Row(f"AlexNet on {side} x {side}: scores", (rows, columns), (10, 10) if side == 500 else None,
            f"{SOURCE}, whose network pads its input"),
        Row("AlexNet on one crop, both forms: largest relative difference", own, 0.0, "the same weights", 1e-4, expected=True),
        Row("AlexNet, which pads inside, on the image and on its crops: largest relative difference", padded),
        Row("LeNet-5 with ReLU, which does not pad, on 52 x 52 and on its 36 crops: largest difference", _lenet(), 0.0, "the same weights", 1e-4, expected=True),
        Row("time of the crops in one batch over that of the image", batch / one,
            5.45 if work.scale == "full" else None, f"{SOURCE}, 100 crops x 1.2 ms against 22 ms on a GPU"),
        Row("time of the crops one by one over that of the image", single_crops / one,
            24.5 if work.scale == "full" else None, f"{SOURCE}, 100 x 5.4 ms against 22 ms"),
    )  # fmt: skip
    chart = bars(list(times), [1000 * t for t in times.values()], "milliseconds")
    conclusion = (
        f"{rows} x {columns} scores of one image take {batch / one:.1f} times less time than "
        f"{rows * columns} crops in one batch. Padding inside AlexNet makes its scores differ by up "
        f"to {100 * padded:.0f} % of the largest from those of crops."
    )
    conditions = f"random weights and image, median of {rounds} interleaved rounds, {threads()}"
    return Result(found, (Picture("Time of dense evaluation", chart),), conclusion, conditions)


def _starts(side: int, count: int) -> list[int]:
    """Where the crops of the scores begin: at multiples of the network's stride of 32 pixels."""
    return [32 * i for i in range(count) if 32 * i + CROP <= side]


def _relative(found: Tensor, expected: Tensor) -> float:
    """The largest difference, as a share of the largest value."""
    return float((found - expected).abs().max() / expected.abs().max())


def _lenet() -> float:
    """Between the scores of a larger image, and those of each crop by itself."""
    net = build("lenet5-modern").eval()
    image = torch.randn(1, 1, 52, 52, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        scores = fully_convolutional(net, 32)(image)[0]
        crops = image.unfold(2, 32, 4).unfold(3, 32, 4)[0, 0].flatten(0, 1)[:, None]
        return _relative(scores.flatten(1).T, net(crops))


def _one_by_one(net: nn.Module, crops: Tensor) -> list[Tensor]:
    return [net(crop[None]) for crop in crops]
