"""The choice among measured engines of full and low precision."""

import numpy as np
import pytest
import torch
from torch import nn

from canon.deploy.choose import Chooser
from canon.deploy.program import export_program
from canon.deploy.quantize import Loss, LowPrecision
from canon.deploy.worker import EngineError
from canon.workflows.optimize import AsTuple


@pytest.fixture
def chooser(tmp_path):
    """Of a small network, with engines of low precision whose loss is known."""
    net, x = AsTuple(nn.Conv2d(1, 2, 3)).eval(), torch.randn(2, 1, 5, 5)
    program = export_program(net, x, ("output0",), name="images")
    losses = {"onnx": Loss(0.02, (0.01, 0.03)), "openvino": Loss(0.001)}
    low = LowPrecision([], lambda spec: losses[spec.engine], 0.005)
    with torch.no_grad():
        return Chooser(program, program, net(x), tmp_path, low=low)


def measured(chooser, **seconds):
    entrants = {one.name: one for one in chooser._entrants("latency")}
    for name, value in seconds.items():
        entrants[name].runs, entrants[name].fault = [value], None  # as if installed
    return entrants


def test_an_engine_that_loses_too_much_is_not_chosen_although_it_is_the_fastest(chooser):
    entrants = measured(chooser, **{"ONNX Runtime, int8": 1.0, "OpenVINO, int8": 2.0, "torch": 3.0})
    ranked = chooser._ranked([*entrants.values()], "latency")
    assert [one.name for one in ranked] == ["ONNX Runtime, int8", "OpenVINO, int8", "torch"]
    assert chooser._acceptable(ranked, []).name == "OpenVINO, int8"
    result = chooser._result(entrants["ONNX Runtime, int8"])
    assert (result.lost, result.interval) == (0.02, (0.01, 0.03))
    assert chooser._result(entrants["torch"]).lost is None


def test_outputs_that_differ_from_those_of_torch_are_refused(chooser):
    class Worker:
        def __init__(self, change):
            self.change = change

        def run(self, x, y):
            found = chooser.reference[0].copy()
            found[0, 0, 0, 0] += self.change
            found[1, 1] += self.change
            np.savez(y, output0=found)

    entrant = chooser._entrants("latency")[0]
    entrant.input = chooser._input(2)
    chooser._check(entrant, Worker(0.0))
    with pytest.raises(EngineError, match=r"wrong: .* of the outputs differ from torch's"):
        chooser._check(entrant, Worker(1.0))
