"""Mistakes in a command: one line that names the value, what is expected and the next step."""

import pytest

from canon.cli import _explain, main
from canon.workflows.train import Started
from tests.helpers.commands import refused
from tests.helpers.synthetic import make_folder


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["trian"], "no command is named 'trian'. Did you mean 'train'?"),
        (
            ["train", "lenet5", "--epoch", "3"],
            "Unrecognized options: --epoch, 3. Did you mean --epochs?",
        ),
        (["train", "lenet5", "--epochs", "x"], "--epochs is 'x'; expected a whole number"),
        (["train", "lenet5", "--lr", "fast"], "--lr is 'fast'; expected a number"),
        (["predict", "run", "a.png", "--top", "1.5"], "--top is '1.5'; expected a whole number"),
        (["train", "lenet5", "--epochs"], "--epochs has no value; expected one"),
        (["train", "lenet5", "--recipe", "papr"], "--recipe is 'papr'; expected modern or paper"),
        (["evaluate", "run", "--split", "dev"], "--split is 'dev'; expected test, train or val"),
        (
            ["list", "nets"],
            "WHAT is 'nets'; expected models, ensembles, data, recipes, weights, methods or "
            "figures",
        ),
        (["show"], "MODEL is missing; expected a name from `canon list models`"),
        (["show", "resnet5o"], "no model is named 'resnet5o'. Did you mean 'resnet50'?"),
        (["show", "resnet34", "--image", "32"], "use resnet20, resnet32, resnet44, resnet56"),
        (["show", "alexnet", "--image", "224", "--strict"], "54.25 is a fraction"),
        (["show", "vgg16", "--classes", "0"], "classes is 0; expected 1 or more"),
        (["train", "resnt20"], "Did you mean 'resnet20'?"),
        (["train", "lenet5", "mnits"], "Did you mean 'mnist'?"),
        (["train", "lenet5", "/no/such/folder"], "no folder or file '/no/such/folder'"),
        pytest.param(
            ["train", "resnet34", "digits"], "--image 224 to enlarge", marks=pytest.mark.slow
        ),
        (
            ["train", "lenet5", "--batch", "5000"],
            "--batch 5000 is more than the 1438 training images",
        ),
        (["train", "lenet5", "--lr", "-1"], "--lr is -1.0; expected more than 0"),
        (["train", "lenet5", "--lr", "inf"], "--lr is inf; expected a finite number"),
        (["train", "lenet5", "--val", "nan"], "--val is nan; expected a finite number"),
        (["train", "lenet5", "--val", "1.5"], "--val is 1.5; expected a fraction below 1"),
        (["train", "lenet5-modern", "--recipe", "paper"], "lenet5-modern has no paper recipe"),
        (["train", "lenet5", "--freeze", "c33"], "no stage is named 'c33'. Did you mean 'c3'?"),
        (["train", "lenet5", "--weights", "/no/run"], "/no/run is not a file; expected a .pth"),
        (["train", "lenet5", "--resume"], "--resume needs the run folder"),
        (["train", "lenet5", "--device", "cuda:9"], "device 'cuda:9' is not available"),
        (["evaluate", "/no/run"], "/no/run is not a folder"),
        (["check", "/no/such"], "no folder or file '/no/such'"),
        (["predict", "/no/run", "x.png"], "/no/run is not a folder"),
        (["list", "--json", "--csv"], "--json and --csv cannot be combined"),
    ],
)
def test_a_mistake_gives_one_line_and_writes_nothing(argv, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in refused(capsys, *argv)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["train", "resnet20", "--weights", "torchvision/resnet5o"], "Did you mean 'torchvision/"),
        (["train", "resnet20", "--weights", "no.pth"], "no.pth is not a file; expected"),
    ],
)
def test_missing_weights_give_one_line(capsys, argv, message, tmp_path):
    assert message in refused(capsys, *argv, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_one_class_and_differing_splits_give_one_line(tmp_path, capsys):
    make_folder(tmp_path / "one", 3, ("only",))
    assert "has one class only" in refused(capsys, "train", "resnet20", tmp_path / "one")
    make_folder(tmp_path / "two" / "train", 3)
    make_folder(tmp_path / "two" / "test", 3, ("dark", "grey"))
    assert "test adds 'grey'" in refused(capsys, "check", tmp_path / "two")


@pytest.mark.parametrize("reason", [
    "[../gloo/transport/tcp/pair.cc:537] Read error [127.0.0.1]:45730: Connection reset by peer",
    "NCCL error in: ProcessGroupNCCL.cpp:1275, remote process exited",
])  # fmt: skip
def test_a_process_whose_peer_has_ended_says_how_to_resume(monkeypatch, capsys, tmp_path, reason):
    """Before training has begun, only the process that failed says why."""
    for begun in (False, True):

        def events(*_, begun=begun):
            if begun:
                yield Started(tmp_path)
            raise RuntimeError(reason)

        monkeypatch.setattr("canon.workflows.train.train_events", events)
        monkeypatch.setenv("WORLD_SIZE", "2")
        assert main(["train", "lenet5"]) == 2
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == begun
        assert all("another process has ended" in line and "--resume" in line for line in lines)
    monkeypatch.setenv("WORLD_SIZE", "1")
    with pytest.raises(RuntimeError):
        main(["train", "lenet5"])


@pytest.mark.parametrize("rank", ["0", "1"])
def test_processes_that_cannot_communicate_say_so(monkeypatch, capsys, rank):
    """Each of them, because none knows whether another one is left."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", rank)
    reason = "[gloo] Unable to find address for: eth9"
    assert _explain(RuntimeError(f"{reason}\nframe 1\nframe 2")) == 2
    assert capsys.readouterr().err == f"canon: the processes cannot communicate: {reason}\n"
