"""Run folders that are damaged."""

import json
import shutil
from pathlib import Path

import pytest

import canon
from canon.errors import CanonError, DataError, RunError


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


def edited(run, folder, *keys, value=None):
    """A copy of a run folder whose run.json has another value at a path of keys, or lacks it."""
    broken = Path(shutil.copytree(run.path, folder / "run"))
    content = json.loads((broken / "run.json").read_text())
    place = content
    for key in keys[:-1]:
        place = place[key]
    if value is None:
        del place[keys[-1]]
    else:
        place[keys[-1]] = value
    (broken / "run.json").write_text(json.dumps(content))
    return broken


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("model",), None, "'model' is missing"),
        (("preprocessing", "mean"), None, "'mean' is missing"),
        (("preprocessing", "std"), [0.0], r"preprocessing.std is \[0.0\]"),
        (("preprocessing", "channels"), -3, "preprocessing.channels is -3"),
        (("preprocessing", "bits"), 12, "preprocessing.bits is 12"),
        (("preprocessing", "image"), "abc", "preprocessing has a field of another type"),
        (("preprocessing", "border"), -3, "preprocessing.border is -3"),
        (("preprocessing", "crop"), 2.0, "preprocessing.crop is 2.0"),
        (("model_args", "classes"), "abc", "model_args.classes is 'abc'"),
        (("data",), "abc", "data is 'abc'"),
        (("recipe", "optimizer", "kind"), "abc", "'abc' is missing"),
    ],
)
def test_a_run_with_an_edited_record_is_refused_by_the_key(
    digits_run, tmp_path, keys, value, message
):
    broken = edited(digits_run, tmp_path, *keys, value=value)
    with pytest.raises(RunError, match=rf"run.json is damaged \({message}\); expected") as error:
        canon.load_run(broken)
    assert "\n" not in str(error.value)


def test_a_run_folder_is_not_a_dataset(digits_run):
    with pytest.raises(DataError, match="is a run folder; expected a folder of images"):
        canon.open_data(digits_run.path)
