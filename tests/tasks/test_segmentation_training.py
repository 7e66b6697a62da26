"""The loop where each pixel has a class: learning, measuring whole images, several processes."""

import numpy as np
import pytest
import torch

from canon.data import Preprocessing
from canon.data.augment.deformation import Deformation
from canon.data.augment.mask_batches import MaskBatches
from canon.data.packs.masks import MaskPack
from canon.errors import NonFiniteError
from canon.inference.tiles import Tiling
from canon.models import build
from canon.tasks.segmentation.evaluate import WholeImages, evaluate
from canon.tasks.segmentation.loss import SegmentationLoss
from canon.tasks.segmentation.metrics import confusion
from canon.tasks.segmentation.task import _crops
from canon.training.events import Epoch
from canon.training.loop import fit
from canon.training.recipe import Limits, Recipe
from canon.utils.devices import make_accelerator
from canon.utils.progress import run_steps
from tests.helpers.processes import on_one_and_two_processes
from tests.helpers.synthetic import shape_pair

HOW = Preprocessing(32, 3, mean=(0.35,) * 3, std=(0.15,) * 3)
RECIPE = Recipe("modern", "a test", "sgd", 0.05, batch=4, epochs=2)
TILING = Tiling(32, 16, inside=True, step=4)


def pack(first: int, count: int) -> MaskPack:
    return MaskPack.of([shape_pair(i, 40) for i in range(first, first + count)], 3)


def start(recipe=RECIPE, warping=None, **more):
    devices = make_accelerator("cpu")
    net = build("unet-same", width=4, depth=2, classes=3, channels=3)
    for layer in net.modules():
        if isinstance(layer, torch.nn.Dropout):
            layer.p = 0.0  # each process draws its own
    train = MaskBatches(pack(0, 8), HOW, warping, device=devices.device, **more)
    whole = WholeImages(pack(20, 5), HOW, TILING)
    events = fit(net, SegmentationLoss(3), train, recipe, Limits(recipe.epochs), devices,
                 monitor=whole, measure=evaluate)  # fmt: skip
    return net, whole, devices, events


def test_whole_images_are_measured_pixel_for_pixel():
    net, whole, devices, _ = start()
    scores = run_steps(evaluate(net, SegmentationLoss(3), whole, devices))
    with torch.no_grad():
        for i in range(5):
            x = HOW.normalise(whole.pack.image(i)[None])
            said = net.eval()(x)[0].argmax(0).numpy()
            mine = confusion(whole.pack.raw_mask(i), said, 3)
            assert (scores.confusions[i] == mine).all()
    assert scores.pixels.sum() == whole.pack.pixels().sum()


def test_pixels_between_cells_weigh_more():
    heavy = [torch.full((40, 40), 3.0)] * 8
    plain, weighed = start()[3], start(weights=heavy)[3]
    losses = [next(e for e in run if isinstance(e, Epoch)).loss for run in (plain, weighed)]
    assert losses[1] > 1.5 * losses[0]


def test_a_rate_that_is_far_too_high_is_told():
    recipe = Recipe("modern", "a test", "sgd", 1e12, batch=4, epochs=3)
    with pytest.raises(NonFiniteError, match="smaller --lr than 1e"):
        list(start(recipe, Deformation(elastic=2.0))[3])


def test_every_image_gives_crops_by_its_own_area():
    pairs = [shape_pair(0, 32), shape_pair(1, 64), shape_pair(2, 96)]
    train = MaskBatches(MaskPack.of(pairs, 3), HOW, None, device="cpu",
                        repeats=_crops(MaskPack.of(pairs, 3), 32))  # fmt: skip
    assert len(train) == 1 + 4 + 9
    assert train.order.tolist() == [0] + 4 * [1] + 9 * [2]


TWO = """
import json, sys
import torch
from accelerate import Accelerator
from canon.training import Epoch
from tests.tasks.test_segmentation_training import start

net, _, _, events = start()
last = [e for e in events if isinstance(e, Epoch)][-1]
if Accelerator().is_main_process:
    torch.save(net.state_dict(), sys.argv[1])
    s = last.scores
    print(json.dumps([last.step, s.count, s.loss, last.loss, s.mean_iou, int(s.pixels.sum())]))
"""


def test_two_processes_train_and_measure_as_one(tmp_path):
    (one, alone), (two, together) = on_one_and_two_processes(TWO, tmp_path)
    assert one == pytest.approx(two, rel=1e-5)
    torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-6)
    assert np.isfinite(one).all()
