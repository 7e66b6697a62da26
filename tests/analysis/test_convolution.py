"""`canon.analysis.convolution` against torch, its counter of operations, and the course."""

import xml.etree.ElementTree as ET
from itertools import product

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from canon.analysis.convolution import Window
from canon.analysis.window_drawing import drawing
from canon.analysis.worked_example import KERNELS, convolved, in_words, kernel_of
from canon.errors import InputError

SVG = "{http://www.w3.org/2000/svg}"


def counted(net, *shape):
    """Output shape, parameters and multiply-accumulates of a module, by torch."""
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        y = net(torch.zeros(1, *shape))
    return (
        tuple(y.shape[1:]),
        sum(p.numel() for p in net.parameters()),
        counter.get_total_flops() // 2,
    )


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation", "groups"),
    [*product((1, 3, 4), (1, 2, 3), (0, 1), (1,), (1, 2)), (3, 2, 2, 3, 1), (5, 1, 2, 1, 6)],
)
def test_sizes_and_costs_are_those_of_torch(kernel, stride, padding, dilation, groups):
    window = Window((17, 14), 6, kernel, 12, stride, padding, dilation, groups)
    net = nn.Conv2d(6, 12, kernel, stride, padding, dilation, groups)
    shape, params, macs = counted(net, 6, 17, 14)
    assert window.output == (*shape[1:], shape[0])
    assert (window.form.params, window.form.macs) == (params, macs)
    pool = Window((17, 14), 6, kernel, 12, stride, min(padding, kernel // 2), kind="pooling")
    shape, _, _ = counted(nn.MaxPool2d(kernel, stride, min(padding, kernel // 2)), 6, 17, 14)
    assert pool.output == (*shape[1:], 6)
    if dilation == 1:
        up = Window((7, 5), 6, kernel, 12, stride, min(padding, kernel - 1), groups=groups,
                    kind="transposed")  # fmt: skip
        net = nn.ConvTranspose2d(6, 12, kernel, stride, min(padding, kernel - 1), groups=groups)
        shape, params, macs = counted(net, 6, 7, 5)
        assert up.output == (*shape[1:], shape[0])
        assert (up.form.params, up.form.macs) == (params, macs)


def test_other_forms_are_those_of_torch():
    window = Window((28, 28), 192, 5, 32, padding="same")
    forms = {form.name: form for form in window.other_forms(reduce=16, groups=2)}
    nets = {
        "1 x 1 to 16 channels, then 5 x 5": nn.Sequential(
            nn.Conv2d(192, 16, 1), nn.Conv2d(16, 32, 5, padding=2)
        ),
        "depthwise separable": nn.Sequential(
            nn.Conv2d(192, 192, 5, padding=2, groups=192), nn.Conv2d(192, 32, 1)
        ),
        "convolution in 2 groups": nn.Conv2d(192, 32, 5, padding=2, groups=2),
    }
    assert forms.keys() == nets.keys()
    for name, net in nets.items():
        shape, params, macs = counted(net, 192, 28, 28)
        assert (forms[name].params, forms[name].macs) == (params, macs)
        assert shape == (32, 28, 28)


def test_the_numbers_of_the_course():
    """12 x 12 x 3, 256 filters of 5 x 5: 1,228,800 against 4,800 + 49,152 multiplications."""
    window = Window((12, 12), 3, 5, 256)
    separable = next(f for f in window.other_forms() if f.name == "depthwise separable")
    assert (window.form.macs, separable.macs) == (1_228_800, 4_800 + 49_152)
    assert Window((32, 32), 3, 5, 5, 3).output == (10, 10, 5)
    assert Window((3, 3), 1, 3, kind="transposed").output == (5, 5, 1)
    assert Window((227, 227), 3, 11, 96, 4).output == (55, 55, 96)  # AlexNet


def test_an_illegal_fraction_has_legal_neighbours():
    window = Window((7, 7), 1, 3, stride=3)
    assert not window.legal
    assert window.formula(7) == "(7 - 3 + 2 x 0)/3 + 1 = 2.33"
    assert window.output == (2, 2, 1)
    assert window.legal_strides() == [1, 2]
    assert window.legal_paddings() == [1]
    assert window.legal_sizes() == [6, 9]
    assert window.unseen() == (1, 1)
    for padding in window.legal_paddings():
        assert Window((7, 7), 1, 3, stride=3, padding=padding).legal
    for side in window.legal_sizes():
        assert Window((side, side), 1, 3, stride=3).legal


def test_the_drawing_shows_every_window_and_what_is_never_seen():
    root = ET.fromstring(drawing(Window((10, 10), 1, 3, stride=3, padding=0)))
    kinds = [box.get("class") for box in root.iter(f"{SVG}rect")]
    assert [kinds.count(k) for k in ("pixel", "unseen", "padding", "window")] == [9, 1, 0, 9]
    root = ET.fromstring(drawing(Window((9, 9), 1, 3, stride=2, padding=1)))
    kinds = [box.get("class") for box in root.iter(f"{SVG}rect")]
    assert [kinds.count(k) for k in ("pixel", "padding", "window", "empty")] == [9, 2, 13, 2]
    large = ET.fromstring(drawing(Window((224, 224), 3, 7, stride=2, padding=3)))
    width = float(large.get("width"))
    assert all(float(b.get("x")) + float(b.get("width")) <= width for b in large.iter(f"{SVG}rect"))
    assert any("not drawn" in text.text for text in large.iter(f"{SVG}text"))


@pytest.mark.parametrize("name", KERNELS)
def test_worked_examples_are_correlations(name):
    image = np.random.default_rng(0).integers(0, 9, (7, 6)).astype(float)
    kernel = kernel_of(name)
    whole = correlate2d(np.pad(image, 1), kernel, mode="valid")
    np.testing.assert_allclose(convolved(image, kernel, 2, 1), whole[::2, ::2])
    assert in_words(image, kernel, (1, 2), 2, 1).endswith(f" = {whole[2, 4]:.4g}")


def test_one_by_one_doubles():
    assert convolved(np.array([[1.0, 2], [3, 4]]), kernel_of("2")).tolist() == [[2, 4], [6, 8]]
    assert in_words(np.array([[1.0, 2]]), kernel_of("2"), (0, 1)) == "2 x 2 = 4"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"kernel": 0}, "--filter is 0; expected 1 or more"),
        ({"padding": -1}, "--padding is -1; expected 0 or more"),
        ({"groups": 4}, "--groups is 4, which does not divide the 3 channels of the input"),
        ({"kernel": 9}, "does not fit 8 pixels"),
        ({"kernel": 4, "padding": "same"}, "has no middle"),
        ({"kind": "transposed", "dilation": 2}, "--dilation is for convolution and pooling"),
        ({"kind": "transposed", "kernel": 1, "padding": 9}, "the output would have -10 pixels"),
    ],
)
def test_mistakes(arguments, text):
    with pytest.raises(InputError, match=text):
        _ = Window(**{"size": (8, 8), "channels": 3, "kernel": 3} | arguments).output
