"""Predictions of a classifier."""

import numpy as np
import pytest
import torch
from PIL import Image

import canon
from canon.errors import DataError, InputError

CPU = {"device": "cpu"}


def test_predictions_come_in_the_order_of_the_paths_with_classes_and_probabilities(pictures_run):
    run, data = pictures_run, pictures_run.path.parent / "pictures"
    paths = data / "light" / "03.png", data / "dark"
    predictions = list(canon.predict(run, paths, top=2, device="cpu"))
    assert [p.path.name for p in predictions[:2]] == ["03.png", "00.png"]
    assert len(predictions) == 13
    assert all(sum(p.probabilities) == pytest.approx(1, abs=1e-5) for p in predictions)
    right = [p.classes[0] == p.path.parent.name for p in predictions]
    assert sum(right) >= 10


def test_one_class_is_predicted_if_no_number_is_given(pictures_run):
    picture = pictures_run.path.parent / "pictures" / "dark" / "00.png"
    (prediction,) = canon.predict(pictures_run.path, [picture], device="cpu")
    assert len(prediction.classes) == len(prediction.probabilities) == 1
    assert prediction.faults == ()


def test_a_prediction_is_the_network_on_the_evaluated_pixels(pictures_run):
    run, data = pictures_run, pictures_run.path.parent / "pictures"
    path = data / "dark" / "05.png"
    pixels = np.asarray(Image.open(path).resize((16, 16), Image.Resampling.BILINEAR)) / 255
    prep = run.preprocessing
    x = torch.tensor((pixels - prep.mean) / prep.std, dtype=torch.float32).permute(2, 0, 1)[None]
    with torch.no_grad():
        p = run.network().eval()(x).softmax(1)
    (prediction,) = canon.predict(run, [path], top=2, device="cpu")
    by_name = dict(zip(prediction.classes, prediction.probabilities, strict=True))
    assert [by_name[c] for c in run.classes] == pytest.approx(p[0].tolist(), abs=0.02)


def test_unreadable_files_stop_a_prediction_unless_skipped(pictures_run, tmp_path):
    (tmp_path / "a.png").write_text("text")
    Image.new("RGB", (20, 20)).save(tmp_path / "b.png")
    with pytest.raises(DataError, match=r"a\.png is not a readable image.*--skip-bad"):
        list(canon.predict(pictures_run, [tmp_path], device="cpu"))
    first, second = canon.predict(pictures_run, [tmp_path], device="cpu", skip_bad=True)
    assert "a.png is not a readable image" in first.faults[0]
    assert second.classes


@pytest.mark.parametrize("numbers", [{"batch": 0}, {"batch": -1}])
def test_batches_below_one_are_refused(pictures_run, numbers):
    run = pictures_run
    with pytest.raises(InputError, match="--batch is"):
        canon.evaluate(run, **numbers, **CPU)
    with pytest.raises(InputError, match="--batch is"):
        list(canon.predict(run, [run.path.parent / "pictures"], **numbers, **CPU))


def test_a_16_bit_file_is_refused_by_a_run_on_8_bits(pictures_run, tmp_path):
    Image.fromarray(np.full((20, 20), 5000, np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(DataError, match=r"deep\.png: the image has 16 bits"):
        list(canon.predict(pictures_run, [tmp_path / "deep.png"], **CPU))
