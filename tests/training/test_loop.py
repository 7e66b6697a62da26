"""The training loop on a few digits: events, resuming, limits, gradients."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch

from canon.data import Preprocessing, open_data
from canon.data.augment.augmentation import Augmentation
from canon.data.augment.image_batches import ImageBatches
from canon.data.packs.images import build_image_pack
from canon.data.sampling import epoch_order
from canon.errors import NonFiniteError
from canon.models import build
from canon.recipes.images import ClassificationRecipe
from canon.tasks.classification.loss import ClassificationLoss
from canon.tasks.classification.task import Classification
from canon.training.checkpoint import Checkpoints
from canon.training.events import Epoch, Stopped
from canon.training.loop import fit
from canon.training.optimizers import SGD, AdamW
from canon.training.recipe import Limits, Recipe
from canon.training.schedules import Cosine, Steps
from canon.utils.devices import make_accelerator
from canon.utils.progress import Step
from tests.helpers.processes import on_one_and_two_processes

PREP = Preprocessing(16, 1, mean=(0.3,), std=(0.4,))
IMAGES = ClassificationRecipe(Augmentation(pad=1, flip=False))
RECIPE = Recipe("modern", "a test", AdamW(), 2e-3, batch=32, epochs=2, images=IMAGES,
                schedule=Cosine(), average=0.9)  # fmt: skip


def pack(start, stop):
    split = open_data("digits").splits["train"].select(np.arange(start, stop))
    return build_image_pack(split.images, split.targets.values, PREP)


@pytest.fixture(scope="module")
def packs():
    return {"train": pack(0, 160), "val": pack(160, 260)}


def start(packs, recipe=RECIPE, limits=None, checkpoints=None):
    accelerator = make_accelerator("cpu")
    net = build("lenet5-modern", image=16)
    train = ImageBatches(packs["train"], PREP, recipe.images.augmentation)
    events = fit(
        net, ClassificationLoss.of(net, recipe.images.smoothing), train, recipe, accelerator,
        limits=limits or Limits(recipe.epochs), checkpoints=checkpoints,
        evaluate=Classification().evaluation(packs["val"], PREP, 10, accelerator),
    )  # fmt: skip
    return net, events


def weights(net):
    return torch.cat([p.detach().flatten() for p in net.parameters()])


def epochs(events):
    return [event for event in events if isinstance(event, Epoch)]


def test_a_run_yields_steps_epochs_and_its_end(packs):
    _, events = start(packs)
    found = list(events)
    steps = [event for event in found if isinstance(event, Step)]
    assert [step.done for step in steps if step.doing == "train"] == [1, 2, 3, 4, 5] * 2
    assert [(one.epoch, one.step) for one in epochs(found)] == [(1, 5), (2, 10)]
    assert epochs(found)[0].metrics.count == 100
    assert found[-1] == Stopped("epochs", 2)


def test_training_learns_the_digits(packs):
    _, events = start(packs, replace(RECIPE, epochs=30))
    assert epochs(events)[-1].metrics.top(1) > 0.8


@pytest.mark.parametrize("stop_after", [3, 5, 7])
def test_a_stopped_run_resumes_bit_for_bit(packs, tmp_path, stop_after):
    """Stopped in an epoch, at its end, and in the second; with dropout, averaging and momentum."""
    recipe = replace(RECIPE, optimizer=SGD(nesterov=True), lr=0.01)
    whole, events = start(packs, recipe)
    averaged_whole = epochs(events)[-1].network
    assert averaged_whole is not whole

    states = tmp_path / "state"
    _, events = start(packs, recipe, checkpoints=Checkpoints(states))
    for event in events:
        done = isinstance(event, Step) and event.doing == "train"
        if done and 5 * (event.epoch - 1) + event.done == stop_after:
            break
    events.close()
    assert int(Checkpoints(states).latest().name) == stop_after
    net, events = start(packs, recipe, checkpoints=Checkpoints(states, resume=True))
    last = epochs(events)[-1]
    assert torch.equal(weights(net), weights(whole))
    assert torch.equal(weights(last.network), weights(averaged_whole))
    assert last.step == 10
    assert len(list(states.iterdir())) == 2  # the newest, and the one before


def test_pieces_of_a_batch_give_the_gradient_of_the_whole(packs):
    images = ClassificationRecipe(Augmentation(pad=2, rotate=10.0))
    recipe = replace(RECIPE, optimizer=SGD(), lr=0.05, average=0.0, images=images)
    nets = []
    for accumulate in (1, 3):
        net, events = start(packs, recipe, Limits(1, accumulate=accumulate))
        list(events)
        nets.append(weights(net))
    torch.testing.assert_close(nets[0], nets[1], rtol=1e-4, atol=1e-6)


def test_a_loss_that_is_not_finite_stops_the_run_after_the_last_good_state(packs, tmp_path):
    checkpoints = Checkpoints(tmp_path / "state")
    wild = replace(RECIPE, optimizer=SGD(), lr=1e30, average=0.0,
                   schedule=Steps(((0.0, 1e-33), (0.6, 1.0))))  # fmt: skip
    _, events = start(packs, wild, checkpoints=checkpoints)
    message = r"the training loss is (nan|inf) at step \d.*epoch 2.*--lr"
    with pytest.raises(NonFiniteError, match=message) as caught:
        list(events)
    assert "The state of step 5 is saved." in str(caught.value)
    assert int(checkpoints.latest().name) == 5


def test_patience_ends_a_run_without_progress(packs):
    still = replace(RECIPE, lr=1e-12, epochs=9, average=0.0)
    _, events = start(packs, still, Limits(9, patience=2))
    assert list(events)[-1] == Stopped("patience", 3)  # the first epoch is the best


def test_the_time_limit_ends_a_run_with_an_evaluation_and_it_can_resume(packs, tmp_path):
    net, events = start(packs)
    list(events)
    whole = weights(net)
    _, events = start(packs, limits=Limits(2, minutes=1e-6), checkpoints=Checkpoints(tmp_path))
    found = list(events)
    assert found[-1] == Stopped("time", 1)
    (epoch,) = epochs(found)
    assert epoch.metrics.count == 100
    assert epoch.step == 1
    net, events = start(packs, checkpoints=Checkpoints(tmp_path, resume=True))
    assert [one.step for one in epochs(events)] == [5, 10]
    assert torch.equal(weights(net), whole)


def test_states_are_saved_within_an_epoch(packs, tmp_path):
    """With no time between saves, each step but the last is saved when the next one is done."""
    checkpoints, saved = Checkpoints(tmp_path / "state"), {}
    _, events = start(packs, limits=Limits(1, save_every=0.0), checkpoints=checkpoints)
    for event in events:
        if isinstance(event, Step) and event.doing == "train":
            state = checkpoints.latest()
            saved[event.done] = state and int(state.name)
    assert saved == {1: None, 2: 1, 3: 2, 4: 3, 5: 4}


def test_a_kill_while_saving_leaves_a_complete_state(packs, tmp_path):
    checkpoints = Checkpoints(tmp_path / "state")
    _, events = start(packs, checkpoints=checkpoints)
    list(events)
    whole = checkpoints.latest()
    (checkpoints.folder / ".000000000011").mkdir()  # left by a kill in the middle of writing
    assert checkpoints.latest() == whole
    whole.rename(checkpoints.folder / f".{whole.name}.old")  # and between the two renames
    assert checkpoints.latest().name == f".{whole.name}.old"


@dataclass(frozen=True)
class Prepares(ClassificationLoss):
    """A loss that prepares each epoch."""

    orders: list = field(default_factory=list)

    def begin_epoch(self, net, batches, order):
        self.orders.append(order)


def test_an_objective_may_prepare_each_epoch_with_its_order(packs):
    objective, net = Prepares(), build("lenet5-modern", image=16)
    train = ImageBatches(packs["train"], PREP, IMAGES.augmentation)
    list(fit(net, objective, train, RECIPE, make_accelerator("cpu"), limits=Limits(2), seed=7))
    expected = [epoch_order(160, 7, epoch) for epoch in (0, 1)]
    assert all(map(torch.equal, objective.orders, expected))
    assert len(objective.orders) == 2


def test_bfloat16_trains(packs):
    net = build("lenet5-modern", image=16)
    train = ImageBatches(packs["train"], PREP, IMAGES.augmentation)
    accelerator = make_accelerator("cpu", "bf16")
    events = fit(net, ClassificationLoss.of(net), train, RECIPE, accelerator, limits=Limits(3))
    losses = [one.loss for one in epochs(events)]
    assert losses[-1] < losses[0]
    assert all(p.dtype == torch.float32 for p in net.parameters())


TWO = """
import json, sys
from dataclasses import replace
import torch
from accelerate import Accelerator
from canon.data.augment.augmentation import Augmentation
from canon.recipes.images import ClassificationRecipe
from canon.training.optimizers import SGD
from canon.training import Limits
from tests.training.test_loop import RECIPE, epochs, pack, start, weights

packs = {"train": pack(0, 160), "val": pack(160, 261)}
recipe = replace(RECIPE, optimizer=SGD(), lr=0.05, batch=30, average=0.0,
                 images=ClassificationRecipe(Augmentation(pad=2, rotate=10.0)))
net, events = start(packs, recipe, Limits(2))
last = epochs(events)[-1]
if Accelerator().is_main_process:
    torch.save(weights(net), sys.argv[1])
    s = last.metrics
    print(json.dumps([last.step, s.count, s.loss, last.loss, s.hits(1)]))
"""


@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path):
    """The augmented batch, its gradient and the evaluation are the same, whatever the devices."""
    (one, alone), (two, together) = on_one_and_two_processes(TWO, tmp_path)
    assert one == pytest.approx(two, rel=1e-5)
    torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-6)
