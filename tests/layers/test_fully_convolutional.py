"""Classifiers applied to whole images."""

import pytest
import torch
from torch import nn

from canon.errors import InputError
from canon.layers import LocalResponseNorm, stages
from canon.layers.fully_convolutional import fully_convolutional
from canon.models import build, model_info, names
from tests.models.networks import every_network


class Toy(nn.Module):
    def __init__(self, head, features=None):
        super().__init__()
        self.features = features or stages(
            conv1=nn.Sequential(nn.Conv2d(3, 6, 3, stride=2), nn.ReLU()),
            norm1=LocalResponseNorm(),
            pool1=nn.MaxPool2d(2, 2),
        )
        self.head = head

    def forward(self, x):
        return self.head(self.features(x))


def images(count, *size):
    return torch.randn(count, 3, *size, generator=torch.Generator().manual_seed(0))


def fc_head(side, pool=None):
    torch.manual_seed(0)
    first = {"pool": pool} if pool else {}
    return stages(
        **first, flatten=nn.Flatten(),
        fc1=nn.Sequential(nn.Dropout(0.5), nn.Linear(6 * side**2, 20), nn.ReLU()),
        fc2=nn.Linear(20, 4, bias=False),
    )  # fmt: skip


def test_every_score_is_that_of_the_crop_at_its_position():
    """19 pixels give maps of 4; without padding, a step in the map is 4 pixels of the image."""
    net = Toy(fc_head(4)).eval()
    dense = fully_convolutional(net, 19)
    x = images(2, 31, 43)
    with torch.no_grad():
        scores = dense(x)
        assert scores.shape == (2, 4, 4, 7)
        for row in range(4):
            for column in range(7):
                crop = x[:, :, 4 * row : 4 * row + 19, 4 * column : 4 * column + 19]
                torch.testing.assert_close(scores[:, :, row, column], net(crop))


@pytest.mark.parametrize("size", [1, (1, 1)])
def test_a_global_average_becomes_one_of_the_native_map(size):
    """On a larger image, every position averages what a crop at it would."""
    net = Toy(fc_head(1, nn.AdaptiveAvgPool2d(size))).eval()
    x = images(1, 23, 27)
    with torch.no_grad():
        scores = fully_convolutional(net, 19)(x)
        assert scores.shape == (1, 4, 2, 3)
        torch.testing.assert_close(scores[:, :, 1, 2], net(x[:, :, 4:23, 8:27]))


@pytest.mark.parametrize("pool", [nn.AdaptiveAvgPool2d(4), nn.AdaptiveAvgPool2d(6),
                                  nn.AdaptiveAvgPool2d(3), nn.AvgPool2d(2)])  # fmt: skip
def test_a_pooling_before_the_linear_layers_is_part_of_their_kernel(pool):
    side = pool(torch.zeros(1, 1, 4, 4)).shape[-1]
    net = Toy(fc_head(side, pool)).eval()
    x = images(3, 19, 19)
    with torch.no_grad():
        dense = fully_convolutional(net, 19)
        torch.testing.assert_close(dense(x)[:, :, 0, 0], net(x))
        larger = images(1, 27, 19)
        torch.testing.assert_close(dense(larger)[:, :, 2, 0], net(larger[:, :, 8:]))


@pytest.mark.parametrize(
    ("name", "side"), [("alexnet", 67), ("alexnet-tv", 63), ("lenet5-modern", 32), ("vgg11", 32)]
)
def test_at_the_native_size_the_scores_are_those_of_the_network(name, side):
    net = build(name, classes=5, image=side).eval()
    channels = 1 if "lenet" in name else 3
    x = images(2, side, side)[:, :channels]
    with torch.no_grad():
        scores = fully_convolutional(net, side)(x)
    assert scores.shape == (2, 5, 1, 1)
    torch.testing.assert_close(scores[:, :, 0, 0], net(x).detach(), rtol=1e-4, atol=1e-6)


def test_a_network_that_averages_its_last_map_averages_over_windows_of_that_size():
    net = build("resnet20").eval()
    x = images(2, 40, 56)
    with torch.no_grad():
        scores = fully_convolutional(net, 32)(x)
        means = nn.functional.avg_pool2d(net.features(x), 8, 1)
        same = nn.functional.conv2d(means, net.head.fc.weight[:, :, None, None], net.head.fc.bias)
    assert scores.shape == (2, 10, 3, 7)
    torch.testing.assert_close(scores, same, rtol=1e-4, atol=1e-5)


def test_every_score_of_lenet_5_is_that_of_its_crop_since_it_has_no_padding():
    net = build("lenet5").eval()
    x = images(2, 40, 48)[:, :1]
    with torch.no_grad():
        scores = fully_convolutional(net)(x)
        assert scores.shape == (2, 10, 3, 5)
        for row in range(3):
            for column in range(5):
                crop = x[:, :, 4 * row : 4 * row + 32, 4 * column : 4 * column + 32]
                torch.testing.assert_close(scores[:, :, row, column], net(crop))


@pytest.mark.parametrize("name", every_network(among=names("classify")))
def test_every_classifier_can_be_made_fully_convolutional(name):
    published = model_info(name).published
    side = published.image
    with torch.device("meta"):
        net = build(name).eval()
        dense = fully_convolutional(net, side)
        for more in (0, 64):
            y = dense(torch.empty(1, published.channels, side, side + more))
            assert y.shape[:3] == (1, published.classes, 1)
            assert (y.shape[3] == 1) == (more == 0)


@pytest.mark.parametrize("name", ["googlenet", "inception-v3", "xception", "se-resnet50", "zfnet"])
def test_at_the_size_of_the_paper_the_scores_are_those_of_the_classifier(name):
    net = build(name, classes=3).eval()
    side = model_info(name).published.image
    with torch.no_grad():
        x = images(1, side, side)
        torch.testing.assert_close(
            fully_convolutional(net, side)(x)[:, :, 0, 0], net(x), rtol=1e-3, atol=1e-4
        )


@pytest.mark.parametrize("name", ["alexnet", "vgg11", "lenet5", "zfnet", "prototype", "googlenet"])
def test_a_network_built_for_one_side_knows_its_native_size(name):
    with torch.device("meta"):
        net = build(name, image=100).eval()
        channels = model_info(name).published.channels
        assert fully_convolutional(net)(torch.empty(1, channels, 100, 100)).shape[2:] == (1, 1)


def test_the_native_size_of_other_networks_has_to_be_passed():
    with pytest.raises(InputError, match=r"ResNet takes images of any side.*side=224"):
        fully_convolutional(build("resnet18", classes=2))


def test_the_conversion_does_not_change_the_network():
    net = Toy(fc_head(4)).train()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    dense = fully_convolutional(net, 19)
    assert net.training
    assert dense.training
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())
    assert net.head.fc1[1].weight.dim() == 2


@pytest.mark.parametrize(
    ("net", "what"),
    [
        (Toy(stages(fc=nn.Linear(6, 4))), "no flattening"),
        (Toy(stages(conv=nn.Conv2d(6, 6, 1), flatten=nn.Flatten())), "more than poolings"),
        (nn.Conv2d(3, 4, 1), "no flattening"),
    ],
)
def test_other_heads_are_refused(net, what):
    with pytest.raises(
        InputError,
        match=f"cannot be made fully convolutional: its head has {what}.*Use --protocol 10-crop",
    ) as caught:
        fully_convolutional(net, 32)
    assert "\n" not in str(caught.value)
