import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from canon.errors import InputError
from canon.explain import describe
from canon.models import create


@pytest.mark.parametrize(
    "name", ["alexnet", "vgg11", "resnet18-a", "resnet50-tv", "resnet20", "lenet5-modern"]
)
def test_multiplications_are_half_of_what_torch_counts_as_operations(name):
    table = describe(name)
    with torch.device("meta"):
        net = create(name).eval()
    with FlopCounterMode(display=False) as counter:
        net(torch.empty(1, *table.input, device="meta"))
    assert 2 * table.macs == counter.get_total_flops()


def test_a_small_network_by_hand():
    net = nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 15 * 15, 4)
    )
    table = describe(net, 32)
    conv, relu, _, fc = table.rows
    assert (conv.output, conv.kernel, conv.stride, conv.padding) == (
        (8, 15, 15),
        (5, 5),
        (2, 2),
        (1, 1),
    )
    assert (conv.params, conv.macs, conv.activation_bytes) == (8 * 76, 8 * 75 * 225, 4 * 8 * 225)
    assert (relu.params, relu.macs, relu.kernel) == (0, 0, None)
    assert (fc.output, fc.params, fc.macs) == ((4,), 1800 * 4 + 4, 7200)
    assert table.params == conv.params + fc.params
    assert conv.exact == 15.5
    assert conv.unseen == 0


def test_describing_leaves_a_module_as_it_was():
    net = create("resnet20").train()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    describe(net, 32)
    assert net.training
    assert all(p.device.type == "cpu" for p in net.parameters())
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())
    assert not any(m._forward_hooks for m in net.modules())


def test_the_lecture_s_one_by_one_convolution():
    table = describe(nn.Conv2d(64, 32, 1), 56, channels=64)
    assert (table.rows[0].output, table.macs, table.params) == ((32, 56, 56), 6_422_528, 2_080)


def test_alexnet_at_224_has_a_fraction_and_pixels_that_are_never_seen():
    row = describe("alexnet", 224).rows[0]
    assert row.exact == 54.25
    assert row.output == (96, 54, 54)
    assert row.unseen == 1
    with pytest.raises(InputError, match=r"54\.25 is a fraction.*Legal strides"):
        describe("alexnet", 224, strict=True)
    assert describe("alexnet", strict=True).rows[0].exact is None


def test_a_module_needs_a_size():
    with pytest.raises(InputError, match="Pass image=SIDE"):
        describe(nn.Conv2d(3, 3, 3))
