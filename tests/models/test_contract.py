"""What every registered network guarantees."""

import inspect
import re

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from canon.analysis.layer_table import describe
from canon.layers import taps
from canon.layers.interfaces import DenseOutput
from canon.models import build, model_info, names
from tests.models.networks import (
    CLASSES,
    DEEP,
    HEAVY,
    every_network,
    families,
    images,
    outputs,
    published_input,
    small,
    without_zero_weights,
)


def precise(name: str, *things):
    """In double precision for the deepest, whose untrained blocks grow their input a lot."""
    return [thing.double() if name in DEEP else thing for thing in things]


@pytest.mark.parametrize("name", names())
def test_a_class_alone_has_the_sides_of_the_paper(name):
    model = model_info(name)
    options = inspect.signature(model.build).parameters
    expected = {"seed": 0} | {side: getattr(model.published, side)
                              for side in ("classes", "channels", "image")}  # fmt: skip
    found = {option: options[option].default for option in expected if option in options}
    assert found == {option: expected[option] for option in found}


@pytest.mark.parametrize("name", every_network())
def test_gradients_reach_every_trained_parameter(name):
    net, x = precise(name, without_zero_weights(small(name)).train(), images(name, 3))
    sum(y.square().sum() for y in outputs(net, x)).backward()
    untouched = {n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()}
    assert untouched == {n for n, p in net.named_parameters() if not p.requires_grad}


@pytest.mark.parametrize("name", every_network(families(), sorted(HEAVY)))
def test_gradients_reach_every_trained_parameter_without_memory(name):
    with torch.device("meta"):
        net = build(name)
        sum(y.sum() for y in outputs(net, published_input(name, 2))).backward()
    assert all((p.grad is not None) == p.requires_grad for p in net.parameters())


@pytest.mark.parametrize("name", every_network())
def test_an_image_has_the_same_output_alone_and_in_a_batch(name):
    net, x = precise(name, without_zero_weights(small(name)).eval(), images(name, 3))
    with torch.inference_mode():
        together, alone = net(x), net(x[:1])
    if model_info(name).task == "segment":
        assert isinstance(net, DenseOutput)
        side = net.output_side(x.shape[-1])
        assert together.shape == (3, CLASSES, side, side)
    elif model_info(name).task == "reconstruct":
        assert together.shape == x.shape
    elif model_info(name).task == "generate":
        assert together.shape == (3, 4, net.side, net.side)
    else:
        assert together.shape == (3, CLASSES)
    assert alone.dtype == x.dtype
    torch.testing.assert_close(alone, together[:1], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", every_network())
def test_weights_follow_from_the_seed_and_travel_by_state_dict(name):
    first, same, other = small(name, seed=3), small(name, seed=3), small(name, seed=4)
    ours, theirs = first.state_dict(), same.state_dict()
    assert all(torch.equal(ours[k], theirs[k]) for k in ours)
    assert any(not torch.equal(ours[k], v) for k, v in other.state_dict().items())
    other.load_state_dict(ours)
    first, other, x = precise(name, first.eval(), other.eval(), images(name, 2))
    with torch.inference_mode():
        assert torch.equal(first(x), other(x))


@pytest.mark.parametrize("name", every_network())
def test_stages_have_names_and_modules_are_used_once_and_not_in_place(name):
    with torch.device("meta"):
        net, x = build(name).eval(), published_input(name)
        stages = [stage for stage, _ in net.features.named_children()]
        assert list(taps(net.features, x)) == stages
        assert not any(stage.isdigit() for stage in stages)
        calls: dict[nn.Module, int] = {}
        for module in net.modules():
            assert not getattr(module, "inplace", False)
            module.register_forward_hook(lambda m, *_: calls.update({m: calls.get(m, 0) + 1}))
        net(x)
    assert set(calls.values()) == {1}


@pytest.mark.parametrize("name", names())
def test_documentation_has_the_shape_and_the_source(name):
    model = model_info(name)
    paper, module = model.paper, inspect.getmodule(model.build)
    shape = r"Shape: \(N, \d, \d+, \d+\) -> \(N, (K|10)[,)]"
    if model.task == "reconstruct":
        shape = r"Shape: (\(N, \d, \d+, \d+\)) -> \1, by codes \(N, \d+\)"
    if model.task == "generate":
        shape = r"Shape: \(N, 825, 1, 1\) -> \(N, 4, 128, 128\)"
    assert re.search(shape, inspect.getdoc(model.build))
    assert "Differences from the paper:" in module.__doc__
    assert paper == module.PAPER
    first_line = module.__doc__.splitlines()[0]
    first_author = paper.authors.split(",")[0]
    cited = [
        f": {authors}, {paper.venue} {paper.year}; see PAPER."
        for authors in (paper.authors, f"{first_author} et al.")
    ]
    assert first_line.endswith(tuple(cited))


# torch counts no distances, 84 for each of ten classes; and all 16 x 6 kernels of C3 at 10 x 10
# positions, of which Table I marks 60.
UNEQUAL = {"lenet5": (16 * 6 - 60) * 25 * 100 - 84 * 10}


@pytest.mark.parametrize("name", every_network())
def test_multiply_accumulates_are_half_of_the_operations_that_torch_counts(name):
    with torch.device("meta"):
        net, x = build(name).eval(), published_input(name)
    with FlopCounterMode(display=False) as counter:  # not before: some networks are measured first
        net(x)
    macs = describe(name).macs + UNEQUAL.get(name, 0)
    assert counter.get_total_flops() == 2 * macs
