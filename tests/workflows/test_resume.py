"""Going on with a run, starting from one, and the places and names that a user's own data has."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import canon
from canon.cli import main
from canon.data import open_data
from canon.errors import DataError, InputError, WeightsError
from canon.runs.config import TrainConfig
from canon.utils.progress import Step
from canon.workflows.train import train, train_events
from tests.helpers.synthetic import draw, make_folder

CPU = {"device": "cpu"}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A folder of pictures and a run on it, both asked for by relative paths."""
    place = tmp_path_factory.mktemp("place")
    make_folder(place / "pictures", 12)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        asked = TrainConfig("resnet20", "pictures", out=Path("run"), epochs=2, image=16, **CPU)
        train(asked)
    return place


@pytest.fixture
def place(base, tmp_path):
    """The same, to be changed; the run knows the folder by its absolute path."""
    copy = Path(shutil.copytree(base, tmp_path / "place"))
    text = (copy / "run" / "run.json").read_text().replace(str(base), str(copy))
    (copy / "run" / "run.json").write_text(text)
    return copy


def test_a_run_from_before_some_flags_goes_on(place):
    facts = json.loads((place / "run" / "run.json").read_text())
    for flag in ("width", "depth", "up", "backbone", "class_weights", "separation", "dice"):
        del facts["asked"][flag]
    del facts["recipe"]["warping"]
    (place / "run" / "run.json").write_text(json.dumps(facts))
    asked = TrainConfig(
        "resnet20", str(place / "pictures"), out=place / "run", resume=True, epochs=3
    )
    assert len(train(asked).metrics()) == 3


def test_a_run_on_a_relative_folder_is_evaluated_from_anywhere(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    split, scores = canon.evaluate(canon.load_run(place / "run"), **CPU)
    assert (split, scores.count) == ("val", 4)
    monkeypatch.chdir(place)
    assert canon.evaluate(canon.load_run("run"), "pictures", **CPU)[0] == "val"


def test_more_epochs_can_follow_and_are_recorded(place, capsys):
    flags = ["train", "resnet20", str(place / "pictures"), "--out", str(place / "run"), "--resume"]
    assert main([*flags, "--epochs", "3", "--device", "cpu"]) == 0
    assert "epoch 3/3" in capsys.readouterr().out
    facts = json.loads((place / "run" / "run.json").read_text())
    assert facts["recipe"]["epochs"] == facts["asked"]["epochs"] == 3
    assert main([*flags, "--device", "cpu"]) == 0
    assert "images/s" not in capsys.readouterr().out


@pytest.mark.parametrize("change", ["more", "fewer", "class", "renamed"])
def test_data_that_changed_is_refused(place, change):
    pictures = place / "pictures"
    if change == "more":
        draw(999, False).save(pictures / "dark" / "99.png")
    elif change == "fewer":
        (pictures / "dark" / "00.png").unlink()
    elif change == "class":
        shutil.copytree(pictures / "dark", pictures / "also")
    else:
        (pictures / "dark").rename(pictures / "dusk")
    with pytest.raises(DataError, match=r"has changed: .* expected 20 train, 4 val of 2"):
        canon.evaluate(canon.load_run(place / "run"), **CPU)


@pytest.mark.parametrize(
    ("flag", "value"), [("lr", 0.5), ("seed", 3), ("batch", 2), ("precision", "bf16")]
)
def test_other_flags_are_refused_when_going_on(place, flag, value):
    asked = TrainConfig(
        "resnet20", out=place / "run", resume=True, epochs=3, **{flag: value}, **CPU
    )
    with pytest.raises(
        InputError, match=f"--{flag} is {value}, the run began with .*Leave the flag out"
    ):
        train(asked)


def test_other_data_is_refused_when_going_on(place):
    asked = TrainConfig("resnet20", "other", out=place / "run", resume=True, epochs=3, **CPU)
    with pytest.raises(InputError, match="--data is other, the run began with pictures"):
        train(asked)


def test_a_run_that_was_fine_tuned_and_stopped_at_once_keeps_its_weights(place, tmp_path):
    asked = TrainConfig("resnet20", str(place / "pictures"), out=tmp_path / "tuned", epochs=1,
                     image=16, lr=1e-9, weights=place / "run", **CPU)  # fmt: skip
    whole = train(asked).network().state_dict()
    shutil.rmtree(tmp_path / "tuned" / "state")
    (tmp_path / "tuned" / "model.safetensors").unlink()
    again = (
        train(TrainConfig("resnet20", out=tmp_path / "tuned", resume=True, **CPU))
        .network()
        .state_dict()
    )
    assert all(np.allclose(whole[k], again[k]) for k in whole)


def test_weights_of_another_function_are_refused_though_the_keys_fit(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3), np.uint8)
    np.savez(tmp_path / "a.npz", x_train=x, y_train=np.arange(40) % 2)
    train(TrainConfig("plain20", str(tmp_path / "a.npz"), out=tmp_path / "run", epochs=1, **CPU))
    said = "were trained for 'plain20', not 'resnet20': the keys fit, the function differs"
    with pytest.raises(WeightsError, match=said):
        train(TrainConfig("resnet20", str(tmp_path / "a.npz"), weights=tmp_path / "run", **CPU))


def test_the_same_number_of_other_classes_gives_a_new_head(place, tmp_path):
    other = make_folder(tmp_path / "other", 8, ("dusk", "dawn"))
    asked = TrainConfig("resnet20", str(other), out=tmp_path / "run", epochs=1, image=16,
                     weights=place / "run", **CPU)  # fmt: skip
    assert train(asked).facts["weights"]["replaced"] == ["head.fc.weight", "head.fc.bias"]


def test_stopping_after_patience_and_going_on_does_not_train_more(tmp_path):
    asked = TrainConfig(
        "lenet5-modern", "digits", out=tmp_path / "run", epochs=9, patience=1, lr=0.2, **CPU
    )
    lines = len(train(asked).metrics())
    assert lines < 9
    assert (
        len(train(TrainConfig("lenet5-modern", out=tmp_path / "run", resume=True, **CPU)).metrics())
        == lines
    )


def test_a_given_rate_is_taken_as_it_is(tmp_path):
    folder = make_folder(tmp_path / "few", 5)
    run = train(
        TrainConfig(
            "resnet20", str(folder), out=tmp_path / "run", epochs=1, lr=0.01, image=16, **CPU
        )
    )
    assert run.facts["recipe"]["lr"] == 0.01
    assert run.facts["recipe"]["batch"] == 2


def test_images_that_have_lenet_s_size_already_get_no_border(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (40, 32, 32), np.uint8)
    np.savez(tmp_path / "a.npz", x_train=x, y_train=np.arange(40) % 2)
    run = train(
        TrainConfig("lenet5-modern", str(tmp_path / "a.npz"), out=tmp_path / "run", epochs=1, **CPU)
    )
    assert run.preprocessing.border == 0


def test_frozen_weights_and_the_1998_method(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (24, 28, 28), np.uint8)
    np.savez(tmp_path / "a.npz", x_train=x, y_train=np.arange(24) % 2)
    run = train(TrainConfig("lenet5", str(tmp_path / "a.npz"), out=tmp_path / "run", recipe="paper",
                         epochs=1, freeze="c1", **CPU))  # fmt: skip
    assert run.facts["result"]["split"] == "train"


@pytest.mark.parametrize("numbers", [{"batch": 0}, {"batch": -1}])
def test_batches_below_one_are_refused(place, numbers):
    run = canon.load_run(place / "run")
    with pytest.raises(InputError, match="--batch is"):
        canon.evaluate(run, **numbers, **CPU)
    with pytest.raises(InputError, match="--batch is"):
        list(canon.predict(run, [place / "pictures"], **numbers, **CPU))


def test_names_with_brackets_are_printed_as_they_are(place, tmp_path, capsys):
    shutil.copy(place / "pictures" / "dark" / "00.png", tmp_path / "img[final].png")
    (tmp_path / "img[").mkdir()
    shutil.copy(place / "pictures" / "dark" / "00.png", tmp_path / "img[" / "x].png")
    assert main(["predict", str(place / "run"), str(tmp_path), "--device", "cpu"]) == 0
    said = capsys.readouterr().out
    assert "img[final].png" in said
    assert "img[/x].png" in said


def test_a_file_of_sixteen_bits_for_a_run_of_eight_is_named(place, tmp_path):
    from PIL import Image

    Image.fromarray(np.full((20, 20), 5000, np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(DataError, match=r"deep\.png: the image has 16 bits"):
        list(canon.predict(canon.load_run(place / "run"), [tmp_path / "deep.png"], **CPU))


def test_split_folders_are_not_lost(tmp_path):
    make_folder(tmp_path / "a" / "Training", 3)
    make_folder(tmp_path / "a" / "Testing", 3)
    make_folder(tmp_path / "a" / "extra", 3)
    data = open_data(tmp_path / "a")
    assert set(data.parts) == {"train", "test"}
    assert [f.name for f in data.ignored] == ["extra"]
    make_folder(tmp_path / "b" / "val", 3)
    make_folder(tmp_path / "b" / "test", 3)
    with pytest.raises(DataError, match="has test and val but no train"):
        open_data(tmp_path / "b")
    make_folder(tmp_path / "c" / "train", 3)
    make_folder(tmp_path / "c" / "val", 3)
    make_folder(tmp_path / "c" / "valid", 3)
    with pytest.raises(DataError, match="has val and valid; expected one folder"):
        open_data(tmp_path / "c")


def test_a_folder_named_like_a_built_in_set_does_not_take_its_place(tmp_path, monkeypatch):
    make_folder(tmp_path / "digits", 3)
    monkeypatch.chdir(tmp_path)
    run = train(TrainConfig("lenet5-modern", "digits", out=tmp_path / "run", epochs=1, **CPU))
    assert run.facts["data"]["source"] == "digits"
    assert canon.evaluate(run, **CPU)[1].count == 359


def test_a_fault_is_looked_at_again(pictures):
    bad = pictures / "dark" / "03.png"
    good = bad.read_bytes()
    mark = bad.stat()
    bad.write_bytes(b"x" * len(good))
    data = open_data(pictures)
    assert len(canon.check_data(data).faults) == 1
    bad.write_bytes(good)
    import os

    os.utime(bad, ns=(mark.st_atime_ns, mark.st_mtime_ns))
    assert canon.check_data(data).sound


def test_ctrl_c_before_the_folder_is_there_leaves_nothing(tmp_path):
    events = train_events(TrainConfig("lenet5-modern", "digits", out=tmp_path / "run", **CPU))
    events.close()
    assert list(tmp_path.iterdir()) == []
    events = train_events(
        TrainConfig("lenet5-modern", "digits", out=tmp_path / "run", epochs=1, **CPU)
    )
    for event in events:
        if isinstance(event, Step):
            break
    events.close()
    assert [p.name for p in sorted((tmp_path / "run").iterdir())] == ["run.json", "state"]
