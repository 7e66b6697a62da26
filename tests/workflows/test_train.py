"""Whole runs: from a source of images to a folder, and what can be done with it."""

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import canon
from canon.errors import CanonError, DataError, InputError
from canon.runs.config import TrainConfig
from canon.runs.folder import METRICS, REPORT
from canon.runs.open import open_run
from canon.training.events import Epoch
from canon.utils.progress import Step
from canon.workflows.train import Note, train, train_events
from tests.helpers.synthetic import make_folder

CPU = {"device": "cpu"}


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A short run on the digits."""
    out = tmp_path_factory.mktemp("runs") / "digits"
    return train(TrainConfig("lenet5-modern", "digits", out=out, epochs=4, **CPU))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of two classes, and a run on it."""
    data = make_folder(tmp_path_factory.mktemp("data") / "pictures", 12)
    out = tmp_path_factory.mktemp("runs") / "pictures"
    run = train(TrainConfig("resnet20", str(data), out=out, epochs=6, image=16, **CPU))
    return data, run


def test_a_run_folder_holds_all_that_is_needed(digits):
    assert {p.name for p in digits.path.iterdir()} == {
        "run.json", "model.safetensors", "state", "metrics.jsonl", "report.html"
    }  # fmt: skip
    facts = json.loads((digits.path / "run.json").read_text())
    assert facts["data"]["classes"] == list("0123456789")
    assert facts["numbers"] == {"classes": 10, "channels": 1, "image": 32, "seed": 0}
    assert len(facts["split"]["val"]) == facts["result"]["count"] == 359
    assert (
        facts["versions"]["torch"] == torch.__version__.split("+")[0] or facts["versions"]["torch"]
    )
    lines = [json.loads(line) for line in (digits.path / METRICS).read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4]
    assert lines[-1]["scores"]["top1"] == facts["result"]["top1"] > 0.85


def test_the_evaluation_of_a_run_is_the_one_it_ended_with(digits):
    split, scores = canon.evaluate(canon.load_run(digits.path), device="cpu")
    assert split == "val"
    result = digits.facts["result"]
    assert scores.summary() == {k: pytest.approx(result[k]) for k in scores.summary()}


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.sources, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [v for k, v in attrs if k in ("src", "href") and not v.startswith("#")]

    def handle_data(self, data):
        self.text += data


def test_the_report_is_one_page_with_curves_confusion_worst_samples_and_layers(digits):
    page = Page((digits.path / REPORT).read_text())
    assert page.tags.count("svg") == 2
    wrong = round((1 - digits.facts["result"]["top1"]) * 359)
    assert page.tags.count("img") == min(24, wrong) > 0
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)
    for said in ("61,706", "Confusion on val", "c3.0", "LeCun", "adamw", f"{wrong}", "digits"):
        assert said in page.text
    assert "http://" not in page.text


def test_a_network_learns_from_a_folder(folder):
    _, run = folder
    split, scores = canon.evaluate(run, device="cpu")
    assert split == "val"
    assert scores.top(1) > 0.7


def test_predictions_have_names_probabilities_and_the_order_of_the_paths(folder):
    data, run = folder
    said = list(canon.predict(run, [data / "light" / "03.png", data / "dark"], top=2, device="cpu"))
    assert [p.path.name for p in said[:2]] == ["03.png", "00.png"]
    assert len(said) == 13
    assert all(sum(p.probabilities) == pytest.approx(1, abs=1e-5) for p in said)
    right = [p.classes[0] == p.path.parent.name for p in said]
    assert sum(right) >= 10


def test_a_prediction_is_the_network_on_the_evaluated_pixels(folder):
    data, run = folder
    path = data / "dark" / "05.png"
    pixels = np.asarray(Image.open(path).resize((16, 16), Image.Resampling.BILINEAR)) / 255
    how = run.preprocessing
    x = torch.tensor((pixels - how.mean) / how.std, dtype=torch.float32).permute(2, 0, 1)[None]
    with torch.no_grad():
        p = run.network().eval()(x).softmax(1)
    (said,) = canon.predict(run, [path], top=2, device="cpu")
    by_name = dict(zip(said.classes, said.probabilities, strict=True))
    assert [by_name[c] for c in run.classes] == pytest.approx(p[0].tolist(), abs=0.02)


def test_unreadable_files_stop_a_prediction_unless_skipped(folder, tmp_path):
    _, run = folder
    (tmp_path / "a.png").write_text("text")
    Image.new("RGB", (20, 20)).save(tmp_path / "b.png")
    with pytest.raises(DataError, match=r"a\.png is not an image.*--skip-bad"):
        list(canon.predict(run, [tmp_path], device="cpu"))
    first, second = canon.predict(run, [tmp_path], device="cpu", skip_bad=True)
    assert "a.png is not an image" in first.fault
    assert second.classes


def test_one_seed_gives_one_set_of_weights(tmp_path):
    nets = []
    for name in ("a", "b", "c"):
        asked = TrainConfig(
            "lenet5-modern", "digits", out=tmp_path / name, epochs=1, seed=int(name == "c"), **CPU
        )
        nets.append(train(asked).network().state_dict())
    assert all(torch.equal(nets[0][k], nets[1][k]) for k in nets[0])
    assert any(not torch.equal(nets[0][k], nets[2][k]) for k in nets[0])


def test_fine_tuning_keeps_frozen_stages_and_gives_other_classes_a_new_head(digits, tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (60, 8, 8), np.uint8)
    np.savez(tmp_path / "two.npz", x_train=x, y_train=np.arange(60) % 2)
    asked = TrainConfig("lenet5-modern", str(tmp_path / "two.npz"), out=tmp_path / "tuned",
                     epochs=2, weights=digits.path, freeze="c3", **CPU)  # fmt: skip
    notes = [e.text for e in train_events(asked) if isinstance(e, Note)]
    assert any("new weights for head.output.weight, head.output.bias" in note for note in notes)
    before, after = (
        digits.network().state_dict(),
        open_run(tmp_path / "tuned").network().state_dict(),
    )
    for name, tensor in before.items():
        if name.startswith(("features.c1", "features.c3")):
            assert torch.equal(tensor, after[name])
    assert not torch.equal(before["features.c5.0.weight"], after["features.c5.0.weight"])
    assert after["head.output.weight"].shape == (2, 84)


def test_weights_are_really_loaded(digits, tmp_path):
    asked = TrainConfig("lenet5-modern", "digits", out=tmp_path / "more", epochs=1, lr=1e-9,
                     weights=digits.path, **CPU)  # fmt: skip
    assert train(asked).facts["result"]["top1"] == pytest.approx(
        digits.facts["result"]["top1"], abs=0.03
    )


def test_a_closed_run_goes_on_to_the_same_end(tmp_path):
    asked = TrainConfig("lenet5-modern", "digits", out=tmp_path / "whole", epochs=2, **CPU)
    whole = train(asked)
    events = train_events(replace(asked, out=tmp_path / "cut"))
    for event in events:
        if isinstance(event, Step) and event.epoch == 2 and event.done == 7:
            break
    events.close()
    gone_on = train(replace(asked, out=tmp_path / "cut", resume=True))
    ours, theirs = whole.network().state_dict(), gone_on.network().state_dict()
    assert all(torch.equal(ours[k], theirs[k]) for k in ours)
    told = [[line["epoch"], line["loss"], line["scores"]["loss"]] for line in whole.metrics()]
    assert told == [
        [line["epoch"], line["loss"], line["scores"]["loss"]] for line in gone_on.metrics()
    ]


def test_patience_keeps_the_best_weights(tmp_path):
    asked = TrainConfig(
        "lenet5-modern", "digits", out=tmp_path / "run", epochs=12, patience=2, lr=0.03, **CPU
    )
    epochs = [e for e in train_events(asked) if isinstance(e, Epoch)]
    run = open_run(tmp_path / "run")
    best = max(e.scores.top(1) for e in epochs)
    assert run.facts["result"]["top1"] == pytest.approx(best)


def test_sixteen_bit_grey_images_are_trained_with_their_range(tmp_path):
    random = np.random.default_rng(0)
    for label, name in enumerate(("dim", "bright")):
        (tmp_path / "deep" / name).mkdir(parents=True)
        for i in range(10):  # apart by less than one level of eight bits
            pixels = random.integers(0, 20, (20, 20)) + 1000 + 100 * label
            Image.fromarray(pixels.astype(np.uint16)).save(tmp_path / "deep" / name / f"{i}.png")
    asked = TrainConfig(
        "lenet5-modern", str(tmp_path / "deep"), out=tmp_path / "run", epochs=20, **CPU
    )
    run = train(asked)
    assert run.preprocessing.bits == 16
    assert run.facts["result"]["top1"] == 1.0
    assert (run.path / REPORT).exists()


def test_grey_data_is_not_mirrored_and_colour_is(digits, folder):
    assert not digits.facts["recipe"]["augmentation"]["flip"]
    assert folder[1].facts["recipe"]["augmentation"]["flip"]


def test_what_is_done_to_images_is_told(tmp_path):
    events = train_events(TrainConfig("lenet5", "digits", out=tmp_path / "run", epochs=1, **CPU))
    notes = " ".join(e.text for e in events if isinstance(e, Note))
    assert "1,438 train, 359 val" in notes
    assert "images of 8 x 8 become 32 x 32, of which 2 on each side repeat the edge" in notes


def test_a_test_split_is_only_looked_at_in_the_end(tmp_path):
    random = np.random.default_rng(0)
    x, y = random.integers(0, 256, (90, 16, 16, 3), np.uint8), np.arange(90) % 3
    np.savez(tmp_path / "a.npz", x_train=x[:60], y_train=y[:60], x_test=x[60:], y_test=y[60:])
    run = train(
        TrainConfig("resnet20", str(tmp_path / "a.npz"), out=tmp_path / "run", epochs=1, **CPU)
    )
    assert run.metrics()[0]["scores"]["count"] == 6
    assert run.facts["result"] | {"split": "test", "count": 30} == run.facts["result"]
    with pytest.raises(InputError, match=r"need a validation split.*--val 0\.1"):
        train(
            TrainConfig(
                "resnet20", str(tmp_path / "a.npz"), out=tmp_path / "b", val=0, patience=3, **CPU
            )
        )


def test_other_data_is_evaluated_by_the_names_of_its_classes(folder, tmp_path):
    _, run = folder
    swapped = make_folder(tmp_path / "more", 4, classes=("light", "dark"))
    split, scores = canon.evaluate(run, str(swapped), device="cpu")
    assert (split, scores.count) == ("train", 8)
    stranger = make_folder(tmp_path / "stranger", 2, classes=("dark", "zebra"))
    with pytest.raises(
        DataError, match=r"classes that .* does not know: zebra; expected dark, light"
    ):
        canon.evaluate(run, str(stranger), device="cpu")


@pytest.mark.parametrize(
    ("break_it", "said"),
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
def test_a_run_folder_that_was_damaged_says_how(digits, tmp_path, break_it, said):
    import shutil

    broken = Path(shutil.copytree(digits.path, tmp_path / "run"))
    break_it(broken)
    with pytest.raises(CanonError, match=said) as told:
        canon.evaluate(canon.load_run(broken), device="cpu")
    assert "\n" not in str(told.value)
    assert "expected" in str(told.value) or "Build 'lenet5-modern'" in str(told.value)


@pytest.mark.slow
def test_lenet5_modern_reaches_one_percent_on_mnist(real_data, tmp_path):
    run = train(TrainConfig("lenet5-modern", "mnist", out=tmp_path / "run", epochs=6, **CPU))
    assert run.facts["result"]["count"] == 10_000
    assert 1 - run.facts["result"]["top1"] <= 0.010


@pytest.mark.slow
def test_resnet20_learns_on_cifar10(cifar10, tmp_path):
    with np.load(cifar10) as arrays:
        few = {"x_train": arrays["x_train"][:4000], "y_train": arrays["y_train"][:4000],
               "x_test": arrays["x_test"][:1000], "y_test": arrays["y_test"][:1000]}  # fmt: skip
    np.savez(tmp_path / "few.npz", **few)
    run = train(
        TrainConfig("resnet20", str(tmp_path / "few.npz"), out=tmp_path / "run", epochs=4, **CPU)
    )
    assert run.facts["result"]["top1"] > 0.3


@pytest.mark.slow
def test_photos_of_ants_and_bees_go_through_the_whole_run(real_data, tmp_path):
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
    assert run.facts["data"]["counts"] == {"train": [123, 121], "val": [70, 83]}
    assert run.facts["result"]["count"] == 153
