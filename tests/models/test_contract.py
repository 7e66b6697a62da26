"""What every network promises, over the whole registry."""

import inspect
import re
import warnings
from functools import cache

import pytest
import torch
from torch import nn

from canon.errors import InputError
from canon.layers import taps
from canon.models import build, model_info, names
from canon.registry import register, smallest_image


@cache
def side_of(name: str) -> int:
    """The smallest legal image, where heads are small and passes are quick."""
    return max(smallest_image(name), 16)


def small(name: str, **more) -> nn.Module:
    return build(name, image=side_of(name), classes=7, **more)


def images(name: str, count: int) -> torch.Tensor:
    side = side_of(name)
    source = torch.Generator().manual_seed(0)
    return torch.randn(count, model_info(name).published.channels, side, side, generator=source)


DEEPEST = ("1202", "1001", "152", "200", "154", "101", "wrn-40-8", "wrn-28-1", "-68-", "zfnet-b")
CHEAP = [name for name in names("classify") if not any(deep in name for deep in DEEPEST)]


def outputs(net: nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    """What training asks a network for: its logits, and those of its auxiliary heads."""
    if not hasattr(net, "with_aux"):
        return [net(x)]
    logits, others = net.with_aux(x)
    return [logits, *others]


@pytest.mark.parametrize("name", CHEAP)
def test_gradients_reach_every_parameter(name):
    net = small(name).train()
    sum(y.square().sum() for y in outputs(net, images(name, 3))).backward()
    untouched = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert untouched == []


@pytest.mark.parametrize("name", sorted(set(names("classify")) - set(CHEAP)))
def test_gradients_reach_every_parameter_of_the_deepest(name):
    with torch.device("meta"):
        net = build(name)
        published = model_info(name).published
        x = torch.empty(2, 3, published.image, published.image)
        sum(y.sum() for y in outputs(net, x)).backward()
    assert all(p.grad is not None for p in net.parameters())


@pytest.mark.parametrize("name", CHEAP)
def test_one_image_gives_the_same_alone_as_in_a_batch(name):
    net, x = small(name).eval(), images(name, 3)
    with torch.inference_mode():
        together, alone = net(x), net(x[:1])
    assert together.shape == (3, 7)
    assert alone.dtype == torch.float32
    torch.testing.assert_close(alone, together[:1], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", CHEAP)
def test_weights_follow_from_the_seed_and_travel_by_state_dict(name):
    first, same, other = small(name, seed=3), small(name, seed=3), small(name, seed=4)
    ours, theirs = first.state_dict(), same.state_dict()
    assert all(torch.equal(ours[k], theirs[k]) for k in ours)
    assert any(
        not torch.equal(p, q) for p, q in zip(first.parameters(), other.parameters(), strict=True)
    )
    other.load_state_dict(ours)
    x = images(name, 2)
    with torch.inference_mode():
        assert torch.equal(first.eval()(x), other.eval()(x))


@pytest.mark.parametrize("name", CHEAP)
def test_torch_export_takes_it_whole(name):
    net, x = small(name).eval(), images(name, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of its own plans
        program = torch.export.export(net, (x,))
    torch.testing.assert_close(program.module()(x), net(x), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(names("classify")) - set(CHEAP)))
def test_the_deepest_and_widest_keep_the_contract_too(name):
    net, x = small(name, seed=3).eval(), images(name, 2)
    ours, theirs = net.state_dict(), small(name, seed=3).state_dict()
    assert all(torch.equal(ours[k], theirs[k]) for k in ours)
    # A hundred untrained blocks grow their input beyond what gates bear in single precision.
    net, x = net.double(), x.double()
    with torch.inference_mode():
        together, alone = net(x), net(x[:1])
    torch.testing.assert_close(alone, together[:1], rtol=1e-4, atol=1e-4)
    if name not in ("resnet1202", "preact-resnet1001"):
        # Exporting thousands of layers takes minutes, and they are those of resnet110's blocks.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of its own plans
            program = torch.export.export(net, (x,))
        torch.testing.assert_close(program.module()(x), together, rtol=1e-4, atol=1e-4)
    sum(y.square().sum() for y in outputs(net.train(), images(name, 3).double())).backward()
    assert all(p.grad is not None and p.grad.any() for p in net.parameters())


@pytest.mark.parametrize("name", names("classify"))
def test_stages_are_named_and_modules_are_not_reused_or_in_place(name):
    with torch.device("meta"):
        net = build(name)
        published = model_info(name).published
        x = torch.empty(1, published.channels, published.image, published.image)
        stages = [stage for stage, _ in net.features.named_children()]
        assert list(taps(net.features, x)) == stages
        assert not any(stage.isdigit() for stage in stages)
        calls: dict[nn.Module, int] = {}
        for module in net.modules():
            assert not getattr(module, "inplace", False)
            module.register_forward_hook(lambda m, *_: calls.update({m: calls.get(m, 0) + 1}))
        net.eval()(x)
    assert set(calls.values()) == {1}


@pytest.mark.parametrize("name", names())
def test_documentation_says_shape_and_source(name):
    known = model_info(name)
    module = inspect.getmodule(known.build)
    first_author = known.paper.authors.split(",")[0]
    assert re.search(r"Shape: \(N, \d, \d+, \d+\) -> \(N, (K|10)[,)]", inspect.getdoc(known.build))
    assert first_author in module.__doc__
    assert known.paper.identifier in module.__doc__
    assert "Differences from the paper:" in module.__doc__


@pytest.mark.parametrize(
    "name",
    ["alexnet", "vgg16", "resnet18", "resnet20", "lenet5", "lenet5-modern", "googlenet-tv"],
)
def test_the_smallest_legal_image_passes_and_one_pixel_less_is_refused(name):
    smallest = smallest_image(name)
    with torch.device("meta"):
        build(name, image=smallest)
    with pytest.raises(InputError, match=rf"takes no less than {smallest}\..*--image"):
        build(name, image=smallest - 1)


@pytest.mark.parametrize(
    "name",
    ["alexnet", "vgg16", "resnet34", "resnet20", "lenet5", "zfnet", "googlenet", "bn-inception",
     "inception-v3", "inception-v4", "inception-resnet-v2", "xception", "preact-resnet50",
     "preact-resnet164", "wrn-28-10", "wide-resnet50-2", "se-resnet50", "se-vgg16-bn",
     "se-bn-inception", "prototype", "wide-resnet68-2"],
)  # fmt: skip
def test_documented_smallest_image_is_the_real_one(name):
    documented = re.search(r"any square from (\d+) pixels", inspect.getdoc(model_info(name).build))
    assert int(documented[1]) == smallest_image(name)


def test_an_imagenet_stem_on_small_images_names_the_networks_that_fit():
    with pytest.raises(InputError, match=r"conv5_x.*use resnet20, resnet32.*--image 224"):
        build("resnet34", image=32)


@pytest.mark.parametrize("word", ["classes", "channels", "image"])
def test_sizes_below_one_are_refused(word):
    with pytest.raises(InputError, match=rf"{word} is 0; expected 1 or more"):
        build("resnet20", **{word: 0})


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(InputError, match=r"no model is named 'resnet5o'\. Did you mean 'resnet50'"):
        build("resnet5o")


def test_a_set_is_no_network_and_says_what_to_do():
    with pytest.raises(InputError, match=r"is a set of networks, inception-v3, .*canon ensemble"):
        build("trimps-soushen")


def test_a_name_cannot_be_registered_twice():
    known = model_info("vgg16")
    with pytest.raises(InputError, match="registered twice"):
        register("vgg16", paper=known.paper, published=known.published)(known.build)


@pytest.mark.parametrize(
    ("name", "side"), [("alexnet", 224), ("vgg11", 64), ("lenet5", 28), ("lenet5-modern", 40)]
)
def test_fully_connected_heads_follow_the_image(name, side):
    with torch.device("meta"):
        channels = model_info(name).published.channels
        assert build(name, image=side)(torch.empty(1, channels, side, side)).shape[0] == 1
