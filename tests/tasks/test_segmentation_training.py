"""The training loop with masks: learning, evaluating whole images, several processes."""

from dataclasses import replace

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
from canon.recipes.images import SegmentationRecipe
from canon.tasks.segmentation import evaluate
from canon.tasks.segmentation.confusion import confusion
from canon.tasks.segmentation.evaluate import evaluation
from canon.tasks.segmentation.loss import SegmentationLoss
from canon.tasks.segmentation.rand_error import errors_by_threshold
from canon.tasks.segmentation.task import Segmentation
from canon.training.events import Epoch
from canon.training.loop import fit
from canon.training.optimizers import SGD
from canon.training.recipe import Limits, Recipe
from canon.utils.devices import make_accelerator
from canon.utils.progress import run_steps
from tests.helpers.processes import on_one_and_two_processes
from tests.helpers.synthetic import shape_pair

PREP = Preprocessing(32, 3, mean=(0.35,) * 3, std=(0.15,) * 3)
RECIPE = Recipe("modern", "a test", SGD(), 0.05, batch=4, epochs=2, images=SegmentationRecipe())


def pack(first: int, count: int) -> MaskPack:
    return MaskPack.of([shape_pair(i, 40) for i in range(first, first + count)], 3)


def small_network():
    net = build("unet-same", width=4, depth=2, classes=3, channels=3)
    for layer in net.modules():
        if isinstance(layer, torch.nn.Dropout):
            layer.p = 0.0  # each process draws its own
    return net


def start(net, recipe=RECIPE, deformation=None, weights=None):
    accelerator = make_accelerator("cpu")
    train = MaskBatches(pack(0, 8), PREP, deformation, weights=weights, device=accelerator.device)
    return fit(
        net, SegmentationLoss(3), train, recipe, accelerator, limits=Limits(recipe.epochs),
        evaluate=evaluation(pack(20, 5), PREP, 3, accelerator),
    )  # fmt: skip


def test_whole_images_are_evaluated_pixel_for_pixel(monkeypatch):
    """In tiles of 32 pixels, which give what the network gives on images of 40."""
    tiling = Tiling(32, 16, padded=True, stride=4)
    monkeypatch.setattr(evaluate, "plan_tiles", lambda net, prep: tiling)
    net, whole = small_network(), pack(20, 5)
    metrics = run_steps(evaluation(whole, PREP, 3, make_accelerator("cpu"))(net, 1))
    with torch.no_grad():
        for i in range(5):
            x = PREP.normalize(torch.from_numpy(whole.image(i))[None])
            predicted = net.eval()(x)[0].argmax(0).numpy()
            assert (metrics.confusions[i] == confusion(whole.mask(i), predicted, 3)).all()
    assert metrics.pixels.sum() == whole.pixels().sum()


def test_rand_errors_are_those_of_the_probability_of_the_second_class():
    cells = MaskPack.of([(image, mask % 2) for image, mask in map(shape_pair, (3, 4))], 2)
    net = build("unet-same", width=4, depth=2, classes=2, channels=3).eval()
    run = evaluation(cells, PREP, 2, make_accelerator("cpu"), rand_error=True)(net, 1)
    rand = run_steps(run).rand
    images = torch.stack([torch.from_numpy(cells.image(i)) for i in range(2)])
    with torch.no_grad():
        inside = net(PREP.normalize(images)).softmax(1)[:, 1].numpy()
    truth = np.stack([cells.mask(i) == 1 for i in range(2)])
    expected = errors_by_threshold(truth, inside)
    assert rand.rands == pytest.approx(expected.rands, abs=1e-6)
    assert rand.pixels == pytest.approx(expected.pixels, abs=1e-6)


def test_weights_of_pixels_scale_the_loss():
    """In the first step, before the weights differ."""
    first, heavy = replace(RECIPE, batch=8, epochs=1), [torch.full((40, 40), 3.0)] * 8
    runs = (start(small_network(), first, weights=weights) for weights in (None, heavy))
    plain, weighted = (next(e for e in run if isinstance(e, Epoch)).loss for run in runs)
    assert weighted == pytest.approx(3 * plain, rel=1e-6)


def test_a_rate_that_is_far_too_high_is_refused_with_a_next_step():
    recipe = replace(RECIPE, lr=1e12, epochs=3)
    with pytest.raises(NonFiniteError, match="smaller --lr than 1e"):
        list(start(small_network(), recipe, Deformation(elastic=2.0)))


def test_every_image_gives_crops_by_its_own_area():
    pairs = MaskPack.of([shape_pair(0, 32), shape_pair(1, 64), shape_pair(2, 96)], 3)
    train = Segmentation().batches(pairs, small_network(), PREP, RECIPE, torch.device("cpu"))
    assert len(train) == 1 + 4 + 9
    assert train.order.tolist() == [0] + 4 * [1] + 9 * [2]


TWO = """
import json, sys
import torch
from accelerate import Accelerator
from canon.training import Epoch
from tests.tasks.test_segmentation_training import small_network, start

net = small_network()
last = [e for e in start(net) if isinstance(e, Epoch)][-1]
if Accelerator().is_main_process:
    torch.save(net.state_dict(), sys.argv[1])
    s = last.metrics
    print(json.dumps([last.step, s.count, s.loss, last.loss, s.mean_iou, int(s.pixels.sum())]))
"""


@pytest.mark.slow
def test_two_processes_train_and_evaluate_as_one(tmp_path):
    (one, alone), (two, together) = on_one_and_two_processes(TWO, tmp_path)
    assert one == pytest.approx(two, rel=1e-5)
    torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-6)
    assert np.isfinite(one).all()
