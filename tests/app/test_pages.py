"""The pages and their fragments: what they show, and sentences for what is wrong."""

import io
import json
import re
from concurrent.futures import ThreadPoolExecutor
from html import unescape

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

import canon
from canon.app.edge import convolutions, edge
from canon.app.image_view import image_view
from canon.app.neighbours import gallery, neighbours
from canon.app.subject import Subjects
from canon.errors import InputError
from canon.models import build, names


def png(pixels):
    """An image as the bytes of a PNG."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


BAR = np.zeros((8, 8), np.uint8)
BAR[1:7, 3:5] = 255


def test_a_network_is_shown_with_its_numbers(page):
    status, text = page.get("/")
    assert status == 200
    assert "60,965,224" in text  # AlexNet
    assert all(f'<option value="{name}">' in text for name in names())
    status, text = page.get("/network", model="vgg16", image="")
    assert status == 200
    assert "138,357,544" in text


def test_the_effect_of_an_illegal_stride_offers_the_legal_ones(page):
    query = {"model": "alexnet", "image": 224, "layer": "conv1.0", "kernel": 11, "padding": 0}
    status, text = page.get("/network/effect", stride=4, **query)
    assert status == 200
    assert "54.25" in text
    assert re.findall(r'aria-label="stride (\d+)"', text) == ["1", "3"]
    _, text = page.get("/network/effect", stride=3, **query)
    assert "Illegal" not in text


def test_the_controls_of_a_layer_have_its_published_numbers(page):
    _, text = page.get("/network/layer", model="resnet50", layer="conv1.0.0")
    values = dict(re.findall(r'<output for="(\w+)">(\d+)</output>', text))
    assert values == {"kernel": "7", "stride": "2", "padding": "3"}


@pytest.mark.parametrize(
    ("path", "query", "sentence"),
    [
        ("/network", {"model": "resnet5o"}, "Did you mean 'resnet50'?"),
        ("/network", {"model": "resnet18", "image": "9999"}, "expected 1 to 1024 pixels"),
        ("/network", {"model": "resnet18", "image": "x"}, "expected a whole number"),
        ("/network", {"model": "resnet18", "image": "5" * 5000}, "expected a whole number"),
        ("/network", {"model": "resnet18", "image": "²"}, "expected a whole number"),
        (
            "/network/effect",
            {"model": "vgg16", "layer": "stage1.0", "kernel": "0", "stride": "1", "padding": "1"},
            "the kernel is 0; expected 1 to 256",
        ),
        (
            "/network/effect",
            {
                "model": "vgg16",
                "layer": "stage1.0",
                "kernel": "999999",
                "stride": "1",
                "padding": "1",
            },
            "expected 1 to 256 pixels",
        ),
        (
            "/network/effect",
            {"model": "alexnet", "layer": "pool1", "kernel": "3", "stride": "2", "padding": "2"},
            "takes at most 1",
        ),
        ("/network/layer", {"model": "vgg16", "layer": "no"}, "has no layer 'no'"),
        ("/network/effect", {"model": "vgg16", "layer": "stage1.0"}, "is missing"),
        ("/compare/table", {"first": "vgg16", "second": "vgg17"}, "Did you mean 'vgg1"),
        ("/window.svg", {"size": "3", "kernel": "5"}, "does not fit"),
    ],
)
def test_mistakes_are_sentences(page, path, query, sentence):
    status, text = page.get(path, **query)
    assert status == 422
    assert sentence in unescape(text)
    assert 'role="alert"' in text


def test_forms_work_without_scripts(page):
    _, text = page.get("/", model="vgg16", image="256")
    assert "3 × 256 × 256" in text
    _, text = page.get("/compare", first="lenet5", second="resnet152")
    assert "60,192,808" in text


def test_drawings_are_svg(page):
    for query in ("model=lenet5", "model=vgg16&model=resnet34"):
        status, headers, text = page.request("GET", f"/drawing.svg?{query}")
        assert status == 200
        assert headers["content-type"].startswith("image/svg+xml")
        assert text.startswith("<svg")


def test_two_networks_are_compared(page):
    _, text = page.get("/compare/table", first="lenet5", second="alexnet")
    assert "x 1,016" in text
    assert "60,965,224" in text


def test_an_image_is_classified_as_by_predict(page, digits_run, tmp_path):
    (tmp_path / "bar.png").write_bytes(png(BAR))
    (known,) = canon.predict(digits_run, tmp_path / "bar.png", top=5, device="cpu")
    status, text = page.post("/image/explain", ("bar.png", png(BAR)))
    assert status == 200
    assert re.findall(r'data-target="(\d)"', text) == [*known.classes]
    assert f"{100 * known.probabilities[0]:.1f} %" in text
    assert "Grad-CAM of" in text
    for stage in ("c1", "s2", "c3", "s4"):
        assert f"<strong>{stage}</strong>" in text


def test_a_stage_and_a_class_can_be_chosen(page):
    _, text = page.post("/image/explain", ("bar.png", png(BAR)), stage="c1", target="7")
    assert "Grad-CAM of 7 at c1" in text


@pytest.mark.parametrize(
    ("file", "fields", "sentence"),
    [
        (("bad.png", b"nothing"), {}, "bad.png is not a readable image"),
        (("notes.txt", b"x"), {}, "notes.txt has no suffix of an image"),
        (("empty.png", b""), {}, "empty.png is empty"),
        (("../../bad.png", b"nothing"), {}, "is not a readable image"),
        (None, {"network": "resnet5o"}, "Did you mean 'resnet50'?"),
        (None, {"network": "/etc"}, "no network is named"),
        (None, {"network": "x" * 300}, "no network is named"),
        (None, {"sample": "--5"}, "expected a whole number"),
        (None, {"stage": "c9"}, "no stage is named 'c9'"),
        (None, {"target": "x"}, "no class is named 'x'"),
        (None, {"sample": "x"}, "expected a whole number"),
    ],
)
def test_bad_uploads_and_choices_are_sentences(page, file, fields, sentence):
    status, text = page.post("/image/explain", file, **fields)
    assert status == 422
    assert sentence in unescape(text)
    assert "/tmp" not in text


def test_no_upload_is_kept(page, tmp_path, monkeypatch):
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert page.post("/image/explain", ("bar.png", png(BAR)))[0] == 200
    assert page.post("/image/explain", ("bad.png", b"nothing"))[0] == 422
    assert [*tmp_path.iterdir()] == []


def test_numbers_neighbours_and_patches_of_an_image(page):
    status, text = page.post("/image/numbers", ("bar.png", png(BAR)))
    assert status == 200
    assert json.loads(unescape(re.search(r'data-edge="([^"]+)"', text)[1]))["whole"]
    status, text = page.post("/image/neighbours", ("bar.png", png(BAR)))
    assert text.count("cosine") == 8
    pytest.importorskip("captum")
    status, text = page.post("/image/patches", stage="s2")
    assert status == 200
    assert text.count("Patches of channel") == 6


def test_an_untrained_network_says_so(page):
    status, text = page.post("/image/explain", network="resnet20")
    assert status == 200
    assert "initial weights" in text
    status, text = page.post("/image/neighbours", network="resnet20")
    assert status == 422
    assert "has not been trained" in text


class TestEdge:
    def test_its_numbers_add_up_to_the_output(self):
        """Every product and bias, added by hand, is torch's output."""
        net = build("resnet18", seed=0).eval()
        x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
        total = torch.zeros(1)
        for source in range(3):
            found = edge(net, x, "conv1.0.0", source, 5)
            part = F.conv2d(torch.tensor(found.data["input"])[None, None],
                            torch.tensor(found.data["kernel"])[None, None], stride=2)  # fmt: skip
            total = total + part[0, 0] + found.data["bias"]
        top, left = found.data["first"]
        whole = net.features.conv1[0][0](x)[0, 5]
        shown = torch.tensor(found.data["output"])
        torch.testing.assert_close(
            shown, whole[top : top + 28, left : left + 28], atol=2e-5, rtol=0
        )
        torch.testing.assert_close(total, shown, atol=1e-3, rtol=0)

    def test_groups_are_followed(self):
        net = build("alexnet", seed=0).eval()
        x = torch.randn(1, 3, 227, 227, generator=torch.Generator().manual_seed(0))
        found = edge(net, x, "conv2.0", 0, 200)  # of the second tower: inputs 48 to 95
        assert found.sources == 48
        maps = torch.nn.Sequential(*list(net.features)[:3])(x)[0, 48]
        inner = torch.tensor(found.data["input"])[2:-2, 2:-2]
        torch.testing.assert_close(inner, maps, atol=2e-5, rtol=0)

    def test_all_convolutions_are_offered(self):
        assert convolutions(build("vgg11").eval(), torch.zeros(1, 3, 224, 224)) == [
            "stage1.0", "stage2.0", "stage3.0", "stage3.2", "stage4.0", "stage4.2", "stage5.0",
            "stage5.2",
        ]  # fmt: skip


def test_an_image_of_the_data_is_its_own_nearest_neighbour(digits_run, tmp_path):
    own = Subjects(digits_run).own
    file = own.sample(3, tmp_path)
    first = neighbours(own, gallery(own), file)[0]
    assert first.likeness == pytest.approx(1, abs=1e-5)
    np.testing.assert_array_equal(first.picture, image_view(own, file).image)


def test_a_segmentation_run_shows_its_mask(shapes_run, tmp_path):
    own = Subjects(shapes_run).own
    found = image_view(own, own.sample(0, tmp_path))
    assert found.mask.shape == found.image.shape
    assert sum(share for _, share in found.top) == pytest.approx(1)  # of all pixels, two classes
    assert {*found.colors} == {*own.model.classes}
    assert found.heat is not None


def test_an_auto_encoder_shows_maps_only(tmp_path):
    subject = Subjects.__new__(Subjects)._named("cae")
    found = image_view(subject, subject.sample(0, tmp_path))
    assert found.maps
    assert found.top == ()
    assert found.heat is None


@pytest.mark.slow
def test_a_smaller_mask_lies_on_the_middle_of_the_image(tmp_path):
    """U-Net gives 388 x 388 of 572 x 572 pixels."""
    subject = Subjects.__new__(Subjects)._named("unet")
    found = image_view(subject, subject.sample(0, tmp_path))
    assert found.image.shape == (572, 572, 3)
    assert found.mask.shape == (388, 388, 3)


def test_neighbours_of_a_segmentation_have_no_class(shapes_run, tmp_path):
    own = Subjects(shapes_run).own
    images = gallery(own)
    found = neighbours(own, images, own.sample(2, tmp_path))
    assert {one.answer for one in found} == {""}
    assert found[0].likeness == pytest.approx(1, abs=1e-4)  # itself


def test_convolutions_of_training_are_not_offered():
    """GoogLeNet's auxiliary heads run in training only."""
    net = build("googlenet").eval()
    listed = convolutions(net, torch.zeros(1, 3, 224, 224))
    assert listed[0] == "conv1.0"
    assert not any(name.startswith("aux") for name in listed)
    with pytest.raises(InputError, match=r"no convolution 'aux1"):
        edge(net, torch.zeros(1, 3, 224, 224), "aux1.conv.0", 0, 0)


def test_poolings_that_round_up_are_not_illegal(page):
    """Caffe's poolings: 55.5 outputs become 56 in GoogLeNet."""
    _, text = page.get("/network/layer", model="googlenet", layer="pool1")
    assert "Illegal" not in text
    assert "64 maps of 56 × 56" in text
    assert "rounded up" in text


def test_a_network_that_is_not_square_stays_so(page):
    _, text = page.get("/network", model="segnet", image="")
    assert "3 × 360 × 480" in text
    assert re.search(r'name="image" value=""', text)


def test_parameters_of_a_layer_are_those_of_the_table(page):
    """ResNet's convolutions have no biases: 7 x 7 x 3 x 64."""
    _, text = page.get("/network/layer", model="resnet50", layer="conv1.0.0")
    assert text.count("9,408") == 2
    assert "9,472" not in text


def test_a_map_that_a_layer_does_not_have_is_a_note_beside_the_first(page):
    fields = {"layer": "c1.0", "input-map": "0", "output-map": "40"}
    status, text = page.post("/image/numbers", ("bar.png", png(BAR)), **fields)
    assert status == 200
    assert "has no output map 40" in unescape(text)
    assert 'id="edge-layer"' in text  # the form is still there


def test_requests_at_once_do_not_disturb_one_another(page):
    """Tracing changes torch for all threads; the page computes one request at a time."""
    with ThreadPoolExecutor(8) as pool:
        asked = [("/drawing.svg", {"model": "googlenet"}), ("/network", {"model": "alexnet"})] * 6
        answers = [*pool.map(lambda one: page.get(one[0], **one[1])[0], asked)]
    assert {*answers} == {200}
