"""Run folders that are damaged."""

import shutil
from pathlib import Path

import pytest

import canon
from canon.errors import CanonError


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda p: (p / "model.safetensors").unlink(), "model.safetensors is missing"),
        (lambda p: (p / "run.json").unlink(), "has no run.json"),
        (lambda p: (p / "run.json").write_text("{"), "run.json is damaged"),
        (lambda p: (p / "model.safetensors").write_bytes(b"12345678"), "safetensors is damaged"),
        (lambda p: p.joinpath("run.json").write_text(
            p.joinpath("run.json").read_text().replace('"lenet5-modern"', '"resnet20"', 1)),
         "were trained for 'lenet5-modern', not 'resnet20'"),
    ],
)  # fmt: skip
def test_a_damaged_run_folder_is_refused_with_the_reason(digits_run, tmp_path, damage, message):
    broken = Path(shutil.copytree(digits_run.path, tmp_path / "run"))
    damage(broken)
    with pytest.raises(CanonError, match=message) as error:
        canon.evaluate(canon.load_run(broken), device="cpu")
    assert "\n" not in str(error.value)
    assert "expected" in str(error.value) or "Build 'lenet5-modern'" in str(error.value)
