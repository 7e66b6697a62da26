"""How the weights of each network begin, against the record of its paper or its authors' code."""

from math import sqrt

import pytest
import torch

from canon.models import build, names
from tests.helpers.operations import Operation, operations
from tests.helpers.oracle import Layer, matched, records
from tests.models.networks import every_network, published_input

FORMS = ("-tv", "-timm")  # these names promise a function, not its start
OPEN = ("pretrained",)  # the paper starts from another network's weights

ENOUGH = 3_000  # weights, for the spread of a sample to be within 6 % of the true one


def spread(start: str, layer: Operation) -> tuple[float, str]:
    """The standard deviation of a start, and the shape of its distribution."""
    kind, _, number = start.partition(" ")
    c_out, c_in, *kernel = layer.weight.shape
    window = 1
    for side in kernel:
        window *= side
    groups = int(next((w[1:] for w in layer.text.split() if w[0] == "g" and w[1:].isdigit()), 1))
    fan_in, fan_out = c_in * window, c_out * window // groups
    if kind == "normal":
        return float(number), "normal"
    if kind == "he":
        return sqrt(2 / fan_in), "normal"
    if kind == "he-fan-out":
        return sqrt(2 / fan_out), "normal"
    if kind == "glorot-uniform":
        return sqrt(2 / (fan_in + fan_out)), "uniform"
    assert kind == "uniform-lecun", kind
    return 2.4 / fan_in / sqrt(3), "uniform"


def check(layer: Layer, found: Operation, usual: str) -> str | None:
    """What is wrong with the start of a layer's weights and biases, or None."""
    start = layer.start or usual
    weight = found.weight.detach().flatten()
    if found.bias is not None and not bool((found.bias == layer.bias).all()):
        return f"{found.text}: biases do not begin at {layer.bias}"
    if start in ("bilinear", *OPEN) or found.text.startswith("deconv"):
        return None  # tests/layers/test_upsample.py
    if start == "zero":
        return None if not bool(weight.any()) else f"{found.text}: does not begin at zero"
    if len(weight) < ENOUGH:
        return None
    expected, shape = spread(start, found)
    std = float(weight.std())
    if not 0.94 * expected < std < 1.06 * expected:
        return f"{found.text}: std {std:.3g}, expected {expected:.3g} ({start})"
    # A uniform distribution ends at sqrt(3) standard deviations; a normal one does not.
    if (float(weight.abs().max()) < 1.8 * expected) != (shape == "uniform"):
        return f"{found.text}: is not {shape}"
    return None


STARTED = [n for n in names() if not n.endswith(FORMS) and n not in ("lenet5", "encoder-decoder")]


@pytest.mark.parametrize("name", every_network(among=STARTED))
def test_weights_begin_as_the_record_says(name):
    record = records()[name]
    usual = record.facts["weights"]
    net, x = build(name, seed=3), published_input(name, 2)
    tensors = dict(net.named_parameters())
    with torch.device("meta"):
        empty = build(name)
    found = operations(empty, x.to("meta"))
    names_of = {id(tensor): key for key, tensor in empty.named_parameters()}
    wrong = []
    for layer, one in matched(record.layers, found):
        if one.weight is None:
            continue
        weight = tensors[names_of[id(one.weight)]]
        bias = None if one.bias is None else tensors[names_of[id(one.bias)]]
        filled = Operation(one.text, one.inputs, one.shape, weight, bias)
        if fault := check(layer, filled, usual):
            wrong.append(fault)
    assert wrong == []
