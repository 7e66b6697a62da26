"""Training on real images."""

import numpy as np
import pytest

from canon.runs.config import TrainConfig
from canon.workflows.train import train

CPU = {"device": "cpu"}


@pytest.mark.slow
def test_lenet5_modern_has_an_error_of_one_percent_on_mnist(real_data, tmp_path):
    run = train(TrainConfig("lenet5-modern", "mnist", out=tmp_path / "run", epochs=6, **CPU))
    assert run.record.result["count"] == 10_000
    assert 1 - run.record.result["top1"] <= 0.010


@pytest.mark.slow
def test_resnet20_learns_on_cifar10(cifar10, tmp_path):
    with np.load(cifar10) as arrays:
        few = {"x_train": arrays["x_train"][:4000], "y_train": arrays["y_train"][:4000],
               "x_test": arrays["x_test"][:1000], "y_test": arrays["y_test"][:1000]}  # fmt: skip
    np.savez(tmp_path / "few.npz", **few)
    run = train(
        TrainConfig("resnet20", str(tmp_path / "few.npz"), out=tmp_path / "run", epochs=4, **CPU)
    )
    assert run.record.result["top1"] > 0.3


@pytest.mark.slow
def test_resnet18_trains_on_photos_of_ants_and_bees(real_data, tmp_path):
    run = train(
        TrainConfig(
            "resnet18",
            str(real_data / "ants_bees"),
            out=tmp_path / "run",
            epochs=1,
            image=64,
            **CPU,
        )
    )
    assert run.record.data.counts == {"train": [123, 121], "val": [70, 83]}
    assert run.record.result["count"] == 153
