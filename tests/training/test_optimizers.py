from dataclasses import replace

import pytest
import torch
from torch import nn

from canon.models import build
from canon.recipes import paper
from canon.training.ema import moving_average
from canon.training.optimizers import SGD, limit_filters, make_optimizer, parameter_groups
from canon.training.recipe import Recipe
from canon.training.schedules import Cosine, LearningRate, Plateau
from canon.training.train_mode import set_train_mode

PLAIN = Recipe("modern", "a test", SGD(), lr=1.0, batch=4, epochs=10, images=None)


def rates(recipe, steps=100, epochs=10):
    over = make_optimizer(SGD(), nn.Linear(1, 1), recipe.lr)
    schedule, seen = LearningRate(recipe.schedule, over, steps, epochs), []
    over.step()  # once, which torch expects before a step of the schedule
    for _ in range(steps):
        seen.append(over.param_groups[0]["lr"])
        schedule.step()
    return seen


def test_a_constant_rate_is_constant():
    assert set(rates(PLAIN)) == {1.0}


def test_cosine_warms_up_linearly_and_ends_near_zero():
    seen = rates(replace(PLAIN, schedule=Cosine(warmup=1)))
    assert seen[:10] == pytest.approx([(i + 1) / 11 for i in range(10)])
    assert seen[10] == pytest.approx(1)
    assert seen[55] == pytest.approx(0.5)
    assert 0 < seen[-1] < 1e-3


def test_resnet110_starts_at_a_tenth_and_drops_at_32k_and_48k():
    seen = rates(replace(paper("resnet110"), lr=1.0), steps=64_000, epochs=182)
    assert [seen[i] for i in (0, 399, 400, 31_999, 32_000, 47_999, 48_000)] == pytest.approx(
        [0.1, 0.1, 1, 1, 0.1, 0.1, 0.01]
    )


def test_the_rates_of_lenet5_are_those_of_its_passes():
    seen = rates(paper("lenet5"), steps=200, epochs=20)
    assert [seen[10 * p] for p in range(20)] == pytest.approx(
        [5e-4] * 2 + [2e-4] * 3 + [1e-4] * 3 + [5e-5] * 4 + [1e-5] * 8
    )


def test_plateau_divides_by_ten_when_the_error_stalls():
    over = make_optimizer(SGD(), nn.Linear(1, 1), lr=1.0)
    schedule = LearningRate(Plateau(), over, 100, 10)
    for _ in range(7):
        schedule.step()
        schedule.epoch(0.5)
    assert over.param_groups[0]["lr"] == pytest.approx(0.1)


def test_vectors_are_spared_decay_unless_the_recipe_decays_all():
    net = build("resnet20")
    groups = parameter_groups(net, 0.1, decay_norms=False)
    assert [g["weight_decay"] for g in groups] == [0.1, 0.0]
    assert all(p.dim() > 1 for p in groups[0]["params"])
    (everything,) = parameter_groups(net, 0.1, decay_norms=True)
    assert len(everything["params"]) == len(list(net.parameters()))


def test_the_update_of_alexnet_is_that_of_its_paper():
    """v <- 0.9 v - 0.0005 e w - e g; w <- w + v (section 5), at a constant rate."""
    net = nn.Linear(3, 2)
    w, v = net.weight.detach().clone(), torch.zeros(2, 3)
    recipe = paper("alexnet")
    over = make_optimizer(recipe.optimizer, net, recipe.lr, recipe.decay, decay_norms=True)
    for step in range(4):
        over.zero_grad()
        (net.weight.sin().sum() * (step + 1)).backward()
        v = 0.9 * v - 0.0005 * 0.01 * w - 0.01 * net.weight.grad
        w = w + v
        over.step()
        torch.testing.assert_close(net.weight.detach(), w)


def test_the_average_is_exponential_and_whole_numbers_are_copied():
    net = nn.BatchNorm1d(1)
    net.register_buffer("table", torch.tensor([5, 7]))
    average = moving_average(net, 0.9)
    value, expected = torch.zeros(1), 1.0
    for n in range(30):
        with torch.no_grad():
            net.weight.copy_(value + n)
        average.update_parameters(net)
        decay = min(0.9, (1 + n) / (10 + n))
        expected = float(n) if n == 0 else decay * expected + (1 - decay) * n
    assert average.module.weight.item() == pytest.approx(expected)
    assert average.module.table.tolist() == [5, 7]


def test_frozen_parts_stay_out_of_training_mode():
    net = build("resnet20")
    net.features.stage1.requires_grad_(False)
    set_train_mode(net)
    assert not any(
        m.training for m in net.features.stage1.modules() if isinstance(m, nn.BatchNorm2d)
    )
    assert all(m.training for m in net.features.stage2.modules() if isinstance(m, nn.BatchNorm2d))


def test_an_exponential_rate_falls_by_its_factor_after_every_so_many_epochs():
    """Inception-v3: 0.94 every two epochs; GoogLeNet: 0.96 every eight."""
    seen = rates(replace(paper("inception-v3"), lr=1.0), steps=70, epochs=10)
    assert seen == pytest.approx([0.94 ** (i // 14) for i in range(70)])
    seen = rates(replace(paper("googlenet"), lr=1.0), steps=170, epochs=17)
    assert [seen[i] for i in (0, 79, 80, 159, 160)] == pytest.approx([1, 1, 0.96, 0.96, 0.96**2])


def test_the_rate_of_bn_inception_falls_six_times_as_fast_as_that_of_inception():
    seen = rates(replace(paper("bn-inception"), lr=1.0), steps=90, epochs=9)
    drops = [i for i in range(1, 90) if seen[i] < seen[i - 1]]
    assert drops == [14, 27, 40, 54, 67, 80]  # the first step after each 4/3 of an epoch


def test_rmsprop_is_the_moving_mean_square_with_momentum():
    """s <- 0.9 s + 0.1 g^2; v <- 0.9 v + g/(sqrt(s) + 1); w <- w - 0.045 v, decay in g."""
    net = nn.Linear(3, 2, bias=False)
    w = net.weight.detach().clone()
    s, v = torch.zeros(2, 3), torch.zeros(2, 3)
    recipe = paper("inception-v3")
    over = make_optimizer(recipe.optimizer, net, recipe.lr, recipe.decay)
    for step in range(5):
        over.zero_grad()
        (net.weight.sin().sum() * (step + 1)).backward()
        g = net.weight.grad + 4e-5 * w
        s = 0.9 * s + 0.1 * g**2
        v = 0.9 * v + g / (s.sqrt() + 1)
        w = w - 0.045 * v
        over.step()
        torch.testing.assert_close(net.weight.detach(), w)


def test_filters_are_scaled_to_the_radius_and_smaller_ones_left_alone():
    net = nn.Sequential(nn.Conv2d(2, 3, 4), nn.Linear(4, 4))
    with torch.no_grad():
        net[0].weight.normal_(0, 1, generator=torch.Generator().manual_seed(0))
        net[0].weight[1] *= 0.05
        net[1].weight.fill_(7)
    before = net[0].weight.detach().clone()
    limit_filters(net, 0.1)
    after = net[0].weight.detach()
    sizes = after.flatten(1).square().mean(1).sqrt()
    assert sizes[[0, 2]].tolist() == pytest.approx([0.1, 0.1])
    assert torch.equal(after[1], before[1])
    ratio = (after / before).flatten(1)
    torch.testing.assert_close(ratio, ratio[:, :1].expand_as(ratio))  # the direction stays
    assert bool((net[1].weight == 7).all())
