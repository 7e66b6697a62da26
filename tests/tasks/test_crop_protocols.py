"""Test protocols, on networks whose output is known by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from canon.data import Preprocessing, Split
from canon.data.images.collection import FileImages
from canon.data.preprocessing import center_square, resize
from canon.data.targets.labels import Labels
from canon.errors import InputError, require_choice
from canon.layers import stages
from canon.recipes.images import PROTOCOLS
from canon.tasks.classification.crop_protocols import evaluation
from canon.utils.devices import make_accelerator
from canon.utils.progress import run_steps

RANDOM = np.random.default_rng(0)
SIZES = ((16, 16), (20, 30), (30, 20), (20, 30), (9, 40))
PREP = Preprocessing(14, 3, crop=0.875, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
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
def split(tmp_path_factory):
    from PIL import Image

    folder, files = tmp_path_factory.mktemp("images"), []
    for i, size in enumerate(SIZES):
        files.append(folder / f"{i}.png")
        Image.fromarray(RANDOM.integers(0, 256, (*size, 3), np.uint8)).save(files[-1])
    return Split(FileImages.of(files), Labels(LABELS, ("a", "b", "c")))


def pixels(split, i):
    from canon.data.images.reader import read_image

    return read_image(split.images.files[i])


def softmax(scores):
    e = np.exp(scores - scores.max())
    return e / e.sum()


def normal(view):
    return (view / 255 - np.array(PREP.mean)) / np.array(PREP.std)


def by_averages(view):
    """The probabilities of `Averages`, without torch."""
    weight = np.array([[3.0, -1, 0], [0, 2, 1], [-2, 0, 4]])
    return softmax(weight @ normal(view).mean((0, 1)) + np.array([0.1, 0.0, -0.1]))


def evaluate(net, split, protocol, scales=(1.0,), batch=256):
    evaluator = evaluation(split, PREP, 3, make_accelerator("cpu"), protocol, scales, batch)
    steps = []
    metrics = run_steps(evaluator(net, 1), steps.append)
    assert [step.done for step in steps] == [1, 2, 3, 4, 5]
    return metrics


def agree(metrics, probabilities):
    p = np.array(probabilities)
    assert metrics.predicted.tolist() == p.argmax(1).tolist()
    assert metrics.confidence == pytest.approx(p.max(1), rel=1e-4)
    assert metrics.losses == pytest.approx(-np.log(p[range(5), LABELS]), rel=1e-4, abs=1e-5)
    assert metrics.labels.tolist() == LABELS.tolist()


def crops(image, side):
    last = image.shape[0] - side
    for y, x in ((0, 0), (0, last), (last, 0), (last, last), (last // 2, last // 2)):
        yield image[y : y + side, x : x + side]


@pytest.mark.parametrize("batch", [1, 7, 256])
def test_ten_crops_average_the_probabilities(split, batch):
    expected = []
    for i in range(5):
        views = list(crops(center_square(pixels(split, i)[None], 16)[0], 14))
        expected.append(np.mean([by_averages(view) for view in views], 0))
    agree(evaluate(Averages().eval(), split, "10-crop", batch=batch), expected)


def test_mirrored_crops_are_averaged_too(split):
    net = Positions().eval()
    weight, bias = net.head.fc.weight.detach().numpy(), net.head.fc.bias.detach().numpy()
    expected = []
    for i in range(5):
        views = list(crops(center_square(pixels(split, i)[None], 16)[0], 14))
        views += [view[:, ::-1] for view in views]
        flat = [normal(view).transpose(2, 0, 1).ravel() for view in views]
        expected.append(np.mean([softmax(weight @ x + bias) for x in flat], 0))
    agree(evaluate(net, split, "10-crop"), expected)


def test_multi_crops_average_the_probabilities_over_scales_squares_and_crops(split):
    expected = []
    for i in range(5):
        found = []
        for side in (16, 18, 20, 22):  # 256, 288, 320 and 352 for 224
            whole = resize(pixels(split, i)[None], side)[0]
            h, w = whole.shape[:2]
            room = max(h, w) - side
            for start in (0, room // 2, room):
                square = whole[start : start + side] if h > w else whole[:, start : start + side]
                found += [*crops(square, 14), resize(square[None], 14)[0]]
        assert len(found) == 72
        expected.append(np.mean([by_averages(view) for view in found], 0))
    agree(evaluate(Averages().eval(), split, "multi-crop"), expected)


@pytest.mark.parametrize("batch", [1, 4, 256])
def test_dense_scores_are_averaged_over_places_and_probabilities_over_mirrors_and_scales(
    split, batch
):
    net = Positions().eval()
    kernel = net.head.fc.weight.detach().numpy().reshape(3, 3, 14, 14)
    bias = net.head.fc.bias.detach().numpy()
    expected = []
    for i in range(5):
        found = []
        for side in (14, 18):
            whole = resize(pixels(split, i)[None], side)[0]
            for view in (whole, whole[:, ::-1]):
                windows = np.lib.stride_tricks.sliding_window_view(normal(view), (14, 14), (0, 1))
                found.append(
                    softmax(np.einsum("yxchw,kchw->yxk", windows, kernel).mean((0, 1)) + bias)
                )
        expected.append(np.mean(found, 0))
    agree(evaluate(net, split, "dense", (1.0, 18 / 14), batch), expected)


def test_dense_on_a_network_that_averages_is_the_average_of_the_whole_image(split):
    views = [resize(pixels(split, i)[None], 14)[0] for i in range(5)]
    agree(evaluate(Averages().eval(), split, "dense"), [by_averages(view) for view in views])


def test_an_unknown_protocol_is_refused_with_the_nearest():
    require_choice("protocol", "dense", PROTOCOLS, "evaluate")
    with pytest.raises(InputError, match=r"named '10crop'\. Did you mean '10-crop'\?"):
        require_choice("protocol", "10crop", PROTOCOLS, "evaluate")
