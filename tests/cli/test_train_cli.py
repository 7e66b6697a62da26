"""`canon train`: the folder that it writes, and what stops it."""

import errno
import json
import os
import re

import pytest

from canon.cli import main
from tests.helpers.commands import refused


@pytest.mark.parametrize(
    ("kind", "message"),
    [("truncated", "truncated"), ("text", "is not a readable image"), ("empty", "0 bytes")],
)
def test_a_bad_file_stops_training_unless_it_may_be_skipped(
    kind, message, pictures, spoil, capsys, tmp_path
):
    path = spoil(pictures / "dark", kind)
    out = tmp_path / "run"
    flags = ["train", "resnet20", pictures, "--out", out, "--epochs", "1", "--device", "cpu"]
    line = refused(capsys, *flags)
    assert str(path) in line
    assert message in line
    assert "--skip-bad" in line
    assert not out.exists()
    assert main([*map(str, flags), "--skip-bad"]) == 0
    assert "1 unreadable file left out" in capsys.readouterr().out
    assert json.loads((out / "run.json").read_text())["data"]["skipped"] == [str(path)]


def test_an_output_folder_that_exists_is_not_touched(digits_run, capsys):
    before = {p: p.stat().st_mtime_ns for p in digits_run.path.rglob("*")}
    line = refused(capsys, "train", "lenet5-modern", "--out", digits_run.path)
    assert "exists already" in line
    assert "--resume" in line
    assert {p: p.stat().st_mtime_ns for p in digits_run.path.rglob("*")} == before


def test_runs_are_numbered_if_no_folder_is_given(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert main(["train", "lenet5-modern", "--epochs", "1", "--device", "cpu"]) == 0
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == [
        "lenet5-modern-digits", "lenet5-modern-digits-2"
    ]  # fmt: skip


def test_each_epoch_is_one_line_of_loss_and_error(tmp_path, capsys):
    flags = ["lenet5-modern", "--epochs", "1", "--out", str(tmp_path / "run"), "--device", "cpu"]
    assert main(["train", *flags]) == 0
    text = capsys.readouterr().out
    line = json.loads((tmp_path / "run" / "metrics.jsonl").read_text())
    error, loss = line["monitored"]["value"], line["metrics"]["loss"]
    expected = rf"^epoch 1/1  train loss {line['loss']:.4f}  val error +{100 * error:.2f} %"
    assert re.search(rf"{expected}  val loss {loss:.4f}  ", text, re.MULTILINE)
    top1 = f"val: top-1 {100 * line['metrics']['top1']:.2f} % (95 % interval "
    assert top1 in text.splitlines()[-2]


def test_resuming_another_network_is_refused(digits_run, capsys):
    assert "is a run of lenet5-modern, not of resnet20" in refused(
        capsys, "train", "resnet20", "--out", digits_run.path, "--resume"
    )


@pytest.mark.parametrize(
    ("code", "message"), [(errno.ENOSPC, "no space left"), (errno.EACCES, "not permitted")]
)
def test_a_full_disk_or_a_forbidden_folder_gives_one_line_and_loses_nothing(
    code, message, tmp_path, monkeypatch, capsys
):
    from safetensors import torch as safetensors

    from canon.runs import folder

    calls = []

    def failing(tensors, path, metadata):
        calls.append(path)
        if len(calls) == 2:
            raise OSError(code, os.strerror(code), str(path))
        safetensors.save_file(tensors, path, metadata)

    monkeypatch.setattr(folder, "save_file", failing)
    out = tmp_path / "run"
    flags = ["train", "lenet5-modern", "--epochs", "3", "--out", out, "--device", "cpu"]
    assert message in refused(capsys, *flags)
    monkeypatch.undo()
    assert (out / "model.safetensors").is_file()
    assert main([*map(str, flags), "--resume"]) == 0
    assert "epoch 3/3" in capsys.readouterr().out


def test_diverging_gives_one_line_with_the_step(tmp_path, capsys):
    out = tmp_path / "run"
    flags = ["--lr", "1e30", "--out", out, "--device", "cpu"]
    line = refused(capsys, "train", "lenet5-modern", *flags)
    assert re.search(r"loss is (nan|inf) at step \d+, in epoch 1; expected a finite number", line)
