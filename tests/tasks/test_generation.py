"""Generators: loss, metrics, training, drawing."""

import numpy as np
import pytest
import torch
from PIL import Image

import canon
from canon.cli import main
from canon.data import Dataset, Split
from canon.data.images.collection import ArrayImages
from canon.data.sources.rendered import render
from canon.data.sources.solids import SOLIDS
from canon.data.targets.attributes import TRANSFORMATION, Attributes, Transformation, encode
from canon.errors import DataError, InputError
from canon.tasks.generation import draw
from canon.tasks.generation.loss import GenerationLoss
from canon.tasks.generation.metrics import GenerationMetrics
from canon.tasks.generation.task import side_of
from canon.tasks.lookup import task_of
from canon.workflows.evaluate import evaluate
from canon.workflows.train import train
from tests.helpers.commands import refused

NAMES = ("cube", "pyramid")


def drawings(views=8):
    """A small set: two solids from some sides."""
    codes, pictures, masks = [], [], []
    for number, name in enumerate(NAMES):
        for i in range(views):
            change = Transformation((0.9, 0.5, 0.2)).values()
            picture, mask = render(SOLIDS[name], 360 * i / views, 30, change)
            codes.append(encode(number, 2, 360 * i / views, 30, change))
            pictures.append(picture)
            masks.append(mask)
    images = ArrayImages.of(np.stack(pictures))
    return Dataset(
        "drawings", {"train": Split(images, Attributes(np.stack(codes), NAMES, np.stack(masks)))}
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("generator") / "run"
    return train("chairs-64", drawings(), width=8, epochs=30, lr=3e-3, val=0.0, out=out)


def test_the_loss_weighs_colours_ten_times_as_much_as_the_mask():
    output, target = torch.zeros(1, 4, 2, 2), torch.zeros(1, 4, 2, 2)
    output[:, :3] = 0.5
    assert GenerationLoss().losses(output, target).item() == pytest.approx(2.5)
    output[:] = 0
    output[:, 3] = 1
    assert GenerationLoss().losses(output, target).item() == pytest.approx(1.0)


def test_metrics_are_means_over_the_pictures():
    metrics = GenerationMetrics(*np.array([[1, 3], [0.1, 0.3], [0.5, 1.0]], np.float32))
    assert (metrics.loss, metrics.error) == (pytest.approx(2), pytest.approx(0.2))
    assert metrics.figures()[1].value == pytest.approx(0.75)
    assert metrics.worst(1).tolist() == [1]


def test_a_short_training_draws_better_than_the_mean_picture(run):
    _, metrics = evaluate(run, drawings())
    pixels = drawings().splits["train"].images.pixels / 255
    assert metrics.error < ((pixels - pixels.mean(0)) ** 2).mean() / 2
    assert metrics.figures()[1].value > 0.8


def test_the_report_shows_pictures_and_interpolations(run):
    page = (run.path / "report.html").read_text()
    for text in (
        "<h2>Pictures</h2>",
        "<h2>Interpolations</h2>",
        "a view from all sides",
        "cube to pyramid",
    ):
        assert text in page


def test_pictures_are_drawn_on_white_where_the_mask_is_empty():
    output = np.zeros((1, 1, 2, 4), np.float32)
    output[0, 0, 1] = (0.2, 0.4, 0.6, 0.9)
    assert draw.on_white(output).tolist() == [[[[255, 255, 255], [51, 102, 153]]]]


def test_interpolation_is_a_straight_line():
    codes = draw.between(np.zeros(2, np.float32), np.array([1, 2], np.float32), 3)
    assert codes.tolist() == [[0, 0], [0.5, 1], [1, 2]]


def test_chosen_attributes_are_drawn(run):
    plain = canon.generate(run, "cube", azimuth=0)
    assert plain.shape == (1, 64, 64, 3)
    turned = canon.generate(run, "cube", azimuth=45)
    assert (plain != turned).mean() > 0.01
    around = canon.generate(run, "cube", azimuth=0, steps=4, turn=True)
    np.testing.assert_array_equal(around[0], plain[0])
    way = canon.generate(run, "cube", to="pyramid", azimuth=0, steps=5)
    np.testing.assert_array_equal(way[0], plain[0])
    np.testing.assert_array_equal(way[-1], canon.generate(run, "pyramid", azimuth=0)[0])
    masks = canon.generate(run, "cube", azimuth=0, mask=True)
    assert masks.shape == (1, 64, 64)
    assert masks[0, 32, 32] > 200
    assert masks[0, 0, 0] < 50


def test_transformations_have_the_order_of_the_attributes():
    change = Transformation((0.1, 0.2, 0.3), 0.4, 0.5, 0.6, 0.7, 0.8, (0.9, 1.0), 90.0)
    expected = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.0, 0.0]
    np.testing.assert_allclose(change.values(), expected, atol=1e-7)
    assert len(TRANSFORMATION) == 12
    for i, changes in enumerate([
        {"saturation": 0.5}, {"brightness": 0.5}, {"zoom": 0.5}, {"stretch": 0.5}, {"aspect": 0.5}
    ]):  # fmt: skip
        apart = np.flatnonzero(Transformation(**changes).values() != Transformation().values())
        assert apart.tolist() == [3 + i]


def test_the_command_writes_a_strip(run, tmp_path, capsys):
    out = tmp_path / "strip.png"
    assert main(["generate", str(run.path), "--name", "cube", "--turn", "--out", str(out)]) == 0
    assert "12 of 64 x 64 pixels" in capsys.readouterr().out
    with Image.open(out) as picture:
        assert picture.size == (12 * 64, 64)


def test_the_command_takes_every_attribute_and_writes_masks(run, tmp_path, capsys):
    out = tmp_path / "one.png"
    flags = ["--saturation", "0.8", "--brightness", "0.9", "--zoom", "0.7", "--stretch", "1.1",
             "--aspect", "1.05", "--shift", "0.05", "-0.05", "--rotation", "8",
             "--mask"]  # fmt: skip
    assert main(["generate", str(run.path), "--name", "cube", *flags, "--out", str(out)]) == 0
    assert "one-mask.png" in capsys.readouterr().out
    expected = canon.generate(
        run, "cube", saturation=0.8, brightness=0.9, zoom=0.7, stretch=1.1, aspect=1.05,
        shift=(0.05, -0.05), rotation=8.0,
    )  # fmt: skip
    with Image.open(out) as picture, Image.open(tmp_path / "one-mask.png") as mask:
        np.testing.assert_array_equal(np.asarray(picture), expected[0])
        assert mask.mode == "L"
        assert mask.size == (64, 64)


def test_what_cannot_be_drawn_is_refused(run, pictures_run, tmp_path, capsys):
    with pytest.raises(InputError, match=r"no class is named 'cubes'\. Did you mean 'cube'"):
        canon.generate(run, "cubes")
    with pytest.raises(InputError, match="three fractions from 0 to 1"):
        canon.generate(run, "cube", color=(2, 0, 0))
    for wrong, message in [
        ({"zoom": float("nan")}, "--zoom is nan; expected a factor above 0"),
        ({"brightness": -1.0}, "--brightness is -1.0; expected a factor above 0"),
        ({"rotation": float("inf")}, "--rotation is inf; expected degrees"),
        ({"azimuth": float("nan")}, "--azimuth is nan; expected degrees"),
        ({"shift": (0.1,)}, "--shift is .*expected two fractions"),
        ({"color": (0.5, 0.5)}, "three fractions from 0 to 1"),
    ]:
        with pytest.raises(InputError, match=message):
            canon.generate(run, "cube", **wrong)
    with pytest.raises(InputError, match="which draws nothing"):
        canon.generate(pictures_run, "cube")
    with pytest.raises(InputError, match="draws pictures and predicts nothing"):
        next(canon.predict(run, tmp_path))
    assert "--name is missing; expected one of cube, pyramid" in refused(
        capsys, "generate", run.path
    )
    with pytest.raises(DataError, match=r"chairs-64 is a generation network, but digits"):
        train("chairs-64", canon.open_data("digits"), out=tmp_path / "run")
    with pytest.raises(InputError, match="chairs draws pictures of 128 pixels, but those"):
        train("chairs", drawings(), out=tmp_path / "run")


@pytest.mark.slow
@pytest.mark.parametrize(("model", "data"), [("chairs-64", "chairs"), ("chairs", "chairs-128")])
def test_a_generator_is_trained_on_pictures_of_its_side(model, data):
    assert task_of(model).default_data(model) == data
    split = canon.open_data(data).splits["test"]
    assert split.images.pixels.shape[1] == side_of(model)
    assert split.targets.masks.shape[1] == side_of(model)
