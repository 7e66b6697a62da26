"""Networks on tiles give their output on the whole image."""

import numpy as np
import pytest
import torch

import canon
from canon.data import Preprocessing
from canon.data.images.region import ArrayReader
from canon.inference.predictor import TorchPredictor
from canon.inference.tiles import tile_rows
from canon.models import build
from canon.tasks.segmentation.evaluate import tiled_logits
from canon.tasks.segmentation.tile_plan import plan_tiles
from canon.utils.devices import make_accelerator


def meta_tiles(name, *, channels, image, **more):
    """The tiling of a network, planned without its weights."""
    with torch.device("meta"):
        net = build(name, channels=channels, image=image, **more)
    return plan_tiles(net, Preprocessing(image, channels))


@pytest.mark.parametrize(
    "name",
    [
        "unet-same",
        pytest.param("segnet-basic", marks=pytest.mark.slow),
        pytest.param("encoder-decoder", marks=pytest.mark.slow),
        "lenet5",
    ],
)
def test_tiles_of_a_padded_network_give_its_output_on_the_whole_image(name):
    arguments = {"unet-same": {"width": 2, "depth": 3}, "segnet-basic": {},
               "encoder-decoder": {"backbone": "resnet20", "width": 4},
               "lenet5": {"backbone": "lenet5", "width": 4}}[name]  # fmt: skip
    name = "encoder-decoder" if name == "lenet5" else name
    arguments = arguments | {"classes": 3, "channels": 1, "image": 64}
    net = canon.create(name, **arguments, seed=1).eval()
    size = (400, 328) if name == "unet-same" else (395, 331)
    image = np.random.default_rng(0).integers(0, 256, (*size, 1), np.uint8)
    prep = Preprocessing(64, 1, mean=(0.5,), std=(0.25,))
    predictor = TorchPredictor(net, prep, make_accelerator("cpu"))
    tiling = plan_tiles(net, prep, 96)
    with torch.no_grad():
        whole = net(prep.normalize(torch.from_numpy(image)[None]))[0].numpy()
    tiled = np.concatenate(
        [row for _, row in tile_rows(ArrayReader(image), tiling, predictor, batch=3)], 1
    )
    assert tiling.tile == 96
    assert tiling.padded
    assert tiled.shape == (3, *size)
    np.testing.assert_allclose(tiled, whole, rtol=1e-3, atol=1e-4 * np.abs(whole).max())
    single = tiled_logits(predictor, image, plan_tiles(net, prep, 512))
    np.testing.assert_allclose(single, whole, rtol=1e-3, atol=1e-4 * np.abs(whole).max())


def test_tiles_of_u_net_give_its_output_on_the_whole_mirrored_image():
    arguments = {"width": 2, "classes": 3, "channels": 1, "image": 236}
    net = canon.create("unet", **arguments, seed=1).eval()
    image = np.random.default_rng(0).integers(0, 256, (400, 336, 1), np.uint8)
    prep = Preprocessing(236, 1, mean=(0.5,), std=(0.25,))
    tiling = plan_tiles(net, prep, 96)
    assert not tiling.padded
    framed = torch.from_numpy(np.pad(image, ((94, 94), (94, 94), (0, 0)), mode="reflect"))
    with torch.no_grad():
        whole = net(prep.normalize(framed[None]))[0, :, 2:-2, 2:-2].numpy()
    predictor = TorchPredictor(net, prep, make_accelerator("cpu"))
    tiled = np.concatenate([row for _, row in tile_rows(ArrayReader(image), tiling, predictor)], 1)
    np.testing.assert_allclose(tiled, whole, rtol=1e-3, atol=1e-4 * np.abs(whole).max())


def test_an_image_too_small_for_deconvnet_is_padded_to_its_smallest_input():
    tiling = meta_tiles("deconvnet", classes=2, channels=1, image=193)
    assert (tiling.stride, tiling.multiple, tiling.min_side) == (32, 1, 193)
    assert tiling.fitted(64, 64).window(0, 64) == (0, 193)


def test_one_tile_of_u_net_is_its_output_for_the_mirrored_window():
    """The middle of one tile is the network's own output for the mirrored window."""
    arguments = {"width": 2, "classes": 2, "channels": 1, "image": 572}
    net = canon.create("unet", **arguments).eval()
    prep = Preprocessing(572, 1)
    tiling = plan_tiles(net, prep, 384)
    assert (tiling.tile, tiling.margin, tiling.side) == (384, 94, 572)
    image = np.random.default_rng(0).integers(0, 256, (384, 384, 1), np.uint8)
    metrics = tiled_logits(TorchPredictor(net, prep, make_accelerator("cpu")), image, tiling)
    framed = torch.from_numpy(np.pad(image[..., 0], 94, mode="reflect") / 255.0).float()
    with torch.no_grad():
        own = net(framed[None, None])[0, :, 2:-2, 2:-2]
    np.testing.assert_allclose(metrics, own, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "channels", "margin"),
    [
        ("unet-same", 1, 112),  # 107 pixels, in steps of 16
        pytest.param("fcn8s", 3, 256, marks=pytest.mark.slow),  # 245 pixels, in steps of 32
    ],
)
def test_the_margin_of_padded_networks_is_their_receptive_field(name, channels, margin):
    assert meta_tiles(name, classes=2, channels=channels, image=64).margin == margin


@pytest.mark.slow
def test_the_margin_of_a_network_that_sees_the_whole_image_is_a_quarter_of_the_largest_tile():
    arguments = {"classes": 2, "channels": 3, "image": 64, "backbone": "se-resnet50"}
    assert meta_tiles("encoder-decoder", **arguments).margin == 1024 // 4
