"""Auto-encoders trained as networks: losses, metrics, data without labels, the report."""

from math import log10

import numpy as np
import pytest
import torch
from PIL import Image

from canon.data.preprocessing import Preprocessing
from canon.errors import DataError, InputError
from canon.tasks.reconstruction.loss import ReconstructionLoss
from canon.tasks.reconstruction.metrics import ReconstructionMetrics
from canon.tasks.reconstruction.report import to_pixels
from canon.workflows.evaluate import evaluate
from canon.workflows.predict import predict
from canon.workflows.train import train


def test_the_loss_is_the_mean_square_over_the_pixels_of_each_image():
    output, target = torch.tensor([[[[1.0, 2.0]]], [[[0.0, 0.0]]]]), torch.zeros(2, 1, 1, 2)
    assert ReconstructionLoss().losses(output, target).tolist() == [2.5, 0.0]


def test_metrics_are_the_mean_error_and_its_decibels():
    metrics = ReconstructionMetrics(np.array([0.01, 0.03, 0.02], np.float32))
    assert metrics.loss == pytest.approx(0.02)
    assert metrics.psnr == pytest.approx(10 * log10(1 / 0.02))
    assert metrics.worst(2).tolist() == [1, 2]
    better = ReconstructionMetrics(np.array([0.01], np.float32))
    assert better.ranking > metrics.ranking


def test_outputs_become_pixels_by_undoing_the_normalisation():
    prep = Preprocessing(1, 3, mean=(0.5, 0.25, 0.0), std=(0.5, 0.5, 1.0))
    raw = torch.tensor([[[[255, 51, 102]]]], dtype=torch.uint8)
    assert to_pixels(prep.normalize(raw), prep).tolist() == raw.tolist()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train("idec-ae", "digits", epochs=6, image=8, out=tmp_path_factory.mktemp("ae") / "run")


def test_a_short_training_reconstructs_better_than_the_mean_image(run):
    split, metrics = evaluate(run)
    assert split == "val"
    images = _digits() / 255
    assert metrics.loss < ((images - images.mean(0)) ** 2).mean()


def _digits():
    from canon.data import open_data

    return open_data("digits").splits["train"].images.pixels[..., 0]


def test_the_report_shows_images_and_their_reconstructions(run):
    page = (run.path / "report.html").read_text()
    assert "<h2>Reconstructions</h2>" in page
    assert page.count('alt="its reconstruction"') == 24


def test_a_flat_folder_is_enough_and_predictions_are_errors(tmp_path):
    random = np.random.default_rng(0)
    for i in range(12):
        pixels = random.integers(0, 255, (12, 12, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
    run = train("dec-ae", tmp_path, epochs=1, out=tmp_path.parent / "flat")
    assert run.record.split.sizes == {"train": 10, "val": 2}
    assert run.classes == ()
    rows = [one.record() for one in predict(run, tmp_path)]
    _, metrics = evaluate(run, str(tmp_path))
    errors = [row["mean squared error"] for row in rows]
    assert len(errors) == 12
    assert np.mean(errors) == pytest.approx(metrics.loss, rel=0.5)


def test_labels_of_other_data_do_not_matter(run):
    images = np.random.default_rng(0).integers(0, 255, (9, 8, 8), np.uint8)
    name, metrics = evaluate(run, (images, np.arange(9) % 3))
    assert name == "all images"
    assert len(metrics.errors) == 9


def test_an_array_without_labels_trains(tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (20, 8, 8), np.uint8)
    run = train("dec-ae", images, epochs=1, out=tmp_path / "run")
    assert run.record.split.sizes == {"train": 16, "val": 4}


def test_a_classifier_still_needs_labels(tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (20, 8, 8), np.uint8)
    with pytest.raises(DataError, match="expected a name, a path, a pair of arrays"):
        train("lenet5", images, out=tmp_path / "run")


def test_an_auto_encoder_has_no_classes():
    from canon.models import build

    with pytest.raises(InputError, match="cae has no classes: it reconstructs its input"):
        build("cae", classes=3)


def test_small_images_are_enlarged_to_the_side_of_the_paper(tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (20, 8, 8), np.uint8)
    run = train("cae", images, epochs=1, out=tmp_path / "run")
    assert run.preprocessing.image == 28
