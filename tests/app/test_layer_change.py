"""A changed layer: against torch's own layers, and hand calculation."""

import pytest
import torch
from torch import nn

from canon.app.layer_change import Change, changeable, effect_of, published_window
from canon.errors import InputError
from canon.models import build


def test_a_changed_stride_is_that_of_a_network_built_with_it():
    found = effect_of("alexnet", None, Change("conv1.0", 11, 3, 0))
    net = build("alexnet")
    conv = net.features.conv1[0]
    conv.stride = (3, 3)
    with torch.no_grad():
        maps = net.features(torch.zeros(1, 3, 227, 227))
    rows = {row.name: row for row in found.after.rows}
    assert rows["pool5"].output == tuple(maps.shape[1:])
    # fc6 then has 4096 x (256 x 8 x 8) weights and 4096 biases.
    assert rows["fc6.0"].params == 4096 * maps.numel() + 4096
    assert found.before.params == 60_965_224


def test_a_larger_kernel_costs_what_its_weights_say():
    found = effect_of("vgg16", None, Change("stage1.0", 5, 1, 2))
    before, after = next(found.rows())
    assert before.params == 64 * 3 * 9 + 64
    assert after.params == 64 * 3 * 25 + 64
    assert after.macs == 224 * 224 * 64 * 3 * 25


def test_a_fraction_is_illegal_and_names_what_is_legal():
    window = effect_of("alexnet", 224, Change("conv1.0", 11, 4, 0)).window
    assert not window.legal
    assert window.legal_strides() == [1, 3]  # divisors of 224 - 11 = 213 up to 11
    assert window.formula(224) == "(224 - 11 + 2 x 0)/4 + 1 = 54.25"


def test_branches_that_no_longer_fit_are_explained():
    found = effect_of("resnet18", None, Change("conv3_x.0.branch.0.0", 3, 1, 1))
    assert found.after is None
    assert "two branches" in found.reason
    # As published, the shortcut is 28 x 28; the branch would now be 56 x 56.
    assert found.window.output[:2] == (56, 56)


def test_maps_that_become_too_small_are_explained():
    found = effect_of("lenet5-modern", None, Change("c1.0", 5, 4, 0))
    assert found.after is None
    assert "smaller than its window" in found.reason


def test_a_window_that_does_not_fit_is_refused():
    with pytest.raises(InputError, match="does not fit"):
        effect_of("lenet5-modern", None, Change("c1.0", 33, 1, 0))
    with pytest.raises(InputError, match="no layer 'conv9'"):
        effect_of("lenet5-modern", None, Change("conv9", 3, 1, 1))


@pytest.mark.parametrize("name", ["resnet18", "googlenet", "xception", "unet", "segnet", "fcn8s"])
def test_the_published_window_changes_nothing(name):
    layer = changeable(name)[0]
    found = effect_of(name, None, published_window(name, None, layer))
    assert (found.after.params, found.after.macs) == (found.before.params, found.before.macs)


def test_layers_that_can_be_changed_have_square_windows():
    net = build("inception-v3")
    layers = {name.removeprefix("features."): m for name, m in net.named_modules()}
    convolutions = {name: m for name, m in layers.items() if isinstance(m, nn.Conv2d)}
    rectangular = {n for n, m in convolutions.items() if len(set(m.kernel_size)) > 1}
    assert rectangular
    assert not rectangular & set(changeable("inception-v3"))
