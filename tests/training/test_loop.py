from dataclasses import replace

import pytest
import torch

from canon.data import Preprocessing, open_data
from canon.data.augment.augmentation import Augmentation
from canon.data.augment.image_batches import ImageBatches
from canon.data.packs.images import build_image_pack
from canon.errors import InputError, NonFiniteError
from canon.models import build
from canon.tasks.classification.evaluate import evaluate
from canon.tasks.classification.loss import ClassificationLoss
from canon.training.checkpoint import latest_state
from canon.training.ema import moving_average
from canon.training.events import Epoch, Stopped
from canon.training.loop import fit
from canon.training.recipe import Limits, Recipe
from canon.utils.devices import make_accelerator
from canon.utils.progress import Step
from tests.helpers.processes import on_one_and_two_processes

HOW = Preprocessing(16, 1, mean=(0.3,), std=(0.4,))
RECIPE = Recipe("modern", "a test", "adamw", 2e-3, batch=32, epochs=2, schedule="cosine",
                augmentation=Augmentation(pad=1, flip=False), average=0.9)  # fmt: skip


@pytest.fixture(scope="module")
def packs():
    import numpy as np

    part = open_data("digits").parts["train"]
    return {"train": build_image_pack(part.select(np.arange(160)), HOW),
            "val": build_image_pack(part.select(np.arange(160, 260)), HOW)}  # fmt: skip


def start(
    packs, recipe=RECIPE, limits=None, name="lenet5-modern", states=None, resume=False, **more
):
    devices = make_accelerator("cpu")
    net = build(name, image=16)
    average = moving_average(net, recipe.average) if recipe.average else None
    train = ImageBatches(packs["train"], HOW, recipe.augmentation)
    events = fit(
        net, ClassificationLoss.of(net, 10, recipe.smoothing), train, recipe,
        limits or Limits(recipe.epochs), devices, monitor=ImageBatches(packs["val"], HOW),
        measure=evaluate, average=average, states=states, resume=resume, **more,
    )  # fmt: skip
    return net, average, events


def weights(net):
    return torch.cat([p.detach().flatten() for p in net.parameters()])


def test_a_run_tells_steps_epochs_and_its_end(packs):
    _, _, events = start(packs)
    told = list(events)
    assert [e.done for e in told if isinstance(e, Step) and e.doing == "train"] == [
        1,
        2,
        3,
        4,
        5,
    ] * 2
    epochs = [e for e in told if isinstance(e, Epoch)]
    assert [(e.epoch, e.step) for e in epochs] == [(1, 5), (2, 10)]
    assert epochs[0].scores.count == 100
    assert told[-1] == Stopped("epochs", 2)


def test_it_learns_the_digits(packs):
    _, _, events = start(packs, replace(RECIPE, epochs=30))
    last = [e for e in events if isinstance(e, Epoch)][-1]
    assert last.scores.top(1) > 0.8


@pytest.mark.parametrize("stop_after", [3, 5, 7])
def test_a_stopped_run_goes_on_bit_for_bit(packs, tmp_path, stop_after):
    """Stopped in an epoch, at its end, and in the second; with dropout, averaging and momentum."""
    recipe = replace(RECIPE, optimiser="nesterov", lr=0.01)
    net, average, events = start(packs, recipe, name="lenet5-modern")
    list(events)
    whole, averaged_whole = weights(net), weights(average.module)

    states = tmp_path / "state"
    _, _, events = start(packs, recipe, states=states)
    for event in events:
        if (
            isinstance(event, Step)
            and event.doing == "train"
            and 5 * (event.epoch - 1) + event.done == stop_after
        ):
            break
    events.close()
    assert int(latest_state(states).name) == stop_after
    net, average, events = start(packs, recipe, states=states, resume=True)
    told = [e for e in events if isinstance(e, Epoch)]
    assert torch.equal(weights(net), whole)
    assert torch.equal(weights(average.module), averaged_whole)
    assert told[-1].step == 10
    assert len(list(states.iterdir())) == 1


def test_dropout_follows_from_its_seed_and_leaves_torch_s_randomness_alone():
    from canon.utils.seeding import forked_rng

    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with forked_rng(1, torch.device("cpu")):
        first = torch.rand(2)
    assert torch.equal(torch.rand(3), expected)
    with forked_rng(1, torch.device("cpu")):
        assert torch.equal(torch.rand(2), first)


def test_pieces_of_a_batch_give_the_gradient_of_the_whole(packs):
    recipe = replace(
        RECIPE,
        optimiser="sgd",
        lr=0.05,
        average=0.0,
        augmentation=Augmentation(crop=False, flip=False),
    )
    nets = []
    for accumulate in (1, 3):
        net, _, events = start(packs, recipe, Limits(1, accumulate=accumulate))
        list(events)
        nets.append(weights(net))
    torch.testing.assert_close(nets[0], nets[1], rtol=1e-4, atol=1e-6)


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_last_good_state(packs, tmp_path):
    states = tmp_path / "state"
    wild = replace(
        RECIPE,
        optimiser="sgd",
        lr=1e30,
        schedule="step",
        steps=((0.0, 1e-33), (0.6, 1.0)),
        average=0.0,
    )
    _, _, events = start(packs, wild, states=states)
    with pytest.raises(
        NonFiniteError, match=r"the training loss is (nan|inf) at step \d.*epoch 2.*--lr"
    ) as told:
        list(events)
    assert "The state of step 5 is kept." in str(told.value)
    assert int(latest_state(states).name) == 5


def test_patience_ends_a_run_without_progress(packs):
    still = replace(RECIPE, lr=1e-12, epochs=9, average=0.0)
    _, _, events = start(packs, still, Limits(9, patience=2))
    told = list(events)
    assert told[-1].reason == "patience"
    assert told[-1].epoch < 9


def test_minutes_end_a_run_with_an_evaluation_and_the_rest_can_follow(packs, tmp_path):
    net, _, events = start(packs)
    list(events)
    whole = weights(net)
    _, _, events = start(packs, limits=Limits(2, minutes=1e-6), states=tmp_path)
    told = list(events)
    assert told[-1] == Stopped("time", 1)
    (epoch,) = [e for e in told if isinstance(e, Epoch)]
    assert epoch.scores.count == 100
    assert epoch.step == 1
    net, _, events = start(packs, states=tmp_path, resume=True)
    assert [e.step for e in events if isinstance(e, Epoch)] == [5, 10]
    assert torch.equal(weights(net), whole)


def test_saves_within_an_epoch(packs, tmp_path):
    _, _, events = start(packs, limits=Limits(1, save_every=0.0), states=tmp_path / "state")
    for event in events:
        if isinstance(event, Step) and event.done == 3:
            assert int(latest_state(tmp_path / "state").name) == 2
            break
    events.close()


def test_a_kill_while_saving_leaves_a_whole_state(packs, tmp_path):
    states = tmp_path / "state"
    _, _, events = start(packs, states=states)
    list(events)
    whole = latest_state(states)
    (states / ".000000000011").mkdir()  # what a kill in the middle of writing leaves
    assert latest_state(states) == whole
    whole.rename(states / f".{whole.name}.old")  # and between the two renames
    assert latest_state(states).name == f".{whole.name}.old"


@pytest.mark.parametrize("device", ["cuda:7", "gpu"])
def test_a_device_that_is_not_there_is_refused(device):
    with pytest.raises(InputError, match=r"device.*expected.*--device"):
        make_accelerator(device)


def test_fp16_needs_a_gpu():
    with pytest.raises(InputError, match="Pass --precision bf16"):
        make_accelerator("cpu", "fp16")


def test_bfloat16_trains(packs):
    devices = make_accelerator("cpu", "bf16")
    net = build("lenet5-modern", image=16)
    train = ImageBatches(packs["train"], HOW, RECIPE.augmentation)
    events = fit(net, ClassificationLoss.of(net, 10), train, RECIPE, Limits(3), devices)
    losses = [e.loss for e in events if isinstance(e, Epoch)]
    assert losses[-1] < losses[0]
    assert all(p.dtype == torch.float32 for p in net.parameters())


TWO = """
import json, sys
import torch
from accelerate import Accelerator
from tests.training.test_loop import HOW, RECIPE, start, weights
from canon.data import open_data
from canon.data.packs.images import build_image_pack
from canon.data.augment.augmentation import Augmentation
from canon.training import Epoch, Limits
from dataclasses import replace
import numpy as np

part = open_data("digits").parts["train"]
packs = {"train": build_image_pack(part.select(np.arange(160)), HOW),
         "val": build_image_pack(part.select(np.arange(160, 261)), HOW)}
recipe = replace(RECIPE, optimiser="sgd", lr=0.05, batch=30, average=0.0,
                 augmentation=Augmentation(crop=False, flip=False))
net, _, events = start(packs, recipe, Limits(2))
last = [e for e in events if isinstance(e, Epoch)][-1]
if Accelerator().is_main_process:
    torch.save(weights(net), sys.argv[1])
    s = last.scores
    print(json.dumps([last.step, s.count, s.loss, last.loss, s.hits(1)]))
"""


@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path):
    """The global batch, its gradient and the evaluation are the same, whatever the devices."""
    (one, alone), (two, together) = on_one_and_two_processes(TWO, tmp_path)
    assert one == pytest.approx(two, rel=1e-5)
    torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-6)
