"""Every registered network as a folded ONNX graph that ONNX Runtime runs as torch does."""

import pytest
import torch
from torch import nn

from canon.deploy.engines.onnx_engine import OnnxEngine
from canon.deploy.formats import onnx_file
from canon.deploy.network import EMBEDDING, LogitsNetwork
from canon.deploy.program import export_program
from canon.layers.clusters import code_of
from canon.models import model_info
from tests.models.networks import (
    THOUSANDS,
    every_network,
    images,
    small,
    without_zero_weights,
)

QUICK = {"lenet5"}
TOLERANCE = 5e-4  # of the largest output: a hundred layers add up their rounding
# Maxima of untrained maps are close to each other: rounding moves a few places of unpooling.
UNPOOLS = {"segnet", "segnet-basic", "segnet-pooled", "deconvnet"}


def with_statistics(net: nn.Module, gates: bool) -> nn.Module:
    """Normalisations as after training: an untrained one folds into almost nothing.

    Args:
        net: the network.
        gates: whether it has sigmoid gates, which large activations would saturate.
    """
    source = torch.Generator().manual_seed(1)
    scale = (0.05, 0.2) if gates else (0.5, 1.5)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor, low, high in (
                (module.running_mean, -0.2, 0.2), (module.running_var, 0.5, 1.5),
                (module.weight.data, *scale), (module.bias.data, -0.2, 0.2),
            ):  # fmt: skip
                tensor.uniform_(low, high, generator=source)
    return net.eval()


@pytest.mark.parametrize("name", every_network(QUICK))
@torch.no_grad()
def test_a_folded_network_computes_the_same_in_onnx_runtime(name, tmp_path):
    pytest.importorskip("onnxruntime")
    if name in THOUSANDS:
        pytest.skip("exporting thousands of layers takes minutes")
    task, channels = model_info(name).task, model_info(name).published.channels
    x = torch.rand(3, channels) if task == "generate" else images(name, 3)
    net = with_statistics(without_zero_weights(small(name)), gates=name.startswith("se"))
    bare = LogitsNetwork(net, task).eval()
    sizes = (2, 3) if task == "segment" and name != "deconvnet" else ()
    program = export_program(bare, x[:2], bare.outputs, name="images", sizes=sizes)
    onnx_file.write(program, tmp_path / "net.onnx", {})
    engine = OnnxEngine(tmp_path / "net.onnx", 1)
    assert program.varying == sizes
    nodes = [str(node.target) for node in program.exported.graph.nodes]
    assert not any("dropout" in node for node in nodes)
    inputs = [x]
    if sizes:  # of another height and width
        inputs.append(torch.cat([x, x.flip(3)], 3)[:1] if name != "unet" else images(name, 1))
    for given in inputs:
        found, expected = engine(given.numpy()), net(given)
        difference = (torch.from_numpy(found[bare.outputs[0]]) - expected).abs()
        scale = expected.abs().max()
        share = 0.98 if name in UNPOOLS else 1.0
        close = (difference <= TOLERANCE * scale).float().mean()
        assert close >= share, float(difference.max() / scale)
        if EMBEDDING in bare.outputs:
            code = code_of(net)(given)
            off = (torch.from_numpy(found[EMBEDDING]) - code).abs().max()
            assert off <= TOLERANCE * code.abs().max()
