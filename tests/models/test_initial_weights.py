"""How the weights of each network begin, against the record of its paper or its authors' code."""

import re
from math import prod, sqrt

import pytest
import torch

from canon.models import build, names
from tests.helpers.operations import Operation, operations
from tests.helpers.oracle import Layer, matched, records
from tests.models.networks import every_network, published_input

FORMS = ("-tv", "-timm")  # of other libraries; these names promise a function, not its start
OPEN = ("pretrained",)  # the paper starts from another network's weights

MANY = 3_000  # weights, whose spread is within 6 % of the true one, and the largest far from it
FEW = 100  # weights, below which a spread says nothing


def word(layer: Operation, letter: str) -> int:
    """The number behind a letter of an operation: groups or stride; 1 if it has none."""
    found = re.search(rf" {letter}(\d+)", layer.text)
    return int(found[1]) if found else 1


def spread(start: str, layer: Operation) -> tuple[float, str]:
    """The standard deviation of a start, and the shape of its distribution."""
    kind, _, number = start.partition(" ")
    c_out, c_in, *kernel = layer.weight.shape
    groups, stride = word(layer, "g"), word(layer, "s")
    fan_in, fan_out = c_in * prod(kernel), c_out * prod(kernel) // groups
    if layer.text.startswith("deconv"):  # (c_in, c_out, k, k); an output sums over (k/s)^2 places
        fan_in = c_out * prod(kernel) // stride**2
    if start == "glorot-uniform" and layer.text.startswith("deconv"):
        # In Lasagne and Keras: the fans of the convolution that it transposes.
        return sqrt(2 / ((c_in + c_out) * prod(kernel))), "uniform"
    known = {
        "normal": (float(number or 0), "normal"),
        "he": (sqrt(2 / fan_in), "normal"),
        "he-fan-out": (sqrt(2 / fan_out), "normal"),
        "uniform-third": (sqrt(1 / (3 * fan_in)), "uniform"),
        "glorot-uniform": (sqrt(2 / (fan_in + fan_out)), "uniform"),
    }
    return known[kind]


def check(layer: Layer, found: Operation, usual: str) -> str | None:
    """What is wrong with the start of a layer's weights and biases, or None."""
    start, weight = layer.start or usual, found.weight.detach().flatten()
    if found.bias is not None and not bool((found.bias == layer.bias).all()):
        return f"{found.text}: biases do not begin at {layer.bias}"
    if start == "zero":
        return f"{found.text}: does not begin at zero" if bool(weight.any()) else None
    if start in ("bilinear", *OPEN) or len(weight) < FEW:  # bilinear: test_upsample.py
        return None
    expected, shape = spread(start, found)
    std, within = float(weight.std()), max(0.06, 4 / sqrt(2 * len(weight)))
    if abs(std - expected) > within * expected:
        return f"{found.text}: std {std:.3g}, expected {expected:.3g} ({start})"
    if len(weight) < MANY:
        return None
    # A uniform distribution ends at sqrt(3) standard deviations; a normal one does not.
    uniform = float(weight.abs().max()) < 1.8 * expected
    return None if uniform == (shape == "uniform") else f"{found.text}: is not {shape}"


STARTED = [n for n in names() if n != "lenet5"]


@pytest.mark.parametrize("name", every_network(among=STARTED))
def test_weights_begin_as_the_record_says(name):
    record = records()[name]
    # Other libraries' forms, which are loaded, begin as the paper's network; this is a lock.
    paper = name.removesuffix("-tv").removesuffix("-timm") if name.endswith(FORMS) else name
    usual = records()[paper].facts["weights"]
    options = record.facts.get("options", {})
    net, x = build(name, seed=3, **options), published_input(name, 2)
    tensors = dict(net.named_parameters())
    with torch.device("meta"):
        empty = build(name, **options)
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
