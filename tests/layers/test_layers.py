"""Normalization, initialization, named stages, and shortcuts."""

import math

import pytest
import torch
from torch import nn

from canon.layers import LocalResponseNorm, init, stages, taps
from canon.layers.residual import PadShortcut
from canon.layers.stages import eval_mode, first_too_small_stage


def test_local_response_normalization_is_the_formula_of_section_3_3():
    a = torch.randn(2, 9, 3, 3, generator=torch.Generator().manual_seed(0)).double() * 20
    k, n, alpha, beta = 2, 5, 1e-4, 0.75
    b = torch.empty_like(a)
    for i in range(9):
        around = a[:, max(0, i - n // 2) : min(8, i + n // 2) + 1]
        b[:, i] = a[:, i] / (k + alpha * around.square().sum(1)) ** beta
    torch.testing.assert_close(LocalResponseNorm()(a), b)


def test_taps_are_the_outputs_of_the_named_stages():
    features = stages(one=nn.Conv2d(1, 2, 3), two=nn.ReLU(), three=nn.MaxPool2d(2))
    x = torch.randn(1, 1, 6, 6)
    found = taps(features, x)
    assert list(found) == ["one", "two", "three"]
    assert torch.equal(found["two"], features.two(features.one(x)))
    assert torch.equal(found["three"], features(x))


def test_every_module_has_its_mode_again_after_evaluation():
    net = nn.Sequential(nn.BatchNorm2d(1), nn.Dropout(0.5))
    net[1].eval()
    with eval_mode(net):
        assert not net[0].training
    assert net[0].training
    assert not net[1].training


@pytest.mark.parametrize(("image", "stage"), [(8, None), (4, "second"), (2, "first")])
def test_an_image_is_too_small_where_a_map_is_too_small_for_a_window(image, stage):
    with torch.device("meta"):
        features = stages(
            first=nn.Conv2d(1, 4, 3), halved=nn.MaxPool2d(2), second=nn.Conv2d(4, 4, 3, padding=1)
        )
    assert first_too_small_stage(features, 1, image) == stage


@pytest.mark.parametrize(("kernel", "padding", "stage"), [(1, 0, None), (2, 1, "last")])
def test_one_value_is_enough_for_a_window_of_one_only(kernel, padding, stage):
    with torch.device("meta"):
        features = stages(first=nn.Conv2d(1, 4, 3), last=nn.Conv2d(4, 4, kernel, padding=padding))
    assert first_too_small_stage(features, 1, 3) == stage


def test_option_a_takes_every_second_pixel_and_pads_channels_with_zeros():
    x = torch.randn(2, 3, 5, 5)
    y = PadShortcut(3, 7, 2)(x)
    assert torch.equal(y[:, :3], x[:, :, ::2, ::2])
    assert y.shape == (2, 7, 3, 3)
    assert not y[:, 3:].any()


def test_initializations_have_the_deviation_of_their_papers():
    def made(rule, *numbers):
        net = nn.Sequential(nn.Conv2d(64, 128, 3), nn.Linear(512, 256))
        rule(net, *numbers)
        assert not any(m.bias.any() for m in net)
        return [m.weight.std().item() for m in net]

    conv, linear = made(init.he, 0)
    assert conv == pytest.approx(math.sqrt(2 / (9 * 64)), rel=0.02)
    assert linear == pytest.approx(math.sqrt(2 / 512), rel=0.02)
    conv, linear = made(init.glorot, 0)
    assert conv == pytest.approx(math.sqrt(2 / (9 * (64 + 128))), rel=0.02)
    assert linear == pytest.approx(math.sqrt(2 / (512 + 256)), rel=0.02)
    assert made(init.gaussian, 0.01, 0) == pytest.approx([0.01, 0.01], rel=0.02)


def test_fans_count_the_connections_of_one_value():
    grouped = nn.Conv2d(64, 128, 3, groups=4)
    assert (init.fan_in(grouped), init.fan_out(grouped)) == (16 * 9, 32 * 9)
    assert (init.fan_in(nn.Linear(5, 7)), init.fan_out(nn.Linear(5, 7))) == (5, 7)
    # With kernel and stride 2, an output has one position of each input; with kernel 4, four.
    assert init.fan_in(nn.ConvTranspose2d(64, 32, 2, 2)) == 64
    assert init.fan_in(nn.ConvTranspose2d(64, 32, 4, 2, groups=64 // 2)) == 2 * 4


def test_the_initial_weights_do_not_depend_on_the_global_seed_of_torch():
    nets = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        nets.append(nn.Linear(4, 4))
        init.he(nets[-1], 7)
    assert torch.equal(nets[0].weight, nets[1].weight)
