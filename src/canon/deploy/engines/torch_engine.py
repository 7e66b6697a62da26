"""Programs of torch.export, run by torch."""

import json
import zipfile
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn

from canon.deploy.program import quiet
from canon.errors import DataError

METADATA = "canon.json"  # in the archive
CONFIGS = ("model_weights_config.json", "model_constants_config.json")


class TorchEngine:
    """A program that torch runs.

    Args:
        path: of the file.
        threads: None leaves torch's own number.
        options: `layout`, a memory format of torch; `compile`, whether to compile the program.
    """

    def __init__(
        self, path: Path, threads: int | None = None, options: dict[str, Any] | None = None
    ) -> None:
        settings: dict[str, Any] = {"layout": "channels_last", "compile": False} | (options or {})
        if threads is not None:
            torch.set_num_threads(threads)
        _require_no_code(path)
        extra = {METADATA: ""}
        with quiet(), path.open("rb") as file:
            module = torch.export.load(file, extra_files=extra).module(check_guards=False)
        self.metadata: dict[str, str] = json.loads(extra[METADATA] or "{}")
        self.outputs = tuple(json.loads(self.metadata.get("outputs", "[]")))
        self.layout: torch.memory_format = getattr(torch, settings["layout"])
        self.module: nn.Module = module.to(memory_format=self.layout)  # type: ignore[call-overload]
        if settings["compile"]:
            self.module = torch.compile(self.module, options={"freezing": True})  # type: ignore[assignment]

    def __call__(self, x: NDArray[Any]) -> dict[str, NDArray[Any]]:
        given = torch.from_numpy(x)
        if given.dim() == 4 and given.is_floating_point():
            given = given.contiguous(memory_format=self.layout)
        with torch.no_grad():
            found = self.module(given)
        return dict(zip(self.outputs, (y.numpy() for y in found), strict=True))


def _require_no_code(path: Path) -> None:
    """Refuse an archive with pickled objects: torch would run the code in them.

    Raises:
        DataError: there are pickled objects, or it is no archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.namelist()
            configs = [json.loads(archive.read(n)) for n in entries if n.endswith(CONFIGS)]
    except (zipfile.BadZipFile, OSError, ValueError) as reason:
        raise DataError(
            f"{path} cannot be read: {reason}; expected a file that `canon export --format torch` "
            "wrote. Export it again."
        ) from None
    tensors = [entry for config in configs for entry in config.get("config", {}).values()]
    objects = any("custom_obj" in name for name in entries)
    if objects or any(entry.get("use_pickle") for entry in tensors):
        raise DataError(
            f"{path} holds pickled objects, which could run code; expected tensors only. Use a "
            "file that `canon export` wrote."
        )
