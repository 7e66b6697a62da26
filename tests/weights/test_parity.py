"""Checkpoints of torchvision and timm load, and compute what those compute.

The recorded networks hold noise, so every key and every shape counts. The files lie outside the
project: the tests look for them in $CANON_PARITY, or in reference/parity beside $CANON_DATA.
"""

import importlib.util
import json
import os
from functools import cache
from pathlib import Path

import pytest
import torch

from canon.models import build
from canon.weights import Checkpoint, load

OURS = {
    "alexnet": "alexnet-tv", "googlenet": "googlenet-tv", "resnet50": "resnet50-tv",
    "resnet152": "resnet152-tv", "wide_resnet50_2": "wide-resnet50-2",
    "inception_v3": "inception-v3-tv", "legacy_xception": "xception",
    "resnetv2_50": "preact-resnet50-timm",
    "legacy_seresnet18": "se-resnet18-timm", "legacy_seresnet34": "se-resnet34-timm",
    "legacy_seresnet50": "se-resnet50", "legacy_seresnet152": "se-resnet152",
    "legacy_senet154": "senet154", "legacy_seresnext50_32x4d": "se-resnext50-32x4d",
}  # fmt: skip
NETWORKS = [*OURS, "vgg11", "vgg13", "vgg16", "vgg19", "vgg11_bn", "vgg16_bn", "vgg19_bn"]
NETWORKS += ["inception_v4", "inception_resnet_v2", "resnet18", "resnet34"]


@cache
def parity() -> Path | None:
    data = os.environ.get("CANON_DATA")
    beside = Path(data).parent / "reference" / "parity" if data else None
    folder = Path(os.environ["CANON_PARITY"]) if "CANON_PARITY" in os.environ else beside
    return folder if folder and (folder / "fill.py").is_file() else None


@cache
def golden() -> dict[str, dict]:
    files = ("torchvision.json", "timm.json")
    known = [one for file in files for one in json.loads((parity() / file).read_text())]
    return {one["model"]: one for one in known}


@cache
def fill():
    spec = importlib.util.spec_from_file_location("fill", parity() / "fill.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


needed = pytest.mark.skipif(parity() is None, reason="CANON_PARITY names no folder with fill.py")


@needed
def test_every_recorded_network_is_tried():
    assert sorted(golden()) == sorted(NETWORKS)


# Large ones: the others try each kind of key.
SLOW = {"vgg11", "vgg13", "vgg16", "vgg19", "vgg11_bn", "vgg16_bn", "vgg19_bn", "legacy_senet154",
        "legacy_seresnet152", "wide_resnet50_2"}  # fmt: skip


@needed
@pytest.mark.parametrize(
    "theirs",
    [pytest.param(one, marks=[pytest.mark.slow] if one in SLOW else []) for one in NETWORKS],
)
def test_foreign_weights_load_and_give_the_recorded_logits(theirs):
    known = golden()[theirs]
    shapes = {key: tuple(shape) for key, shape in known["keys"]}
    state = {key: torch.from_numpy(fill().values(key, shape)) for key, shape in shapes.items()}
    name = OURS.get(theirs, theirs.replace("_", "-"))
    with torch.device("meta"):
        net = build(name)
    net = net.to_empty(device="cpu").eval()
    loaded = load(net, name, Checkpoint(theirs, state))
    assert loaded.replaced == ()
    assert sum(p.numel() for p in net.parameters()) == known["params"]
    # The smaller of two inputs: cheaper, and its maps have even sides, where poolings differ.
    small = known.get("small", known)
    with torch.inference_mode():
        logits = net(torch.from_numpy(fill().image(tuple(small["input"]))))[0]
    assert int(logits.argmax()) == small["argmax"]
    wanted, norm = torch.tensor(small["logits"]), small["logits_norm"]
    torch.testing.assert_close(logits[:32], wanted, rtol=0, atol=1e-5 * norm)


@needed
@pytest.mark.parametrize(
    ("theirs", "ours", "meant"),
    [("resnet50", "resnet50", "resnet50-tv"), ("legacy_seresnet18", "se-resnet18",
      "se-resnet18-timm"), ("inception_v3", "inception-v3", "inception-v3-tv")],
)  # fmt: skip
def test_a_checkpoint_of_another_function_is_refused_though_its_keys_fit(theirs, ours, meant):
    from canon.errors import WeightsError

    state = {key: torch.zeros(shape) for key, shape in golden()[theirs]["keys"]}
    message = (
        f"weights '{theirs}' were trained for '{meant}', not '{ours}': the keys match, but the "
        f"architecture differs. Build '{meant}' instead."
    )
    with pytest.raises(WeightsError) as error:
        load(build(ours), ours, Checkpoint(theirs, state))
    assert str(error.value) == message
