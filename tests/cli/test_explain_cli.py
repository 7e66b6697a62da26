"""`canon explain`: pictures of what a network looks at and has learned."""

import numpy as np
import pytest
from PIL import Image

import canon
from canon.cli import main
from canon.workflows import explain_network
from canon.workflows.explain import METHODS, explain, feature_maps
from tests.helpers.commands import refused

DIGIT = np.zeros((8, 8), np.uint8)
DIGIT[1:7, 3:5] = 255


@pytest.fixture
def digit(tmp_path):
    """The file of an upright bar, which is a 1."""
    path = tmp_path / "one.png"
    Image.fromarray(DIGIT).save(path)
    return path


@pytest.mark.parametrize("method", [m for m in METHODS if m != "cam"])
def test_every_method_explains_the_predicted_class(method, digits_run, digit, tmp_path, printed):
    if method not in ("grad-cam", "layer-cam"):
        pytest.importorskip("captum")
    (one,) = explain(digits_run, digit, method=method, device="cpu")
    (known,) = canon.predict(digits_run, digit, device="cpu")
    assert one.name == known.classes[0]
    assert one.score == pytest.approx(known.probabilities[0], abs=1e-4)
    assert one.image.shape == (32, 32, 3)  # with the border of LeNet-5
    assert one.values.shape[:2] == (32, 32)
    assert np.isfinite(one.values).all()
    assert one.values.any()
    if method not in ("layer-cam", "integrated-gradients", "deconvnet"):
        return  # one of each kind of picture is drawn
    out = tmp_path / "out"
    text = printed("explain", digits_run.path, digit, "--method", method, "--out", out)
    assert f"{out}/one-{method}.png" in text
    assert np.asarray(Image.open(out / f"one-{method}.png")).std() > 10


def test_another_class_and_stage(digits_run, digit):
    (own,) = explain(digits_run, digit, device="cpu")
    (seven,) = explain(digits_run, digit, target="7", device="cpu")
    (early,) = explain(digits_run, digit, stage="c1", device="cpu")
    assert (own.stage, early.stage, seven.name) == ("s4", "c1", "7")
    assert not np.allclose(own.values, seven.values)
    assert not np.allclose(own.values, early.values)


def test_a_network_that_averages_its_maps_has_cam(pictures_run, printed, tmp_path):
    images = pictures_run.path.parent / "pictures"
    assert "stage3" in next(iter(explain(pictures_run, images, method="cam", device="cpu"))).stage
    printed("explain", pictures_run.path, images, "--out", tmp_path / "out", "--method", "cam")
    assert len([*(tmp_path / "out").iterdir()]) == 24  # every image has its own name


def test_segmentation_explains_the_pixels_of_a_class(shapes_run, printed, tmp_path):
    images = sorted((shapes_run.path.parent / "shapes" / "images").glob("*.png"))
    for one in explain(shapes_run, images[:2], method="layer-cam", device="cpu"):
        assert one.name != shapes_run.classes[0]  # the most frequent one besides the background
        assert 0 < one.score < 1
        assert one.values.shape == one.image.shape[:2] == (64, 64)
    printed(
        "explain", shapes_run.path, images[0], "--out", tmp_path, "--target", shapes_run.classes[0]
    )


def test_feature_maps_are_those_of_the_layer_table(digits_run, digit, printed, tmp_path):
    image, maps = feature_maps(digits_run, digit)
    assert image.shape == (32, 32, 3)
    ends = canon.describe("lenet5-modern").ends
    assert {name: values.shape for name, values in maps.items()} == {
        name: ends[name][0] for name in ("c1", "s2", "c3", "s4")
    }
    printed(
        "explain", digits_run.path, digit, "--method", "feature-maps", "--out", tmp_path / "out"
    )
    assert (tmp_path / "out" / "one-feature-maps.png").is_file()


def test_filters_patches_and_maximised_images(digits_run, printed, tmp_path):
    pytest.importorskip("captum")
    argv = ["explain", digits_run.path, "--out", tmp_path]
    assert printed(*argv, "--method", "filters").endswith("filters.png\n")
    printed(*argv, "--method", "filters", "--stage", "c3")
    printed(*argv, "--method", "patches", "--stage", "s2", "--channel", "0", "5")
    printed(*argv, "--method", "maximise", "--target", "4")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"filters.png", "filters-c3.png", "patches-s2.png", "maximised-class.png"}


def test_the_patches_of_a_run_come_from_its_data(digits_run):
    pytest.importorskip("captum")
    stage, (first, second) = explain_network.strongest_patches(
        digits_run, stage="s2", channels=[3, 1], device="cpu"
    )
    assert (stage, first.channel, second.channel) == ("s2", 3, 1)
    assert len(first.crops) == 9
    assert first.crops[0].shape == (6, 6, 3)  # 5 of the convolution, one more of the pooling
    assert first.projections[0].shape == (6, 6, 1)
    assert (np.diff(first.values) <= 0).all()
    assert first.crops[0].any()


def test_maximised_images_have_a_larger_score(digits_run):
    _, found = explain_network.maximised_channels(
        digits_run, target="4", steps=64, device="cpu"
    )  # fmt: skip
    prep, net = digits_run.preprocessing, digits_run.network().eval()
    picture = found["4"]
    assert picture.shape == (32, 32, 3)
    inner = picture[2:-2, 2:-2, :1]  # without the border, which is drawn too
    import torch

    raw = torch.from_numpy(np.stack([inner, np.full_like(inner, 128)]))
    with torch.no_grad():
        logits = net(prep.normalize(raw))[:, 4]
    assert logits[0] > logits[1] + 1


def test_a_registered_network_has_no_data_of_its_own(digit, tmp_path, capsys):
    text = refused(capsys, "explain", "resnet20", "--method", "patches", "--out", str(tmp_path))
    assert "--data" in text
    (one,) = explain("resnet20", digit, device="cpu")
    assert one.name in set("0123456789")


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--stage", "c33"], "no stage is named 'c33'. Did you mean 'c3'?"),
        (["--stage", "f6"], "stage f6 has no maps"),
        (["--target", "ten"], "no class is named 'ten'"),
        (["--method", "cam"], "averages its last maps"),
        (["--method", "saliency", "--stage", "c1"], "--stage is for grad-cam and layer-cam"),
        (["--method", "filters"], "expected no paths"),
        (["--weights", "x"], "which has its own"),
        (["--method", "grad-cm"], "grad-cam"),
    ],
)
def test_mistakes(flags, text, digits_run, digit, capsys):
    assert text in refused(capsys, "explain", str(digits_run.path), str(digit), *flags)


def test_mistakes_without_an_image(digits_run, tmp_path, capsys):
    folder = str(digits_run.path)
    assert "no image to explain" in refused(capsys, "explain", folder)
    assert "does not exist" in refused(capsys, "explain", folder, str(tmp_path / "none.png"))
    assert "Did you mean 'resnet20'?" in refused(
        capsys, "explain", "resnet2O", "--method", "filters"
    )
    assert "has no channel 99; expected 0 to 15" in refused(
        capsys, "explain", folder, "--method", "maximise", "--channel", "99"
    )
    (tmp_path / "text.png").write_text("no image")
    assert "text.png" in refused(capsys, "explain", folder, str(tmp_path / "text.png"))


def test_networks_without_classes(digit, capsys, tmp_path):
    argv = ["explain", "cae", str(digit), "--out", str(tmp_path / "out")]
    assert "an auto-encoder gives pictures, not classes" in refused(capsys, *argv)
    assert main([*argv, "--method", "feature-maps"]) == 0
    assert "a generator draws pictures" in refused(capsys, "explain", "chairs-64", str(digit))


@pytest.mark.slow
def test_a_clustering_is_explained(tmp_path, printed):
    from tests.helpers.clusters import SMALL, bars

    images, _ = bars()
    run = canon.cluster(images, out=tmp_path / "run", **SMALL)
    Image.fromarray(images[0].squeeze()).save(tmp_path / "a.png")
    (one,) = explain(run, tmp_path / "a.png", device="cpu")
    (known,) = canon.predict(run, tmp_path / "a.png", device="cpu")
    assert one.name == str(known.cluster)
    assert one.values.shape == one.image.shape[:2]


def test_gradients_by_stage_are_printed_and_drawn(digits_run, tmp_path, printed, capsys):
    text = printed("explain", digits_run.path, "--method", "gradients", "--out", tmp_path)
    assert [line.split()[0] for line in text.splitlines()[1:6]] == [
        "c1",
        "c3",
        "c5",
        "f6",
        "output",
    ]
    assert (tmp_path / "gradients.png").is_file()
    text = printed("explain", "resnet20", "--method", "gradients", "--out", tmp_path)
    assert "stage3" in text
    line = refused(capsys, "explain", "unet", "--method", "gradients")
    assert "expected a classifier" in line
    line = refused(capsys, "explain", "resnet20", "--method", "gradients", "--stage", "stage1")
    assert "--stage does not fit --method gradients" in line
