"""OpenVINO takes images of every size that the network takes, in either layout."""

import pytest
import torch

from canon.data.preprocessing import Preprocessing
from canon.deploy.engines import open_engine
from canon.deploy.formats import openvino_file
from canon.deploy.network import DeployedNetwork, LogitsNetwork
from canon.deploy.program import export_program
from canon.models import build


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["images", "pixels"])
@torch.no_grad()
def test_height_and_width_may_vary(layout, tmp_path):
    pytest.importorskip("openvino")
    net = build("unet-same", width=2, depth=2, image=32, channels=3, seed=1).eval()
    if layout == "images":
        whole, sizes = LogitsNetwork(net, "segment").eval(), (2, 3)
        first, other = torch.randn(2, 3, 32, 32), torch.randn(1, 3, 16, 48)
    else:
        whole, sizes = DeployedNetwork(net, Preprocessing(32, 3), "segment").eval(), (1, 2)
        shapes = (2, 32, 32, 3), (1, 16, 48, 3)
        first, other = (torch.randint(0, 256, shape).to(torch.uint8) for shape in shapes)
    program = export_program(whole, first, whole.outputs, name=layout, sizes=sizes)
    openvino_file.write(program, tmp_path / "net.openvino", {})
    found = open_engine("openvino", tmp_path / "net.openvino")(other.numpy())
    for name, expected in zip(whole.outputs, whole(other), strict=True):
        assert found[name].shape == tuple(expected.shape)
        if expected.is_floating_point():
            torch.testing.assert_close(
                torch.from_numpy(found[name]), expected, rtol=1e-4, atol=1e-4
            )
