"""Loading checkpoints: adapted first and last layers, and refused mismatches."""

import logging

import pytest
import torch
from safetensors.torch import save_file

import canon
from canon.errors import CanonError, WeightsError
from canon.models import build
from canon.weights import Checkpoint, load
from tests.weights.foreign import foreign


@pytest.fixture
def net():
    return build("resnet20", seed=1)


def test_weights_for_another_image_size_are_refused_with_that_size():
    with pytest.raises(
        WeightsError, match=r"for images of another size: head.fc6.*Pass --image 224"
    ):
        load(build("vgg11", image=32), "vgg11", Checkpoint("v", build("vgg11").state_dict()))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda w: w.int(), "is torch.int32 instead of torch.float32"),
        (lambda w: w * float("nan"), "has values that are not finite"),
    ],
)
def test_values_that_are_invalid_as_weights_are_refused(net, spoil, message):
    state = dict(net.state_dict())
    state["head.fc.weight"] = spoil(state["head.fc.weight"])
    with pytest.raises(WeightsError, match=f"head.fc.weight {message}"):
        load(build("resnet20"), "resnet20", Checkpoint("x.pth", state))


def test_an_unknown_prefix_is_shown_with_the_missing_keys(net):
    state = {f"xx.{k}": v for k, v in net.state_dict().items()}
    with pytest.raises(WeightsError, match=r"is missing; .*xx\.features\.conv1.* is not in the"):
        load(build("resnet20"), "resnet20", Checkpoint("x.pth", state))


def test_at_most_five_mismatches_are_named_and_the_rest_counted(net):
    state = dict(net.state_dict())
    missing = {k: v for k, v in state.items() if not k.startswith("features.stage1")}
    with pytest.raises(WeightsError) as error:
        load(build("resnet20"), "resnet20", Checkpoint("x.pth", missing))
    assert str(error.value).count(" is missing") == 5
    assert "and 25 more; expected the same keys" in str(error.value)
    extra = state | {"surprise": torch.zeros(1)}
    with pytest.raises(WeightsError, match="surprise is not in the network;"):
        load(build("resnet20"), "resnet20", Checkpoint("x.pth", extra))
    key = "features.stage2.0.branch.0.0.weight"
    bent = state | {key: torch.zeros(32, 16, 5, 5)}
    with pytest.raises(WeightsError, match=f"{key} is 32 x 16 x 5 x 5 instead of 32 x 16 x 3 x 3"):
        load(build("resnet20"), "resnet20", Checkpoint("x.pth", bent))


def test_the_weights_of_another_network_are_recognised_by_their_keys():
    state = foreign("torchvision", "resnet18")
    with pytest.raises(
        WeightsError, match=r"trained for 'resnet18', not 'resnet34'\. Build 'resnet18' instead"
    ):
        load(build("resnet34"), "resnet34", Checkpoint("r18.pth", state))


def test_a_file_of_canon_records_its_network(tmp_path):
    path = tmp_path / "model.safetensors"
    save_file(build("plain20").state_dict(), path, metadata={"model": "plain20"})
    with pytest.raises(
        WeightsError, match="'plain20', not 'resnet20': the keys match, but the architecture"
    ):
        canon.create("resnet20", weights=path)


def test_other_channels_and_classes_adapt_the_first_and_the_last_layer(tmp_path, caplog):
    state = foreign("torchvision", "resnet18")
    torch.save(state, tmp_path / "r18.pth")
    with caplog.at_level(logging.WARNING, "canon"):
        grey = canon.create("resnet18", weights=tmp_path / "r18.pth", channels=1, classes=7)
    first = state["conv1.weight"]
    torch.testing.assert_close(
        grey.features.conv1[0][0].weight.detach(), first.sum(1, keepdim=True)
    )
    assert "features.conv1.0.0.weight: adapted to the number of image channels" in caplog.text
    assert "new weights for head.fc.weight, head.fc.bias" in caplog.text
    assert grey.head.fc.weight.shape == (7, 512)
    assert torch.equal(grey.features.conv5_x[0].branch[0][0].weight, state["layer4.0.conv1.weight"])
    five = canon.create("resnet18", weights=tmp_path / "r18.pth", channels=5)
    kernel = five.features.conv1[0][0].weight.detach()
    torch.testing.assert_close(kernel[:, 3:], first[:, :2] * 0.6)
    torch.testing.assert_close(kernel[:, :3], first * 0.6)


def test_a_grey_network_has_the_logits_of_the_colour_network_on_grey_images(tmp_path):
    torch.save(foreign("torchvision", "resnet18"), tmp_path / "r18.pth")
    color, grey = (
        canon.create("resnet18", weights=tmp_path / "r18.pth", channels=c).eval() for c in (3, 1)
    )
    x = torch.rand(2, 1, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(grey(x), color(x.expand(-1, 3, -1, -1)), rtol=1e-4, atol=1e-4)


def test_an_auxiliary_head_for_another_image_keeps_its_initial_weights():
    ours = build("inception-v3").state_dict()
    net = build("inception-v3", image=224)
    loaded = load(net, "inception-v3", Checkpoint("v3.pth", ours, "inception-v3"))
    assert {k.rpartition(".")[0] for k in loaded.replaced} == {"aux.conv1.0"}
    assert torch.equal(net.features.conv1a[0].weight, ours["features.conv1a.0.weight"])


def test_old_files_without_batch_counters_load():
    state = {k: v for k, v in build("resnet20").state_dict().items() if "num_batches" not in k}
    assert load(build("resnet20"), "resnet20", Checkpoint("old.pth", state)).replaced == ()


def test_classes_below_one_are_refused_before_weights_are_read():
    with pytest.raises(CanonError, match="classes is 0; expected 1 or more"):
        canon.create("resnet20", weights="no/such.pth", classes=0)
