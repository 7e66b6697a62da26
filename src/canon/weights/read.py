"""Read a checkpoint without executing code in it."""

import argparse
import pickle
import re
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from canon.errors import WeightsError, nearest
from canon.utils.download import RemoteFile, digest, fetch
from canon.utils.files import cache_dir, data_dir
from canon.weights.catalog import PUBLISHED, PublishedWeights, published_weights
from canon.weights.earlier import present_name

State = dict[str, Tensor]
RUN_WEIGHTS = "model.safetensors"
# Of training scripts and frameworks: averaged weights first, as they are what was evaluated.
WRAPPERS = (
    "state_dict_ema", "model_ema", "ema", "state_dict", "model", "model_state_dict", "model_state",
    "net", "weights", "params",
)  # fmt: skip
PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.", "backbone.", "ema_model.")
SCALARS = (
    Tensor,
    int,
    float,
    str,
    bool,
    type(None),
)  # what a state dict may hold in addition to tensors


@dataclass(frozen=True)
class Checkpoint:
    """The tensors of a file, and their origin.

    Args:
        source: its name or path, as passed.
        state: tensors by key.
        model: the registered network that the file names; None if it names none.
        published: its catalog entry, if it has one.
    """

    source: str
    state: State
    model: str | None = None
    published: PublishedWeights | None = None


def read(source: str | Path) -> Checkpoint:
    """Read weights from a file, or by a name of the catalog, which is downloaded once and verified.

    A file is read as safetensors or, with torch's `weights_only`, as a pickle of tensors.

    Raises:
        WeightsError: the file is missing, damaged, without a state dict, or not the published one.
        InputError: the catalog has no such name.
    """
    path = Path(source)
    if (path / RUN_WEIGHTS).is_file():
        path = path / RUN_WEIGHTS
    named = str(source) in PUBLISHED or nearest(str(source), PUBLISHED)
    if named and not path.exists():
        entry = published_weights(str(source))
        return Checkpoint(str(source), _tensors(_download(entry))[0], entry.model, entry)
    if not path.is_file():
        raise WeightsError(
            f"{path} is not a file; expected a .pth, .pt or .safetensors file, a run folder, or a "
            "name from `canon list weights`. Check the path."
        )
    by_file = {entry.file: entry for entry in PUBLISHED.values()}
    published = by_file.get(path.name)
    if published:
        _verify(path, published)
    state, model = _tensors(path)
    model = model or (published.model if published else None)
    return Checkpoint(str(source), state, model, published)


def _download(entry: PublishedWeights) -> Path:
    local = data_dir()
    for folder in (local / "weights", local) if local else ():
        if (folder / entry.file).is_file():
            _verify(folder / entry.file, entry)
            return folder / entry.file
    path = cache_dir("weights") / entry.file
    return fetch(entry.url, path, RemoteFile(entry.file, sha256=entry.sha256))


def _verify(path: Path, entry: PublishedWeights) -> None:
    found = digest(path, RemoteFile(entry.file, sha256=entry.sha256))
    if not found.startswith(entry.sha256):
        raise WeightsError(
            f"{path} is not the published file: its SHA-256 begins with {found[:8]}, expected "
            f"{entry.sha256}. Copy it again, or rename it if it is a different file."
        )


def _tensors(path: Path) -> tuple[State, str | None]:
    if path.suffix == ".safetensors":
        return _safetensors(path)
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals([argparse.Namespace]):
            warnings.simplefilter("ignore")  # unusual pickles are rejected below
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as reason:
        if "global" not in str(reason).lower():
            raise _damaged(path, reason) from None
        raise WeightsError(
            f"{path} contains more than tensors{_refused(reason)}; expected a state dict. "
            "Save one with torch.save(net.state_dict(), file) in the program that wrote the file."
        ) from None
    except (RuntimeError, EOFError, ValueError, LookupError, struct.error) as reason:
        raise _damaged(path, reason) from None
    return _state_dict(content, path), None


def _damaged(path: Path, reason: BaseException) -> WeightsError:
    return WeightsError(
        f"{path} is damaged, truncated, or not a torch checkpoint ({_first_line(reason)}); "
        "expected a complete file of weights. Copy it again, or pass another file."
    )


def _safetensors(path: Path) -> tuple[State, str | None]:
    try:
        with safe_open(path, framework="pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            model = _model(path, file.metadata() or {})
            return state if model else _without_prefixes(state), model
    except SafetensorError as reason:
        raise WeightsError(
            f"{path} is damaged: {reason}; expected a complete safetensors file. Copy it again."
        ) from None


def _model(path: Path, metadata: dict[str, str]) -> str | None:
    """The network of a file that Canon wrote."""
    model = metadata.get("model")
    if model is None or "format" in metadata:
        return model
    try:
        return present_name(model)
    except ValueError as reason:
        raise WeightsError(
            f"{path} cannot be used: {reason}; expected weights of the present network. Train it "
            "again."
        ) from None


def _state_dict(content: Any, path: Path) -> State:
    while isinstance(content, dict) and (inner := _wrapped(content)) is not None:
        content = inner
    if not isinstance(content, dict):
        raise _no_state_dict(path, f"a {type(content).__name__}")
    tensors = {str(key): value for key, value in content.items() if isinstance(value, Tensor)}
    others = [key for key, value in content.items() if not isinstance(value, SCALARS)]
    others = [key for key in others if str(key) not in tensors]
    if others or not tensors:
        raise _no_state_dict(path, f"a dict with {others[0]!r}" if others else "no tensors")
    return {
        key: value if value.layout is torch.strided else value.to_dense()
        for key, value in _without_prefixes(tensors).items()
    }


def _wrapped(content: dict[Any, Any]) -> dict[Any, Any] | None:
    """The state dict inside what a training script saves; averaged weights before others."""
    return next((content[name] for name in WRAPPERS if _holds_tensors(content.get(name))), None)


def _holds_tensors(content: Any) -> bool:
    if not isinstance(content, dict):
        return False
    return any(isinstance(one, Tensor) or _holds_tensors(one) for one in content.values())


def _without_prefixes(state: State) -> State:
    """The tensors without the names of wrappers that all of them begin with."""
    while shared := next((p for p in PREFIXES if all(key.startswith(p) for key in state)), None):
        state = {key.removeprefix(shared): tensor for key, tensor in state.items()}
    return state


def _no_state_dict(path: Path, found: str) -> WeightsError:
    return WeightsError(
        f"{path} contains {found}; expected a state dict, tensors by key. Save one with "
        "torch.save(net.state_dict(), file)."
    )


def _refused(reason: BaseException) -> str:
    """The object that torch refuses to read, as it may run code."""
    found = re.search(r"GLOBAL (\S+)", str(reason))
    return f", a {found[1]}" if found else ""


def _first_line(reason: BaseException) -> str:
    return (str(reason).strip() or type(reason).__name__).splitlines()[0].split(". ")[0][:120]
