"""Every family learns by its own recipe, on real photos, as in benchmarks/train_step.py."""

from dataclasses import replace

import pytest
import torch

from canon.errors import InputError
from canon.models import build, model_info
from canon.recipes import modern, paper
from canon.registry import smallest_image
from canon.tasks.classification.loss import ClassificationLoss
from canon.training.events import Epoch
from canon.training.loop import fit
from canon.training.recipe import Limits
from canon.training.schedules import Constant
from canon.utils.devices import make_accelerator, to_device
from tests.helpers.training_steps import loss_on, real_batches

FAMILIES = [
    "prototype", "alexnet", "zfnet", "vgg11", "vgg16-bn", "googlenet", "googlenet-tv",
    "bn-inception", "inception-v3", "inception-v4", "resnet18", "plain34", "resnet50",
    "preact-resnet50", "xception", "se-resnet18", "se-resnext50-32x4d", "se-bn-inception",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_a_few_steps_by_its_own_recipe_lower_the_loss_on_photos(name, real_data):
    try:
        recipe = paper(name)
    except InputError:
        recipe = modern(name)
    count, image = 8, max(smallest_image(name), 64)
    rate = recipe.lr * count / max(count, recipe.batch)  # in proportion to the batch
    recipe = replace(recipe, batch=count, lr=rate, schedule=Constant(), average=0.0)
    data = real_batches("ants_bees", image, model_info(name).published.channels, count, recipe)
    net = to_device(build(name, classes=2, image=image), torch.device("cpu"))
    objective = ClassificationLoss.of(net, recipe.images.smoothing)
    before, after = loss_on(net, objective, data), []
    # Momentum or dropout may first carry the loss upwards: it has 60 steps.
    for event in fit(net, objective, data, recipe, make_accelerator("cpu"), limits=Limits(60)):
        if isinstance(event, Epoch) and event.epoch >= 8:
            after.append(loss_on(net, objective, data))
            if after[-1] < before:
                break
    assert after[-1] < before
