"""Exported files in place of runs: the same predictions, evaluations and embeddings."""

import json
import subprocess
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import canon
from canon.cli import main
from canon.deploy import engine
from canon.deploy.engines import onnx_engine
from canon.deploy.engines.onnx_engine import OnnxEngine
from canon.errors import DataError, InputError, RunError
from canon.runs.exported import open_model
from canon.workflows.export import export
from tests.helpers.synthetic import draw, shape_pair

SUFFIXES = {"onnx": "onnx", "torch": "pt2", "openvino": "openvino", "ncnn": "ncnn"}


@pytest.fixture(scope="module")
def exported(pictures_run, tmp_path_factory):
    """The run of pictures as ONNX, with its script."""
    out = tmp_path_factory.mktemp("exported") / "net.onnx"
    return export(pictures_run, out=out, data=str(pictures_run.path.parent / "pictures"))


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Pictures that are neither square nor of the stored size."""
    folder = tmp_path_factory.mktemp("photos")
    for i in range(6):
        draw(1000 + i, i % 2 == 1, 40).crop((0, 0, 40, 28 + i)).save(folder / f"{i}.png")
    return folder


def test_the_file_is_checked_on_the_images_that_the_run_held_out(exported):
    assert exported.checked_on == "4 images (val)"
    assert exported.parity.agreement == 1.0
    assert exported.parity.before == exported.parity.after
    assert exported.outputs == ("probabilities", "embedding")


@pytest.mark.parametrize("format", ["onnx", *(pytest.param(name, marks=pytest.mark.slow)
                                              for name in ("torch", "openvino"))])  # fmt: skip
def test_predictions_evaluation_and_embedding_are_those_of_the_run(
    pictures_run, exported, photos, tmp_path, format
):
    data = str(pictures_run.path.parent / "pictures")
    if format == "onnx":
        path = exported.path
    else:
        path = export(
            pictures_run, format, out=tmp_path / f"net.{SUFFIXES[format]}", data=data
        ).path
    assert [*canon.predict(path, photos, top=2)] == [
        replace(one, probabilities=pytest.approx(one.probabilities, abs=1e-4))
        for one in canon.predict(pictures_run, photos, top=2, device="cpu")
    ]
    ours, theirs = (canon.evaluate(subject, data, device="cpu")
                    for subject in (path, pictures_run))  # fmt: skip
    assert ours[0] == theirs[0]
    assert ours[1].confusion().tolist() == theirs[1].confusion().tolist()
    assert ours[1].loss == pytest.approx(theirs[1].loss, abs=1e-4)
    ours, theirs = (canon.embed(subject, photos, device="cpu").codes
                    for subject in (path, pictures_run))  # fmt: skip
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_the_script_without_canon_predicts_what_canon_predicts(pictures_run, exported, photos):
    text = exported.script.read_text()
    assert "import canon" not in text
    body = text[text.index("session =") :].strip().splitlines()
    assert len(body) <= 15
    pictures = sorted(photos.iterdir())
    done = subprocess.run(
        [sys.executable, "-I", exported.script, *pictures],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    expected = [*canon.predict(pictures_run, photos, device="cpu")]
    assert [row[1] for row in rows] == [one.classes[0] for one in expected]
    found = [float(row[2]) for row in rows]
    assert found == pytest.approx([one.probabilities[0] for one in expected], abs=2e-4)


def test_the_metadata_says_what_a_stranger_needs(exported):
    about = OnnxEngine(exported.path, 1).metadata
    assert json.loads(about["classes"]) == ["dark", "light"]
    assert (about["task"], about["model"]) == ("classify", "resnet20")
    assert "uint8 RGB" in about["input"]
    assert set(json.loads(about["normalization"])) == {"mean", "std", "white"}
    assert about["license"]
    assert "command" not in json.loads(about["run"])


@pytest.mark.slow
def test_without_preprocessing_the_file_takes_normalised_images(pictures_run, tmp_path):
    data = str(pictures_run.path.parent / "pictures")
    made = export(pictures_run, out=tmp_path / "net.onnx", logits=True, data=data)
    net, prep = pictures_run.network().eval(), pictures_run.preprocessing
    x = torch.randn(3, prep.channels, *prep.size)
    found = OnnxEngine(made.path, 1)(x.numpy())
    with torch.no_grad():
        np.testing.assert_allclose(found["logits"], net(x), atol=1e-4)
    assert [*canon.predict(made.path, data)] == [
        replace(one, probabilities=pytest.approx(one.probabilities, abs=1e-4))
        for one in canon.predict(pictures_run, data, device="cpu")
    ]


def test_masks_of_images_of_other_sizes_are_those_of_the_run(shapes_run, tmp_path):
    made = export(shapes_run, out=tmp_path / "net.onnx", images=3)
    assert made.outputs == ("classes", "probabilities", "embedding")
    assert made.parity.metric == "mean IoU"
    image, _ = shape_pair(77, 96)
    Image.fromarray(image[:80]).save(tmp_path / "image.png")
    for name, subject in (("ours", made.path), ("theirs", shapes_run)):
        assert len([*canon.predict(subject, tmp_path / "image.png", out=tmp_path / name)]) == 1
    ours, theirs = (np.asarray(Image.open(tmp_path / name / "image.png"))
                    for name in ("ours", "theirs"))  # fmt: skip
    assert ours.shape == (80, 96)
    assert len(np.unique(ours)) > 1
    assert (ours == theirs).mean() > 0.999
    subprocess.run(
        [sys.executable, "-I", made.script, tmp_path / "image.png"], cwd=tmp_path, check=True
    )
    alone = np.asarray(Image.open(tmp_path / "image-classes.png"))
    assert (alone == theirs).mean() > 0.999


@pytest.mark.slow
def test_ncnn_runs_a_network_of_plain_layers(digits_run, tmp_path):
    pytest.importorskip("ncnn")
    made = export(digits_run, "ncnn", out=tmp_path / "net.ncnn", images=50)
    assert made.parity.agreement + made.parity.ties == 1.0
    assert made.parity.p99 < 1e-4


def test_a_file_with_other_results_is_not_written(pictures_run, tmp_path, monkeypatch, capsys):
    class Wrong(OnnxEngine):
        def __call__(self, x):
            found = super().__call__(x)
            return found | {"probabilities": found["probabilities"][:, ::-1].copy()}

    monkeypatch.setattr(onnx_engine, "OnnxEngine", Wrong)
    data, out = str(pictures_run.path.parent / "pictures"), tmp_path / "net.onnx"
    argv = ["export", str(pictures_run.path), "--data", data, "--out", str(out)]
    assert main(argv) == 1
    error = capsys.readouterr().err
    assert "100.00% of the decisions differ" in error
    assert "Nothing was written" in error
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_exported_is_refused_in_a_sentence(
    pictures_run, exported, tmp_path, monkeypatch
):
    with pytest.raises(RunError, match=r"exists already.*--overwrite"):
        export(pictures_run, out=exported.path)
    with pytest.raises(InputError, match=r"ends in \.onnx"):
        export(pictures_run, out=tmp_path / "net.pt")
    with pytest.raises(InputError, match="has its own weights"):
        export(pictures_run, weights="x.pth")
    with pytest.raises(InputError, match="Did you mean 'resnet18'"):
        export("resnet19")
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"openvino is not installed.*canon-nets\[openvino\]"):
        export(pictures_run, "openvino", out=tmp_path / "net.openvino")


def test_a_file_of_a_newer_version_or_of_others_is_refused(exported, tmp_path):
    import onnx

    model = onnx.load(str(exported.path))
    entry = next(one for one in model.metadata_props if one.key == "canon_format")
    entry.value = "2"
    onnx.save(model, str(tmp_path / "newer.onnx"))
    with pytest.raises(DataError, match="newer version of Canon"):
        open_model(tmp_path / "newer.onnx")
    del model.metadata_props[:]
    onnx.save(model, str(tmp_path / "other.onnx"))
    with pytest.raises(DataError, match="has no metadata of Canon"):
        open_model(tmp_path / "other.onnx")
    with pytest.raises(DataError, match=r"missing\.onnx does not exist"):
        open_model(tmp_path / "missing.onnx")
    (tmp_path / "broken.onnx").write_bytes(b"no network")
    with pytest.raises(DataError, match="cannot be opened by ONNX Runtime"):
        open_model(tmp_path / "broken.onnx")


def test_a_program_with_pickled_objects_is_not_opened(tmp_path):
    with zipfile.ZipFile(tmp_path / "evil.pt2", "w") as archive:
        config = {"config": {"w": {"path_name": "w", "use_pickle": True}}}
        archive.writestr("evil/data/weights/model_weights_config.json", json.dumps(config))
    with pytest.raises(DataError, match="pickled objects"):
        open_model(tmp_path / "evil.pt2")


@pytest.mark.slow
def test_a_replaced_file_is_whole_and_nothing_is_left_beside_it(pictures_run, tmp_path):
    data, out = str(pictures_run.path.parent / "pictures"), tmp_path / "net.openvino"
    pytest.importorskip("openvino")
    out.mkdir()
    (out / "old").touch()
    export(pictures_run, "openvino", out=out, data=data, overwrite=True)
    assert sorted(path.name for path in out.iterdir()) == ["model.bin", "model.xml"]
    assert [path.name for path in tmp_path.iterdir()] == ["net.openvino"]


def test_a_network_without_a_run_has_numbers_for_classes(tmp_path):
    made = export("lenet5", out=tmp_path / "net.onnx")
    assert made.checked_on == "8 images of noise"
    assert any("has learned nothing" in note for note in made.notes)
    assert open_model(made.path).classes == tuple("0123456789")
