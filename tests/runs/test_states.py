"""What must not happen to a run: code run from it, two processes in it, a damaged state taken."""

import json
import multiprocessing
import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import canon
from canon.errors import DataError, NonFiniteError, RunError, WeightsError
from canon.runs.lock import lock_run
from canon.runs.open import open_run
from canon.training.checkpoint import Checkpoints
from canon.training.events import Step
from canon.utils.files import atomic_write
from canon.workflows.train import train_events
from tests.helpers.commands import refused
from tests.helpers.image_files import photos
from tests.helpers.synthetic import shape_folder

CPU = {"device": "cpu"}


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    """A run of two epochs that was stopped in the second, and its weights had it not been."""
    base = tmp_path_factory.mktemp("states")
    settings = {"epochs": 2, "batch": 128, **CPU}
    whole = canon.train("lenet5-modern", "digits", out=base / "whole", **settings)
    config = canon.TrainConfig("lenet5-modern", "digits", out=base / "run", **settings)
    events = train_events(config)
    for event in events:
        if isinstance(event, Step) and event.doing == "train" and event.epoch == 2:
            break
    events.close()
    return base / "run", load_file(whole.path / "model.safetensors")


@pytest.fixture
def run(interrupted, tmp_path):
    return Path(shutil.copytree(interrupted[0], tmp_path / "run"))


def resumed(run):
    """The weights of a resumed run, which needs no name of its network."""
    canon.train(canon.TrainConfig(None, out=run, resume=True, **CPU))
    return load_file(run / "model.safetensors")


def equal(a, b):
    return all(torch.equal(a[key], b[key]) for key in b)


def test_a_stopped_run_resumes_to_the_same_weights(run, interrupted):
    assert len(Checkpoints(run / "state").states()) == 2
    assert equal(resumed(run), interrupted[1])


class Trap:
    def __reduce__(self):
        return os.system, ("touch TRAPPED",)


@pytest.mark.parametrize(
    "file", ["custom_checkpoint_0.pkl", "optimizer.bin", "random_states_0.pkl"]
)
def test_no_code_of_a_foreign_state_is_run(run, file, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for state in Checkpoints(run / "state").states():
        torch.save(Trap(), state / file)
        (state / "files.json").unlink()
        if file.startswith("custom"):
            (state / "progress.json").unlink()
    with pytest.raises(RunError, match=r"the states in .* are damaged"):
        resumed(run)
    assert not (tmp_path / "TRAPPED").exists()


FILES = ["model.safetensors", "optimizer.bin", "progress.json"]
QUICK = {("flipped", FILES[0]), ("missing", FILES[2])}


@pytest.mark.parametrize(
    ("damage", "file"),
    [pytest.param(d, f, marks=[] if (d, f) in QUICK else pytest.mark.slow)
     for d in ("flipped", "cut", "empty", "missing") for f in FILES],
)  # fmt: skip
def test_a_damaged_state_is_left_out_for_the_one_before(run, interrupted, damage, file):
    newest = Checkpoints(run / "state").states()[0]
    content = bytearray((newest / file).read_bytes())
    content[len(content) // 2] ^= 1
    changed = {"flipped": bytes(content), "cut": bytes(content[:-9]), "empty": b""}
    if damage == "missing":
        (newest / file).unlink()
    else:
        (newest / file).write_bytes(changed[damage])
    assert [*Checkpoints(run / "state").damaged()] == [newest]
    assert equal(resumed(run), interrupted[1])


def test_without_an_intact_state_a_run_is_refused_in_one_line(run, capsys):
    for state in Checkpoints(run / "state").states():
        (state / "progress.json").write_text("")
    assert "the states in" in refused(capsys, "train", "--resume", "--out", run)


def test_other_files_beside_the_states_do_not_matter(run):
    (run / "state" / "0notes.txt").touch()
    resumed(run)
    assert (run / "state" / "0notes.txt").is_file()


def test_a_cut_last_line_of_metrics_is_dropped(run):
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 2, "loss"')
    assert [line["epoch"] for line in open_run(run).metrics()] == [1]


def _hold(folder, ready, leave):
    lock = lock_run(Path(folder))
    ready.set()
    leave.wait(30)
    assert lock.is_locked


def test_a_run_folder_is_used_by_one_process(run, capsys):
    spawn = multiprocessing.get_context("spawn")
    ready, leave = spawn.Event(), spawn.Event()
    other = spawn.Process(target=_hold, args=(str(run), ready, leave))
    other.start()
    assert ready.wait(60)
    assert "is in use: another training" in refused(capsys, "train", "--resume", "--out", run)
    leave.set()
    other.join()
    lock_run(run).release()  # free again, however the other one ended


def test_what_a_kill_at_the_very_start_leaves_can_begin_again(tmp_path, capsys):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".run.json.abc").write_text("{")
    assert "leave --resume out" in refused(capsys, "train", "--resume", "--out", tmp_path / "run")
    assert canon.train("lenet5-modern", out=tmp_path / "run", epochs=1, **CPU).record.result


def test_network_outputs_that_are_not_finite_are_an_error(interrupted, run, tmp_path):
    run = canon.train("lenet5-modern", out=tmp_path / "r", epochs=1, **CPU)
    weights = load_file(run.path / "model.safetensors")
    bad = {key: tensor * float("nan") for key, tensor in weights.items()}
    save_file(bad, run.path / "model.safetensors", metadata={"model": run.model, "format": "4"})
    with pytest.raises(WeightsError, match="not finite"):
        canon.evaluate(run)
    huge = {key: tensor * 1e30 for key, tensor in weights.items()}
    save_file(huge, run.path / "model.safetensors", metadata={"model": run.model, "format": "4"})
    with pytest.raises(NonFiniteError, match="not finite numbers"):
        canon.evaluate(run)


@pytest.mark.parametrize(
    "change",
    ["moved", "mask", *(pytest.param(c, marks=pytest.mark.slow) for c in ("redrawn", "renamed"))],
)
def test_changed_data_is_not_resumed(tmp_path, change):
    masks = change == "mask"
    data = (shape_folder(tmp_path / "d", count=8, side=32) if masks
            else photos(tmp_path / "d", {".": {"a": 8, "b": 8}}))  # fmt: skip
    model, small = ("unet-same", {"width": 2, "depth": 1}) if masks else ("resnet20", {})
    config = canon.TrainConfig(model, str(data), out=tmp_path / "r", epochs=1, **small, **CPU)
    events = train_events(config)
    next(event for event in events if isinstance(event, Step))
    events.close()
    first = next(iter(sorted((data / ("masks" if masks else "a")).iterdir())))
    if change in ("redrawn", "mask"):
        other = sorted(first.parent.iterdir())[-1]
        first.write_bytes(other.read_bytes())
    elif change == "renamed":
        first.rename(first.with_name("zzz.png"))
    else:
        moved = data / "b" / "0.png"
        kept = first.read_bytes()
        first.write_bytes(moved.read_bytes())
        moved.write_bytes(kept)
    with pytest.raises(DataError, match="has changed"):
        canon.train(canon.TrainConfig(None, out=tmp_path / "r", resume=True, **CPU))


def test_a_run_is_measured_on_a_moved_copy_of_its_data_as_on_its_own(tmp_path):
    data = photos(tmp_path / "d", {".": {"a": 8, "b": 8}})
    run = canon.train("resnet20", str(data), out=tmp_path / "r", epochs=1, **CPU)
    copied = shutil.copytree(data, tmp_path / "elsewhere")
    assert canon.evaluate(run, str(copied))[0] == "val"
    (copied / "a" / "0.png").unlink()
    assert canon.evaluate(run, str(copied))[0] == "all images"


def test_a_full_disk_is_named_and_costs_nothing_but_the_save(run, monkeypatch):
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}

    def full(*_, **__):
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 64")

    monkeypatch.setattr("accelerate.Accelerator.save_state", full)
    with pytest.raises(OSError, match="No space left") as caught:
        resumed(run)
    assert caught.value.filename == str(run / "state")
    after = {path for path in (run / "state").rglob("*") if path.is_file()}
    assert after == {path for path in before if path.is_relative_to(run / "state")}


def test_written_files_are_readable_as_others_and_have_names_of_their_own(tmp_path):
    with atomic_write(tmp_path / "a") as one, atomic_write(tmp_path / "a") as other:
        assert one != other
        one.write_text("1")
        other.write_text("2")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o666 & ~_umask()
    assert json.loads((tmp_path / "a").read_text()) in (1, 2)


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
