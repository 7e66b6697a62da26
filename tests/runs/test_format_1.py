"""Run folders that the version before wrote: format 1, whose run.json has no format number.

The expected figures and losses were printed by that version.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import canon
from canon.cli import main
from canon.data.targets.mask_codes import MaskCodes
from canon.errors import RunError
from canon.layers.upsample import Upsampling
from canon.models import build
from canon.runs.ensemble import EnsembleRun
from canon.runs.migrate import FORMAT, migrate
from canon.runs.open import open_run
from canon.runs.record import RunRecord
from tests.helpers.synthetic import CLASSES, shape_folder

FOLDERS = Path(__file__).parent.parent / "data" / "run_v1"
CPU = ["--device", "cpu"]


@pytest.fixture
def lenet5(tmp_path):
    """A copy of one epoch of LeNet-5 on the digits, by the paper's recipe."""
    return Path(shutil.copytree(FOLDERS / "lenet5", tmp_path / "lenet5"))


@pytest.fixture
def unet(tmp_path):
    """A copy of two epochs of a small U-Net, with its dataset in a folder shapes."""
    shapes = shape_folder(tmp_path / "shapes", count=8, side=32, test=2)
    folder = Path(shutil.copytree(FOLDERS / "unet-same", tmp_path / "unet-same"))
    text = (folder / "run.json").read_text()
    (folder / "run.json").write_text(text.replace("/v1/shapes", str(shapes)))
    return folder


@pytest.fixture
def one_thread():
    """The sums of the old version are those of one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_the_record_of_a_classifier_is_complete(lenet5):
    record = open_run(lenet5).record
    assert record.format == FORMAT
    assert (record.model, record.task) == ("lenet5", "classify")
    assert record.model_args == {"classes": 10, "channels": 1, "image": 32, "seed": 0}
    assert record.config["recipe"] == "paper"
    assert record.config["time_limit"] is None
    assert record.data.source == "digits"
    assert record.data.classes == tuple("0123456789")
    assert record.data.targets == {"kind": "label"}
    assert record.data.counts["train"][:3] == [178, 182, 177]
    assert record.split.val is None
    assert record.split.sizes == {"train": 1797}
    assert (record.weights.source, record.weights.replaced) == (None, ())
    assert (record.recipe.normalization, record.recipe.optimizer.kind) == ("lenet5", "diagonal-lm")
    assert record.recipe.schedule.factors[1] == (0.1, 0.4)
    assert (record.recipe.images.border, record.recipe.images.augmentation.flip) == (2, False)
    assert record.samples == record.result["count"] == 1797
    assert (record.preprocessing.border, record.preprocessing.mean) == (2, (0.1 / 1.275,))


def test_the_record_of_a_segmentation_is_complete(unet):
    run = open_run(unet)
    record = run.record
    assert record.format == FORMAT
    assert (record.model, record.task) == ("unet-same", "segment")
    assert record.model_args == {
        "classes": 3, "channels": 3, "image": 16, "seed": 0, "width": 2, "depth": 2
    }  # fmt: skip
    options = ("border_weight", "dice_weight", "class_weights", "upsampling")
    assert [record.config[name] for name in options] == [5.0, 0.5, "median", None]
    assert not {"separation", "dice", "up", "minutes"} & set(record.config)
    options = ("border_weight", "dice_weight", "class_weights")
    assert [getattr(record.recipe.images, name) for name in options] == [5.0, 0.5, "median"]
    assert record.recipe.images.deformation.elastic == 8.0
    assert record.data.targets == {"kind": "mask", "values": [0, 1, 2], "ignore": [255]}
    assert MaskCodes.of(record.data.targets) == MaskCodes((0, 1, 2))
    assert record.data.classes == CLASSES
    assert record.data.pixels == {"train": [4798, 238, 363], "test": [1516, 117, 142]}
    assert record.split.val == (str(unet.parent / "shapes" / "images" / "003.png"),)
    assert record.split.sizes == {"train": 5, "val": 1, "test": 2}


def test_the_lines_of_metrics_are_migrated(unet):
    first, second = open_run(unet).metrics()
    assert first["metrics"]["mean_iou"] == first["monitored"]["value"] == 0.19352396864448665
    assert second["monitored"]["name"] == "mean IoU"


def test_a_classifier_is_evaluated_to_the_same_figures(lenet5, one_thread):
    split, metrics = canon.evaluate(open_run(lenet5), device="cpu")
    assert (split, metrics.count) == ("train", 1797)
    assert metrics.top(1) == 0.6833611574846967
    assert metrics.loss == pytest.approx(32.14351099785925, rel=1e-6)


def test_a_segmentation_is_evaluated_to_the_same_figures(unet, one_thread):
    split, metrics = canon.evaluate(open_run(unet), device="cpu")
    assert split == "test"
    assert metrics.mean_iou == pytest.approx(0.21794633439265906, rel=1e-6)
    assert metrics.loss == pytest.approx(0.986399614978844, rel=1e-6)


def test_a_classifier_predicts(lenet5, tmp_path):
    from PIL import Image

    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    (prediction,) = canon.predict(lenet5, [tmp_path / "a.png"], top=10, device="cpu")
    assert set(prediction.classes) == set("0123456789")
    assert sum(prediction.probabilities) == pytest.approx(1, abs=1e-5)


def test_a_segmentation_predicts(unet, tmp_path):
    images = unet.parent / "shapes" / "images"
    out = tmp_path / "masks"
    made = list(
        canon.predict(unet, [images / "006.png", images / "007.png"], out=out, device="cpu")
    )
    _, metrics = canon.evaluate(unet, device="cpu")
    assert [one.mask.name for one in made] == ["006.png", "007.png"]
    assert all(sum(one.pixels) == 32 * 32 for one in made)
    predicted = np.sum([one.pixels for one in made], axis=0)
    assert (predicted >= metrics.confusion.sum(0)).all()  # the rest is ignored


@pytest.mark.slow
def test_a_classifier_resumes_to_the_same_loss(lenet5, one_thread):
    assert main(["train", "lenet5", "--out", str(lenet5), "--resume", "--epochs", "2", *CPU]) == 0
    first, second = open_run(lenet5).metrics()
    assert first["loss"] == 41.151008555540194
    assert second["loss"] == pytest.approx(29.996886328451488, rel=1e-5)


def test_a_segmentation_resumes_to_the_same_loss(unet, one_thread):
    data = str(unet.parent / "shapes")
    flags = ["--out", str(unet), "--resume", "--epochs", "3", *CPU]
    assert main(["train", "unet-same", data, *flags]) == 0
    *before, last = open_run(unet).metrics()
    assert [line["loss"] for line in before] == [0.724472439289093, 0.6212340354919433]
    assert last["loss"] == pytest.approx(0.6586602091789245, rel=1e-5)
    content = json.loads((unet / "run.json").read_text())
    assert content["format"] == FORMAT
    assert content["config"]["epochs"] == content["recipe"]["epochs"] == 3
    assert "numbers" not in content


def test_an_ensemble_keeps_its_members():
    prep = {"image": 28, "channels": 1, "bits": 8, "border": 0, "crop": 1.0, "mean": [0.0],
            "std": [1.0]}  # fmt: skip
    arguments = {"classes": 2, "channels": 1, "image": 32, "seed": 0}
    own = prep | {"image": 32, "border": 2, "mean": [0.1], "std": [0.3]}
    member = {"model": "lenet5-modern", "numbers": arguments, "preprocessing": own}
    content = {
        "model": "ensemble",
        "members": [member | {"path": "runs/a", "weight": 0.75},
                    member | {"path": "runs/b", "weight": 0.25}],
        "data": {"source": "digits", "classes": ["0", "1"], "counts": {}, "masks": None,
                 "pixels": {}, "skipped": [], "formats": {}},
        "split": {"val": [3, 5], "fraction": 0.2, "seed": 0, "sizes": {"train": 8, "val": 2}},
        "preprocessing": prep,
        "versions": {"torch": "2.13.0"},
    }  # fmt: skip
    record = RunRecord.from_json(json.loads(json.dumps(content)))
    assert (record.format, record.task, record.model) == (FORMAT, "classify", "ensemble")
    assert [(m.path, m.model, m.weight) for m in record.members] == [
        ("runs/a", "lenet5-modern", 0.75), ("runs/b", "lenet5-modern", 0.25)
    ]  # fmt: skip
    assert record.members[0].model_args == arguments
    assert record.members[0].preprocessing.mean == (0.1,)
    assert record.split.val == (3, 5)
    assert record.result is None
    assert migrate(record.to_json()) == record.to_json()


def test_an_ensemble_of_format_1_opens_as_one(tmp_path):
    text = json.dumps(json.loads((FOLDERS / "lenet5" / "run.json").read_text()) | {
        "model": "ensemble",
        "members": [{"path": "runs/a", "model": "lenet5", "weight": 1.0, "numbers": {},
                     "preprocessing": {"image": 32, "channels": 1, "mean": [0.1], "std": [0.3]}}],
    })  # fmt: skip
    (tmp_path / "run.json").write_text(text)
    assert isinstance(open_run(tmp_path), EnsembleRun)


def nails_content():
    """The run.json of the U-Net, as if it was trained with `--up nails --minutes 3`."""
    content = json.loads((FOLDERS / "unet-same" / "run.json").read_text())
    content["numbers"]["up"] = content["asked"]["up"] = "nails"
    content["asked"]["minutes"] = 3.0
    content["weights"]["from"] = "runs/a"
    return content


def test_options_have_their_new_names_and_values():
    record = RunRecord.from_json(nails_content())
    assert record.config["upsampling"] == "bed-of-nails"
    assert record.config["time_limit"] == 3.0
    assert record.weights.source == "runs/a"


def test_a_network_with_bed_of_nails_is_built_from_its_record():
    record = RunRecord.from_json(nails_content())
    net = build(record.model, **record.model_args)
    kinds = {module.kind for module in net.modules() if isinstance(module, Upsampling)}
    assert kinds == {"bed-of-nails"}


def test_a_format_that_is_too_new_is_refused_by_its_number(lenet5):
    content = json.loads((lenet5 / "run.json").read_text())
    (lenet5 / "run.json").write_text(json.dumps(content | {"format": FORMAT + 1}))
    with pytest.raises(
        RunError, match=rf"format {FORMAT + 1} is newer than this version of Canon reads; .*Update"
    ):
        open_run(lenet5)
