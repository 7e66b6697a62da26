"""The commands as a user types them."""

import csv
import errno
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from canon.cli import VERBS, main
from tests.helpers.commands import CANON, refused
from tests.helpers.synthetic import make_folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "digits"
    assert (
        main(["train", "lenet5-modern", "--epochs", "2", "--out", str(out), "--device", "cpu"]) == 0
    )
    return out


def test_help_names_every_verb(capsys):
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(re.search(rf"^  {verb} +\S", said, re.MULTILINE) for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_its_flags(verb, capsys):
    with pytest.raises(SystemExit) as stop:
        main([verb, "--help"])
    assert stop.value.code == 0
    assert f"usage: canon {verb}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["trian"], "no verb is named 'trian'. Did you mean 'train'?"),
        (
            ["train", "lenet5", "--epoch", "3"],
            "Unrecognized options: --epoch, 3. Did you mean --epochs?",
        ),
        (["train", "lenet5", "--epochs", "x"], "Error parsing --epochs"),
        (["train", "lenet5", "--recipe", "papr"], "invalid choice 'papr'"),
        (["show"], "MODEL"),
        (["show", "resnet5o"], "no model is named 'resnet5o'. Did you mean 'resnet50'?"),
        (["show", "resnet34", "--image", "32"], "use resnet20, resnet32, resnet44, resnet56"),
        (["show", "alexnet", "--image", "224", "--strict"], "54.25 is a fraction"),
        (["show", "vgg16", "--classes", "0"], "classes is 0; expected 1 or more"),
        (["train", "resnt20"], "Did you mean 'resnet20'?"),
        (["train", "lenet5", "mnits"], "Did you mean 'mnist'?"),
        (["train", "lenet5", "/no/such/folder"], "no folder or file '/no/such/folder'"),
        (["train", "resnet34", "digits"], "--image 224 to enlarge"),
        (
            ["train", "lenet5", "--batch", "5000"],
            "--batch 5000 is more than the 1438 training images",
        ),
        (["train", "lenet5", "--lr", "-1"], "--lr is -1.0; expected more than 0"),
        (["train", "lenet5", "--val", "1.5"], "--val is 1.5; expected a fraction below 1"),
        (["train", "lenet5-modern", "--recipe", "paper"], "lenet5-modern has no paper's recipe"),
        (["train", "lenet5", "--freeze", "c33"], "no stage is named 'c33'. Did you mean 'c3'?"),
        (
            ["train", "lenet5", "--weights", "/no/run"],
            "/no/run is not a file; expected a .pth",
        ),
        (["train", "lenet5", "--resume"], "--resume needs the run folder"),
        (["train", "lenet5", "--device", "cuda:9"], "is not on this machine"),
        (["evaluate", "/no/run"], "/no/run is not a folder"),
        (["check", "/no/such"], "no folder or file '/no/such'"),
        (["predict", "/no/run", "x.png"], "/no/run is not a folder"),
        (["list", "everything"], "everything"),
    ],
)
def test_a_mistake_is_answered_in_one_line(argv, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert said in refused(capsys, *argv)
    assert list(tmp_path.iterdir()) == []


def spoil(folder: Path, kind: str) -> Path:
    path = folder / "dark" / "99.png"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    if kind == "truncated":
        whole = io.BytesIO()
        Image.fromarray(noise).save(whole, "JPEG")
        path = path.with_suffix(".jpg")
        path.write_bytes(whole.getvalue()[:700])
    else:
        path.write_bytes({"text": b"hello", "empty": b""}[kind])
    return path


@pytest.mark.parametrize(
    ("kind", "said"),
    [("truncated", "truncated"), ("text", "is not an image"), ("empty", "0 bytes")],
)
def test_a_bad_file_is_named_and_training_refused_unless_told_to_skip(
    kind, said, pictures, capsys, tmp_path
):
    path = spoil(pictures, kind)
    out = tmp_path / "run"
    flags = ["train", "resnet20", pictures, "--out", out, "--epochs", "1", "--device", "cpu"]
    line = refused(capsys, *flags)
    assert str(path) in line
    assert said in line
    assert "--skip-bad" in line
    assert not out.exists()
    assert main([*map(str, flags), "--skip-bad"]) == 0
    assert "1 unreadable files are left out" in capsys.readouterr().out
    assert json.loads((out / "run.json").read_text())["data"]["skipped"] == [str(path)]


def test_check_reports_and_fails_on_a_bad_file(pictures, capsys):
    assert main(["check", str(pictures)]) == 0
    assert "sound" in capsys.readouterr().out
    path = spoil(pictures, "text")
    assert main(["check", str(pictures), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert list(said["faults"]) == [str(path)]
    assert said["counts"] == {"train": [13, 12]}
    assert main(["check", str(pictures)]) == 1
    assert str(path) in capsys.readouterr().out


def test_an_output_folder_that_exists_is_not_touched(run, capsys):
    before = {p: p.stat().st_mtime_ns for p in run.rglob("*")}
    line = refused(capsys, "train", "lenet5-modern", "--out", run)
    assert "exists already" in line
    assert "--resume" in line
    assert {p: p.stat().st_mtime_ns for p in run.rglob("*")} == before


def test_runs_are_numbered_where_no_folder_is_given(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert main(["train", "lenet5-modern", "--epochs", "1", "--device", "cpu"]) == 0
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == [
        "lenet5-modern-digits", "lenet5-modern-digits-2"
    ]  # fmt: skip


def test_resuming_another_network_is_refused(run, capsys):
    assert "is a run of lenet5-modern, not of resnet20" in refused(
        capsys, "train", "resnet20", "--out", run, "--resume"
    )


@pytest.mark.parametrize(
    ("code", "said"), [(errno.ENOSPC, "no space left"), (errno.EACCES, "not permitted")]
)
def test_a_full_disk_or_a_forbidden_folder_is_one_line_and_keeps_what_is_there(
    code, said, tmp_path, monkeypatch, capsys
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
    assert said in refused(capsys, *flags)
    monkeypatch.undo()
    assert (out / "model.safetensors").is_file()
    assert main([*map(str, flags), "--resume"]) == 0
    assert "epoch 3/3" in capsys.readouterr().out


def test_diverging_is_one_line_with_the_step(tmp_path, capsys):
    line = refused(
        capsys,
        "train",
        "lenet5-modern",
        "--lr",
        "1e30",
        "--out",
        tmp_path / "run",
        "--device",
        "cpu",
    )
    assert re.search(r"loss is (nan|inf) at step \d+, in epoch 1; expected a finite number", line)


def test_show_prints_the_table_as_text_csv_and_json(capsys):
    assert main(["show", "alexnet"]) == 0
    text = capsys.readouterr().out
    assert "Krizhevsky" in text
    assert re.search(r"total +60,965,224 +724,406,816", text)
    assert main(["show", "alexnet", "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert sum(int(row["parameters"]) for row in rows) == 60_965_224
    assert main(["show", "alexnet", "--json", "--image", "224"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["layers"][0]["exact"] == 54.25
    assert said["input"] == [3, 224, 224]


@pytest.mark.parametrize("what", ["models", "data", "recipes"])
def test_lists(what, capsys):
    assert main(["list", what, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) >= 4
    assert main(["list", what]) == 0
    assert next(iter(rows[0].values())) in capsys.readouterr().out


def test_recipes_are_listed_with_the_paper_s_protocol(capsys):
    assert main(["list", "recipes", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    told = {row["model"]: row["protocol"] for row in rows if row["recipe"] == "paper"}
    expected = {"alexnet": "10-crop", "googlenet": "multi-crop", "vgg16": "dense"}
    assert told | expected == told
    assert "prototype" not in told


def test_evaluate_prints_figures_and_classes(run, capsys):
    assert main(["evaluate", str(run), "--json", "--device", "cpu"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["count"] == 359 == sum(map(sum, said["confusion"]))
    assert said["top1_interval"][0] < said["top1"] < said["top1_interval"][1]
    assert main(["evaluate", str(run), "--split", "train", "--device", "cpu"]) == 0
    assert "top-1 on train" in capsys.readouterr().out


def test_predict_writes_csv_and_json(run, tmp_path, capsys):
    digit = np.zeros((8, 8), np.uint8)
    digit[1:7, 3:5] = 255
    for i in range(3):
        Image.fromarray(digit).save(tmp_path / f"{i}.png")
    argv = ["predict", str(run), str(tmp_path), "--device", "cpu"]
    assert main([*argv, "--top", "3", "--out", str(tmp_path / "said.csv")]) == 0
    rows = list(csv.DictReader(io.StringIO((tmp_path / "said.csv").read_text())))
    assert [Path(row["file"]).name for row in rows] == ["0.png", "1.png", "2.png"]
    assert float(rows[0]["probability1"]) > float(rows[0]["probability3"])
    assert main([*argv, "--out", str(tmp_path / "said.json")]) == 0
    said = json.loads((tmp_path / "said.json").read_text())
    assert said[0]["classes"][0]["class"] == rows[0]["class1"]
    assert main(argv) == 0
    assert "%" in capsys.readouterr().out


def test_predict_goes_on_past_a_bad_file_if_told_and_says_so(run, tmp_path, capsys):
    (tmp_path / "bad.png").write_text("x")
    Image.new("L", (8, 8)).save(tmp_path / "good.png")
    argv = ["predict", run, tmp_path, "--device", "cpu"]
    assert "bad.png is not an image" in refused(capsys, *argv)
    assert main([*map(str, argv), "--skip-bad", "--csv"]) == 1
    assert "unreadable" in capsys.readouterr().out
    assert "expected .csv or .json" in refused(capsys, *argv, "--out", tmp_path / "a.txt")


@pytest.mark.parametrize("moment", ["training", "evaluating"])
def test_ctrl_c_keeps_the_state_and_says_how_to_go_on(tmp_path, moment):
    out = tmp_path / "run"
    flags = ["train", "lenet5-modern", "--epochs", "400", "--out", str(out), "--device", "cpu"]
    process = subprocess.Popen(
        [*CANON, *flags], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not (out / "metrics.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3 if moment == "training" else 0.0)
    process.send_signal(signal.SIGINT)
    said, failed = process.communicate(timeout=60)
    assert process.returncode == 130, failed
    assert said.strip().splitlines()[-1] == f"stopped; go on with: canon {' '.join(flags)} --resume"
    assert failed == ""
    epochs = len((out / "metrics.jsonl").read_text().splitlines())
    flags[3] = str(epochs + 1)
    assert main([*flags, "--resume"]) == 0
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == list(range(1, epochs + 2))


@pytest.mark.parametrize(
    "argv", [["--help"], ["train", "--help"], ["train", "lenet5", "--epoch", "3"]]
)
def test_help_and_mistakes_in_a_flag_do_not_import_torch(argv):
    script = f"""
import sys
from canon.cli import main
try:
    main({argv!r})
except SystemExit:
    pass
sys.exit("torch" in sys.modules)
"""
    assert (
        subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).returncode
        == 0
    )


def test_importing_canon_does_not_import_torch():
    script = "import sys, canon; canon.__all__; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_every_public_name_resolves():
    import canon

    assert all(getattr(canon, name) is not None for name in canon.__all__)
    assert set(canon.__all__) <= set(dir(canon))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = canon.nothing


def test_one_class_and_differing_splits_are_one_line(tmp_path, capsys):
    make_folder(tmp_path / "one", 3, ("only",))
    assert "has one class only" in refused(capsys, "train", "resnet20", tmp_path / "one")
    make_folder(tmp_path / "two" / "train", 3)
    make_folder(tmp_path / "two" / "test", 3, ("dark", "grey"))
    assert "test lacks 'light' and adds 'grey'" in refused(capsys, "check", tmp_path / "two")
