"""A worker that also runs networks of torchvision and timm, as their users do."""

import importlib.util
import re
from pathlib import Path

import torch

from canon.deploy import engines, worker


class PeerEngine:
    """A network of a peer in eager torch, with its default memory format.

    Args:
        path: library and name, such as torchvision:resnet18.
        threads: of torch.
        options: none.
    """

    def __init__(self, path, threads=None, options=None):  # noqa: ARG002
        library, name = str(path).split(":")
        torch.set_num_threads(threads)
        if library == "torchvision":
            build = _torchvision().models.get_model
            more = {"aux_logits": False} if name == "googlenet" else {}
        else:
            _torchvision()
            build, more = importlib.import_module("timm").create_model, {}
        self.net = build(name, **more).eval()
        self.outputs, self.metadata = ("output0",), {}

    def __call__(self, x):
        with torch.inference_mode():
            return {"output0": self.net(torch.from_numpy(x)).numpy()}


def _torchvision():
    """torchvision, with stubs where its compiled operators do not fit torch's build."""
    found = importlib.util.find_spec("torchvision")
    if found is None:
        raise ImportError("torchvision is not installed")
    if not hasattr(torch.ops.torchvision, "nms"):
        text = (Path(found.origin).parent / "_meta_registrations.py").read_text()
        names = set(re.findall(r'register_(?:meta|fake)\("(?:torchvision::)?(\w+)"', text))
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in names:
            library.define(f"{name}(Tensor x) -> Tensor")
        _KEPT.append(library)
    return importlib.import_module("torchvision")


_KEPT = []  # a library of operators ends with its object

if __name__ == "__main__":
    engines.ENGINES["peer"] = f"{__name__}:PeerEngine"
    worker.serve()
