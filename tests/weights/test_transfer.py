"""Segmentation networks that start from a classifier, or from a coarser network."""

import pytest
import torch
from safetensors.torch import save_file

from canon.errors import WeightsError
from canon.models import build, names
from canon.weights import load, read
from canon.weights.transfer import INITIALIZERS, transferable


def saved(net, name, folder, named=True):
    path = folder / f"{name}.safetensors"
    save_file(net.state_dict(), path, metadata={"model": name} if named else None)
    return path


def test_every_initializer_is_registered():
    assert set(INITIALIZERS) <= set(names("segment"))
    assert {one for several in INITIALIZERS.values() for one in several} <= set(names())


def test_a_fully_convolutional_net_takes_the_layers_of_its_classifier(tmp_path):
    classifier = build("alexnet", classes=4, seed=5)
    path = saved(classifier, "alexnet", tmp_path)
    net = build("fcn32s-alexnet", classes=3, seed=1).eval()
    loaded = load(net, "fcn32s-alexnet", read(path))
    assert loaded.replaced == ("score.weight", "score.bias", "upscore.enlarge.weight")
    assert loaded.notes() == [
        f"new weights for {', '.join(loaded.replaced)}: alexnet has no such layers"
    ]
    # The classifier's linear layers are convolutions: of one place of the maps they give the same.
    maps = torch.randn(2, 256, 6, 6, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        seventh = classifier.eval().head.fc7(classifier.head.fc6(maps.flatten(1)))
        torch.testing.assert_close(net.head(maps)[:, :, 0, 0], seventh, rtol=1e-4, atol=1e-5)
    for key, tensor in classifier.features.state_dict().items():
        assert torch.equal(net.features.state_dict()[key], tensor)


@pytest.mark.slow
def test_fcn_16s_and_8s_start_from_the_next_coarser_network(tmp_path):
    coarse = build("fcn32s", classes=2, seed=3)
    with torch.no_grad():
        coarse.score.weight.normal_()
    path = saved(coarse, "fcn32s", tmp_path)
    middle = build("fcn16s", classes=2, seed=4)
    loaded = load(middle, "fcn16s", read(path))
    assert set(loaded.replaced) == {
        "decoder.score_pool4.up.enlarge.weight", "decoder.score_pool4.score.weight",
        "decoder.score_pool4.score.bias", "upscore.enlarge.weight",
    }  # fmt: skip
    theirs = coarse.state_dict()
    for key, tensor in middle.state_dict().items():
        assert key in loaded.replaced or torch.equal(tensor, theirs[key])
    del coarse
    path = saved(middle, "fcn16s", tmp_path)
    fine = build("fcn8s", classes=2, seed=4)
    loaded = load(fine, "fcn8s", read(path))
    assert {k.split(".")[1] for k in loaded.replaced} == {"score_pool3", "enlarge"}


@pytest.mark.parametrize("named", [True, False])
def test_an_encoder_decoder_takes_its_backbone(tmp_path, named):
    backbone = build("resnet18", classes=5, seed=7)
    path = saved(backbone, "resnet18", tmp_path, named)
    net = build("encoder-decoder", backbone="resnet18", channels=1, classes=2)
    loaded = load(net, "encoder-decoder", read(path))
    assert loaded.adapted == "features.conv1.0.0.weight"
    assert all(key.startswith(("decoder.", "head.")) for key in loaded.replaced)
    ours = net.state_dict()
    for key, tensor in backbone.features.state_dict().items():
        same = tensor.sum(1, keepdim=True) if key == "conv1.0.0.weight" else tensor
        assert torch.equal(ours[f"features.{key}"], same)


def test_weights_of_another_backbone_are_refused(tmp_path):
    path = saved(build("resnet18", classes=5), "resnet18", tmp_path)
    net = build("encoder-decoder", backbone="resnet34")
    with pytest.raises(WeightsError, match="were trained for 'resnet18', not 'encoder-decoder'"):
        load(net, "encoder-decoder", read(path))


def test_other_classes_give_new_scores_only(tmp_path):
    path = saved(build("unet-same", width=2, classes=3), "unet-same", tmp_path)
    net = build("unet-same", width=2, classes=4)
    loaded = load(net, "unet-same", read(path))
    assert loaded.replaced == ("head.weight", "head.bias")


def test_kernels_of_another_kind_of_upsampling_are_not_taken():
    """Of four classes a kernel a class holds as many numbers as a dense one of half the side."""
    with torch.device("meta"):
        coarse = build("fcn32s", classes=4).state_dict()
        fine = build("fcn16s", classes=4, upsampling="transposed").state_dict()
    one, other = coarse["upscore.enlarge.weight"], fine["upscore.enlarge.weight"]
    assert one.numel() == other.numel()
    assert "upscore.enlarge.weight" not in transferable(fine, coarse)
