"""Networks that are trained with auxiliary heads."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from canon.data import Preprocessing, open_data
from canon.data.augment.augmentation import Augmentation
from canon.data.augment.image_batches import ImageBatches
from canon.data.packs.images import build_image_pack
from canon.layers import stages
from canon.recipes.images import ClassificationRecipe
from canon.tasks.classification.loss import ClassificationLoss
from canon.tasks.classification.task import Classification
from canon.training.checkpoint import Checkpoints
from canon.training.events import Epoch
from canon.training.loop import fit
from canon.training.optimizers import SGD, RMSprop
from canon.training.recipe import Limits, Recipe
from canon.training.schedules import Exponential
from canon.utils.devices import make_accelerator
from canon.utils.progress import Step
from tests.helpers.processes import on_one_and_two_processes

PREP = Preprocessing(8, 1, mean=(0.3,), std=(0.4,))
IMAGES = ClassificationRecipe(Augmentation(pad=1, flip=False))
RECIPE = Recipe("paper", "a test", SGD(), 0.05, batch=32, epochs=2, images=IMAGES, filters=0.3,
                schedule=Exponential(0.9, every=0.5))  # fmt: skip


class Branched(nn.Module):
    aux_weight = 0.3

    def __init__(self, dropout=0.5):
        super().__init__()
        torch.manual_seed(0)
        self.features = stages(
            conv1=nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            conv2=nn.Sequential(nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        )
        self.head = stages(flatten=nn.Flatten(), fc=nn.Linear(64, 10))
        self.aux1 = stages(flatten=nn.Flatten(), drop=nn.Dropout(dropout), fc=nn.Linear(128, 10))
        self.aux2 = stages(flatten=nn.Flatten(), drop=nn.Dropout(dropout), fc=nn.Linear(64, 10))

    def forward(self, x):
        return self.head(self.features(x))

    def with_aux(self, x):
        middle = self.features.conv1(x)
        last = self.features.conv2(middle)
        return self.head(last), (self.aux1(middle), self.aux2(last))


def packs():
    digits = open_data("digits").splits["train"]
    splits = (digits.select(np.arange(*part)) for part in ((160,), (160, 260)))
    return [build_image_pack(split.images, split.targets.values, PREP) for split in splits]


def start(net, recipe=RECIPE, checkpoints=None):
    (train, val), accelerator = packs(), make_accelerator("cpu")
    return fit(
        net, ClassificationLoss.of(net),
        ImageBatches(train, PREP, recipe.images.augmentation), recipe, accelerator,
        limits=Limits(recipe.epochs), checkpoints=checkpoints,
        evaluate=Classification().evaluation(val, PREP, 10, accelerator),
    )  # fmt: skip


def weights(net):
    return torch.cat([p.detach().flatten() for p in net.parameters()])


def test_the_loss_is_the_main_one_and_three_tenths_of_each_other():
    net = Branched().eval()
    task = ClassificationLoss.of(net)
    x, y = torch.randn(5, 1, 8, 8), torch.arange(5)
    output = task.module(net)(x)
    main, (first, second) = net.with_aux(x)
    one, two, three = (F.cross_entropy(s, y, reduction="none") for s in (main, first, second))
    torch.testing.assert_close(task.losses(output, y), one + 0.3 * two + 0.3 * three)
    torch.testing.assert_close(task.losses(net(x), y), one)


def test_a_network_without_auxiliary_heads_is_the_module_to_train():
    net = nn.Linear(2, 2)
    assert ClassificationLoss.of(net).module(net) is net


def test_a_step_is_the_gradient_of_the_sum_of_the_losses():
    """One step of gradient descent on a whole set, against autograd on the plain network."""
    still = ClassificationRecipe(Augmentation(crop=False, flip=False))
    recipe = replace(
        RECIPE, batch=160, epochs=1, filters=0, optimizer=SGD(momentum=0.0), images=still
    )
    net, other = Branched(dropout=0.0), Branched(dropout=0.0)
    list(start(net, recipe))
    pack, _ = packs()
    x, y = ImageBatches(pack, PREP).evaluation(torch.arange(160))
    main, (first, second) = other.with_aux(x)
    loss = F.cross_entropy(main, y) + 0.3 * (F.cross_entropy(first, y) + F.cross_entropy(second, y))
    loss.backward()
    with torch.no_grad():
        for p in other.parameters():
            p.sub_(0.05 * p.grad)
    torch.testing.assert_close(weights(net), weights(other), rtol=1e-4, atol=1e-6)


def test_evaluation_saving_and_averaging_use_the_plain_network():
    net = Branched()
    last = [e for e in start(net, replace(RECIPE, average=0.9)) if isinstance(e, Epoch)][-1]
    assert last.network is not net
    assert set(last.network.state_dict()) == set(net.state_dict()) == set(Branched().state_dict())
    _, val = packs()
    x, y = ImageBatches(val, PREP).evaluation(torch.arange(100))
    with torch.no_grad():
        hits = (last.network.eval()(x).argmax(1) == y).sum()
    assert last.metrics.hits(1) == hits


def test_filters_stay_within_the_radius_while_training():
    net = Branched()
    for _ in start(net, replace(RECIPE, lr=2.0, filters=0.1)):
        for conv in (net.features.conv1[0], net.features.conv2[0]):
            assert conv.weight.flatten(1).square().mean(1).sqrt().max() <= 0.1 + 1e-6


@pytest.mark.parametrize("optimizer", [SGD(), RMSprop()], ids=["sgd", "rmsprop"])
@pytest.mark.parametrize("stop_after", [3, 5, 7])
def test_a_stopped_run_resumes_bit_for_bit(tmp_path, stop_after, optimizer):
    """With auxiliary heads and dropout, kornia's patches, an exponential rate and RMSProp."""
    patches = ClassificationRecipe(Augmentation(flip=False, area=(0.5, 1.0), distort=0.3))
    recipe = replace(RECIPE, optimizer=optimizer, images=patches)
    whole = Branched()
    list(start(whole, recipe))
    events = start(Branched(), recipe, Checkpoints(tmp_path))
    for event in events:
        done = isinstance(event, Step) and event.doing == "train"
        if done and 5 * (event.epoch - 1) + event.done == stop_after:
            break
    events.close()
    net = Branched()
    list(start(net, recipe, Checkpoints(tmp_path, resume=True)))
    assert torch.equal(weights(net), weights(whole))


TWO = """
import json, sys
import torch
from dataclasses import replace
from accelerate import Accelerator
from tests.training.test_auxiliary import RECIPE, Branched, start, weights
from canon.data.augment.augmentation import Augmentation
from canon.recipes.images import ClassificationRecipe
from canon.training import Epoch

still = ClassificationRecipe(Augmentation(crop=False, flip=False))
recipe = replace(RECIPE, batch=30, images=still)
net = Branched(dropout=0.0)
last = [e for e in start(net, recipe) if isinstance(e, Epoch)][-1]
if Accelerator().is_main_process:
    torch.save(weights(net), sys.argv[1])
    print(json.dumps([last.step, last.metrics.count, last.metrics.loss, last.loss]))
"""


@pytest.mark.slow
def test_two_processes_train_auxiliary_heads_as_one(tmp_path):
    (one, alone), (two, together) = on_one_and_two_processes(TWO, tmp_path)
    assert one == pytest.approx(two, rel=1e-5)
    torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-6)
