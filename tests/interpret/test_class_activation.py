"""CAM, Grad-CAM and LayerCAM against hand calculations and Captum."""

import pytest
import torch
from torch import nn

from canon.analysis import describe
from canon.errors import InputError
from canon.interpret.class_activation import cam, enlarged, grad_cam, layer_cam
from canon.interpret.outputs import class_score, last_maps, predicted, stage_outputs
from canon.layers import average_head, stages
from canon.models import build


@pytest.fixture
def net():
    """Two stages, then the mean of each map and a linear layer."""
    torch.manual_seed(0)
    features = stages(
        one=nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()),
        two=nn.Sequential(nn.Conv2d(4, 5, 3, stride=2), nn.ReLU()),
    )
    return stages(features=features, head=average_head(5, 3))


@pytest.fixture
def x():
    return torch.randn(2, 3, 11, 11, generator=torch.Generator().manual_seed(1))


TARGET = torch.tensor([0, 2])


def test_grad_cam_by_hand(net, x):
    """The gradient of a logit is the weight of the map over the number of its pixels."""
    maps = net.features(x)
    weights = net.head.fc.weight[TARGET] / maps[0, 0].numel()
    expected = (weights[:, :, None, None] * maps).sum(1).clamp(min=0)
    torch.testing.assert_close(grad_cam(net, x, class_score(TARGET)), expected.detach())


def test_layer_cam_by_hand(net, x):
    maps = net.features(x)
    weights = (net.head.fc.weight[TARGET] / maps[0, 0].numel()).clamp(min=0)
    expected = (weights[:, :, None, None] * maps).sum(1)
    torch.testing.assert_close(layer_cam(net, x, class_score(TARGET)), expected.detach())


def test_the_mean_of_cam_and_the_bias_give_the_logit(net, x):
    logits = net(x)[torch.arange(2), TARGET] - net.head.fc.bias[TARGET]
    torch.testing.assert_close(cam(net, x, TARGET).mean((1, 2)), logits.detach())


@pytest.mark.parametrize("stage", ["conv1", "conv3_x", "conv5_x"])
def test_grad_cam_is_that_of_captum(stage):
    attr = pytest.importorskip("captum.attr")
    net = build("resnet18", classes=7, image=64, seed=0).eval()
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    theirs = attr.LayerGradCam(net, net.features.get_submodule(stage)).attribute(
        x, target=TARGET, relu_attributions=True
    )
    ours = grad_cam(net, x, class_score(TARGET), stage)
    torch.testing.assert_close(ours, theirs[:, 0].detach())
    assert ours.max() > 0


def test_values_lie_at_the_centres_of_their_receptive_fields():
    """A padding of 6 makes the maps larger than the image: stretching would misplace them."""
    net = stages(
        features=stages(
            conv=nn.Conv2d(1, 1, 1, padding=6, bias=False), pool=nn.MaxPool2d(4), same=nn.ReLU()
        ),
        head=average_head(1, 2),
    )
    torch.nn.init.ones_(net.features.conv.weight)
    x = torch.zeros(1, 1, 16, 12)
    x[0, 0, 10:14, 2:6] = 1.0  # exactly the pixels of one pooling window
    maps = net.features(x)[:, 0].detach()
    heat = enlarged(maps, (16, 12), describe(net, (16, 12), channels=1).ends["pool"][1])
    assert maps.shape == (1, 7, 6)
    assert maps.sum() == 1.0
    assert heat.shape == (1, 16, 12)
    rows, columns = heat[0].sum(1), heat[0].sum(0)
    middle = (rows * torch.arange(16)).sum() / rows.sum()
    center = (columns * torch.arange(12)).sum() / columns.sum()
    assert (middle.item(), center.item()) == pytest.approx((11.5, 3.5), abs=1e-4)
    assert heat[0, 11:13, 3:5].min() == pytest.approx(0.875**2)  # an eighth of a step away


def test_modes_and_gradients_are_as_before(net, x):
    net.train()
    net.features.eval()
    grad_cam(net, x, class_score(TARGET))
    assert net.training
    assert not net.features.training
    assert all(p.grad is None for p in net.parameters())


def test_segmentation_scores_the_pixels_of_the_class():
    outputs = torch.zeros(1, 3, 2, 2)
    outputs[0, 1, 0] = torch.tensor([4.0, 2.0])
    outputs[0, 2, 1, 0] = 1.0
    assert predicted(outputs).tolist() == [1]
    assert class_score(torch.tensor([1]))(outputs).item() == 3.0
    assert class_score(torch.tensor([2]))(outputs).item() == 1.0
    absent = class_score(torch.tensor([1]))(
        torch.stack([torch.ones(2, 2), *torch.zeros(2, 2, 2)])[None]
    )
    assert absent.item() == 0.0  # the mean of all pixels where none has the class


@pytest.mark.parametrize(
    ("name", "side", "stage"),
    [("lenet5", 32, "s4"), ("resnet20", 32, "stage3"), ("googlenet", 224, "inception5b")],
)
def test_the_last_stage_with_maps(name, side, stage):
    net = build(name)
    x = torch.zeros(1, 1 if name == "lenet5" else 3, side, side)
    assert last_maps(net, x) == stage
    assert next(iter(stage_outputs(net, x))) == next(iter(dict(net.features.named_children())))


def test_mistakes(net, x):
    with pytest.raises(InputError, match=r"no stage is named 'tow'.* Its stages are one, two"):
        grad_cam(net, x, class_score(TARGET), "tow")
    with pytest.raises(InputError, match="stage flatten has no maps, but 5 values"):
        grad_cam(net, x, class_score(TARGET), "flatten")
    with pytest.raises(InputError, match="there is no class 3; expected 0 to 2"):
        grad_cam(net, x, class_score(torch.tensor([0, 3])))
    with pytest.raises(InputError, match="averages its last maps before one linear layer"):
        cam(build("vgg11", classes=2, image=32), torch.zeros(1, 3, 32, 32), TARGET[:1])
    flat = stages(features=stages(flat=nn.Flatten(), fc=nn.Linear(4, 2)), head=stages())
    with pytest.raises(InputError, match="no stage with maps of more than one pixel"):
        last_maps(flat, torch.zeros(1, 1, 2, 2))
