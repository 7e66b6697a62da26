"""The calls that people type first in Python work, or are answered in one line."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import canon
from canon.errors import CanonError
from tests.helpers.image_files import photos

QUICK = {"epochs": 1, "device": "cpu"}
PIXELS = np.random.default_rng(0).integers(0, 255, (40, 12, 12), np.uint8)
LABELS = np.arange(40) % 2


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return canon.train(
        "lenet5-modern", "digits", out=str(tmp_path_factory.mktemp("r") / "x"), **QUICK
    )


def test_a_name_and_data_are_enough_and_text_is_a_path(run):
    assert (run.path / "report.html").is_file()
    assert len(repr(run)) < 300
    assert "lenet5-modern on digits" in repr(run)


def test_a_dataset_and_arrays_are_trained_on(tmp_path):
    folder = photos(tmp_path / "p", {".": {"a": 6, "b": 6}})
    data = canon.open_data(folder)
    trained = canon.train(canon.TrainConfig("resnet20", data, out=tmp_path / "1", **QUICK))
    assert trained.record.data.source == str(folder)
    arrays = canon.train("lenet5-modern", (PIXELS, LABELS), out=tmp_path / "2", **QUICK)
    assert (arrays.classes, arrays.record.split.sizes) == (("0", "1"), {"train": 32, "val": 8})
    assert canon.evaluate(arrays, (PIXELS, LABELS))[0] == "val"
    for other in ((PIXELS[:20], LABELS[:20]), (255 - PIXELS, LABELS)):
        split, metrics = canon.evaluate(arrays, other)
        assert (split, metrics.count) == ("all images", len(other[1]))
    again = canon.TrainConfig(None, (PIXELS, LABELS), out=tmp_path / "2", resume=True, epochs=2)
    assert canon.train(again).metrics()[-1]["epoch"] == 2
    with pytest.raises(CanonError, match="trained on arrays in memory"):
        canon.train(replace(again, data="digits"))


def test_one_path_is_predicted(run, tmp_path):
    Image.fromarray(PIXELS[0]).save(tmp_path / "a.png")
    Image.fromarray(PIXELS[1]).save(tmp_path / "b.png")
    for paths, count in ((str(tmp_path), 2), (tmp_path / "a.png", 1), ([tmp_path / "a.png"], 1)):
        assert len(list(canon.predict(run, paths))) == count


@pytest.mark.parametrize(
    ("call", "message"),
    [(lambda run: list(canon.predict(run, [PIXELS[0]])), "cannot predict a ndarray"),
     (lambda run: list(canon.predict(run, [Image.fromarray(PIXELS[0])])), "cannot predict a Image"),
     (lambda _: canon.open_data([PIXELS, LABELS, 3]), "cannot open a list"),
     (lambda _: canon.train("lenet5-modern", "digits", epoch=3), "no setting named 'epoch'"),
     (lambda _: canon.train(canon.TrainConfig("lenet5-modern"), epochs=3), "TrainConfig and sett"),
     (lambda _: canon.open_data((PIXELS, LABELS[:3])), "40 train images but 3 labels")],
)  # fmt: skip
def test_other_calls_are_answered_in_one_line(run, call, message):
    with pytest.raises(CanonError, match=message) as caught:
        call(run)
    assert "\n" not in str(caught.value)


def test_dir_lists_what_is_public():
    assert {"train", "open_data", "predict", "__version__"} <= set(dir(canon))
    assert not {"Any", "TYPE_CHECKING", "import_module"} & set(dir(canon))
