"""Test protocols, on networks whose output is known by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from canon.data import Preprocessing, Split
from canon.data.preprocessing import center_square, resize
from canon.errors import InputError
from canon.layers import stages
from canon.tasks.classification.crop_protocols import (
    evaluate_crops,
    network_and_crops,
    require_protocol,
)
from canon.utils.devices import make_accelerator
from canon.utils.progress import run_steps

RANDOM = np.random.default_rng(0)
SIZES = ((16, 16), (20, 30), (30, 20), (20, 30), (9, 40))
HOW = Preprocessing(14, 3, crop=0.875, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
LABELS = np.array([0, 1, 2, 0, 1])


class Averages(nn.Module):
    """Scores that are a linear function of the mean of each channel."""

    def __init__(self):
        super().__init__()
        self.features = stages(same=nn.Conv2d(3, 3, 1))
        fc = nn.Linear(3, 3)
        self.head = stages(pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), fc=fc)
        with torch.no_grad():
            self.features.same.weight.copy_(torch.eye(3)[:, :, None, None])
            self.features.same.bias.zero_()
            fc.weight.copy_(torch.tensor([[3.0, -1, 0], [0, 2, 1], [-2, 0, 4]]))
            fc.bias.copy_(torch.tensor([0.1, 0.0, -0.1]))

    def forward(self, x):
        return self.head(self.features(x))


class Positions(Averages):
    """Scores that are a linear function of every pixel of 14 x 14."""

    def __init__(self):
        super().__init__()
        self.head = stages(flatten=nn.Flatten(), fc=nn.Linear(3 * 14 * 14, 3))
        with torch.no_grad():
            self.head.fc.weight.normal_(0, 0.05, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def part(tmp_path_factory):
    from PIL import Image

    folder, files = tmp_path_factory.mktemp("images"), []
    for i, size in enumerate(SIZES):
        files.append(folder / f"{i}.png")
        Image.fromarray(RANDOM.integers(0, 256, (*size, 3), np.uint8)).save(files[-1])
    return Split(LABELS, files=tuple(files))


def pixels(part, i):
    from canon.data.images.reader import read_image

    return read_image(part.files[i])


def softmax(scores):
    e = np.exp(scores - scores.max())
    return e / e.sum()


def normal(view):
    return (view / 255 - np.array(HOW.mean)) / np.array(HOW.std)


def by_averages(view):
    """The probabilities of `Averages`, without torch."""
    weight = np.array([[3.0, -1, 0], [0, 2, 1], [-2, 0, 4]])
    return softmax(weight @ normal(view).mean((0, 1)) + np.array([0.1, 0.0, -0.1]))


def scores_of(net, part, protocol, scales=(1.0,), batch=256):
    devices = make_accelerator("cpu")
    tested, views = network_and_crops(net, HOW, protocol, scales)
    steps = []
    scores = run_steps(evaluate_crops(tested, views, 3, part, HOW, devices, batch), steps.append)
    assert [step.done for step in steps] == [1, 2, 3, 4, 5]
    return scores


def agree(scores, probabilities):
    p = np.array(probabilities)
    assert scores.predicted.tolist() == p.argmax(1).tolist()
    assert scores.confidence == pytest.approx(p.max(1), rel=1e-4)
    assert scores.losses == pytest.approx(-np.log(p[range(5), LABELS]), rel=1e-4, abs=1e-5)
    assert scores.labels.tolist() == LABELS.tolist()


def crops(image, side):
    last = image.shape[0] - side
    for y, x in ((0, 0), (0, last), (last, 0), (last, last), (last // 2, last // 2)):
        yield image[y : y + side, x : x + side]


@pytest.mark.parametrize("batch", [1, 7, 256])
def test_ten_crops_average_the_probabilities(part, batch):
    expected = []
    for i in range(5):
        views = list(crops(center_square(pixels(part, i)[None], 16)[0], 14))
        expected.append(np.mean([by_averages(view) for view in views], 0))
    agree(scores_of(Averages().eval(), part, "10-crop", batch=batch), expected)


def test_mirrors_count(part):
    net = Positions().eval()
    weight, bias = net.head.fc.weight.detach().numpy(), net.head.fc.bias.detach().numpy()
    expected = []
    for i in range(5):
        views = list(crops(center_square(pixels(part, i)[None], 16)[0], 14))
        views += [view[:, ::-1] for view in views]
        flat = [normal(view).transpose(2, 0, 1).ravel() for view in views]
        expected.append(np.mean([softmax(weight @ x + bias) for x in flat], 0))
    agree(scores_of(net, part, "10-crop"), expected)


def test_multi_crops_average_the_probabilities_over_scales_squares_and_crops(part):
    expected = []
    for i in range(5):
        found = []
        for side in (16, 18, 20, 22):  # 256, 288, 320 and 352 for 224
            whole = resize(pixels(part, i)[None], side)[0]
            h, w = whole.shape[:2]
            room = max(h, w) - side
            for start in (0, room // 2, room):
                part_ = whole[start : start + side] if h > w else whole[:, start : start + side]
                found += [*crops(part_, 14), resize(part_[None], 14)[0]]
        assert len(found) == 72
        expected.append(np.mean([by_averages(view) for view in found], 0))
    agree(scores_of(Averages().eval(), part, "multi-crop"), expected)


@pytest.mark.parametrize("batch", [1, 4, 256])
def test_dense_scores_are_averaged_over_places_and_probabilities_over_mirrors_and_scales(
    part, batch
):
    net = Positions().eval()
    kernel = net.head.fc.weight.detach().numpy().reshape(3, 3, 14, 14)
    bias = net.head.fc.bias.detach().numpy()
    expected = []
    for i in range(5):
        found = []
        for side in (14, 18):
            whole = resize(pixels(part, i)[None], side)[0]
            for view in (whole, whole[:, ::-1]):
                windows = np.lib.stride_tricks.sliding_window_view(normal(view), (14, 14), (0, 1))
                found.append(
                    softmax(np.einsum("yxchw,kchw->yxk", windows, kernel).mean((0, 1)) + bias)
                )
        expected.append(np.mean(found, 0))
    agree(scores_of(net, part, "dense", (1.0, 18 / 14), batch), expected)


def test_dense_on_a_network_that_averages_is_the_average_of_the_whole_image(part):
    views = [resize(pixels(part, i)[None], 14)[0] for i in range(5)]
    agree(scores_of(Averages().eval(), part, "dense"), [by_averages(view) for view in views])


def test_an_unknown_protocol_is_refused_with_the_nearest():
    assert require_protocol("dense") == "dense"
    with pytest.raises(InputError, match=r"named '10crop'\. Did you mean '10-crop'\?"):
        require_protocol("10crop")
