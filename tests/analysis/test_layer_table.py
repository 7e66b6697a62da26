import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from canon.analysis.layer_table import describe
from canon.errors import InputError
from canon.models import build


@pytest.mark.parametrize(
    "name", ["alexnet", "vgg11", "resnet18-a", "resnet50-tv", "resnet20", "lenet5-modern"]
)
def test_multiplications_are_half_of_what_torch_counts_as_operations(name):
    table = describe(name)
    with torch.device("meta"):
        net = build(name).eval()
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


def test_describing_leaves_a_module_unchanged():
    net = build("resnet20").train()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    describe(net, 32)
    assert net.training
    assert all(p.device.type == "cpu" for p in net.parameters())
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())
    assert not any(m._forward_hooks or "forward" in vars(m) for m in net.modules())


def test_a_1_x_1_convolution_has_the_macs_and_parameters_of_the_lecture():
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


class Shared(nn.Module):
    """A layer used twice, one that returns a pair, a split, and a constant."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.pair = Pair()
        self.register_buffer("shift", torch.zeros(4, 1, 1))

    def forward(self, x):
        x = self.conv(self.conv(x)) + self.shift
        left, right = self.pair(x)
        halves = torch.cat([left, right], 1).split(4, 1)
        return halves[0] + halves[1]


class Pair(nn.Module):
    def forward(self, x):
        return x, 2 * x


def test_any_module_is_described_and_shared_parameters_count_once():
    table = describe(Shared(), 9, channels=4)
    assert [row.kind for row in table.rows] == ["Conv2d", "Conv2d", "Pair"]
    assert table.params == 4 * 4 * 9
    assert table.macs == 2 * 4 * 4 * 9 * 81
    assert table.field.height.size == 5
    assert not table.field.whole


def test_a_transposed_convolution_multiplies_once_a_weight_and_input_pixel():
    net = nn.ConvTranspose2d(6, 4, 3, stride=2, groups=2)
    assert describe(net, 5, channels=6).macs == 25 * 6 * 9 * 4 // 2


class Scale(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)
        self.scale = nn.Parameter(torch.ones(3, 1, 1))

    def forward(self, x):
        return {"out": self.conv(x) * self.scale}


def test_parameters_beside_layers_and_other_precisions_are_counted_too():
    for net in (Scale(), Scale().half()):
        assert describe(net, 4).params == sum(p.numel() for p in net.parameters()) == 15


def test_an_image_that_a_module_does_not_take_is_refused_in_one_line():
    with pytest.raises(InputError, match=r"does not accept 3 x 2 x 2 images.*Pass image") as caught:
        describe(nn.Conv2d(3, 3, 7), 2)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="image is 0; expected 1 or more"):
        describe("resnet20", 0)


def test_an_object_that_is_no_network_is_refused():
    with pytest.raises(InputError, match="3 is not a network; expected a model name"):
        describe(3, 32)
    with pytest.raises(InputError, match="no model is named 3"):
        build(3)


def test_a_module_needs_a_size():
    with pytest.raises(InputError, match="Pass image=SIDE"):
        describe(nn.Conv2d(3, 3, 3))
