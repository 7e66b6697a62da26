"""The method of 1998: curvatures by hand, and a run that resumes within an epoch."""

import numpy as np
import pytest
import torch

from canon.data import Preprocessing, open_data
from canon.data.augment.augmentation import Augmentation
from canon.data.augment.image_batches import ImageBatches
from canon.data.packs.images import build_image_pack
from canon.models import build
from canon.tasks.classification.loss import ClassificationLoss
from canon.training.checkpoint import Checkpoints
from canon.training.diagonal_lm import diagonal_curvature
from canon.training.loop import fit
from canon.training.optimizers import DiagonalLM
from canon.training.recipe import Limits, Recipe
from canon.utils.devices import make_accelerator
from canon.utils.progress import Step

PREP = Preprocessing(32, 1, border=2, mean=(0.1 / 1.275,), std=(1 / 1.275,))
RECIPE = Recipe("paper", "a test", DiagonalLM(), 5e-4, batch=32, epochs=2, images=None)
STILL = Augmentation(crop=False, flip=False)


def start(net, checkpoints=None):
    split = open_data("digits").splits["train"].select(np.arange(160))
    pack = build_image_pack(split.images, split.targets.values, PREP)
    data = ImageBatches(pack, PREP, STILL)
    return fit(
        net, ClassificationLoss.of(net), data, RECIPE, make_accelerator("cpu"),
        limits=Limits(2), checkpoints=checkpoints,
    )  # fmt: skip


@pytest.mark.parametrize("stop_after", [3, 7])
def test_a_stopped_run_resumes_bit_for_bit(tmp_path, stop_after):
    """Within an epoch, whose curvature was estimated before its first step."""
    whole, net = build("lenet5"), build("lenet5")
    list(start(whole))
    events = start(build("lenet5"), Checkpoints(tmp_path))
    for event in events:
        if isinstance(event, Step) and 5 * (event.epoch - 1) + event.done == stop_after:
            break
    events.close()
    list(start(net, Checkpoints(tmp_path, resume=True)))
    assert all(map(torch.equal, net.parameters(), whole.parameters()))


def test_diagonal_curvature_of_the_last_layer_is_the_exact_one():
    """Over F6 the loss is sum_j (x_j - w_Dj)^2; for F6's own weights Gauss-Newton is by hand."""
    net = build("lenet5")
    images = torch.randn(3, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    found = diagonal_curvature(net, images)
    with torch.no_grad():
        c5 = net.head.flatten(net.features(images))
        a = net.head.f6[0](c5)
    slope = 1.7159 * (2 / 3) * (1 - torch.tanh(a * 2 / 3) ** 2)
    by_hand = torch.einsum("nj,ni->ji", 2 * slope**2, c5**2) / 3
    torch.testing.assert_close(found["head.f6.0.weight"], by_hand)
    torch.testing.assert_close(found["head.f6.0.bias"], (2 * slope**2).sum(0) / 3)
    assert {name for name, _ in net.named_parameters()} == set(found)


def test_diagonal_curvature_goes_through_shared_weights_as_squares():
    """A C5 weight reaches the loss through one unit of C5 and all of F6."""
    net = build("lenet5")
    image = torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(1))
    found = diagonal_curvature(net, image)["features.c5.0.weight"]
    with torch.no_grad():
        s4 = net.features.s4(net.features.c3(net.features.s2(net.features.c1(image))))
        a5 = net.features.c5[0](s4)
        a6 = net.head.f6[0](net.features.c5[1](a5).flatten(1))

    def slope(a):
        return 1.7159 * (2 / 3) * (1 - torch.tanh(a * 2 / 3) ** 2)

    back = (2 * slope(a6) ** 2) @ net.head.f6[0].weight.detach() ** 2 * slope(a5).flatten(1) ** 2
    torch.testing.assert_close(found, back[0, :, None, None, None] * s4[0] ** 2)
