"""Reading a checkpoint without running what is in it."""

import pickle
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

State = dict[str, Tensor]
INSIDE_A_RUN = "model.safetensors"
INSIDE = ("state_dict", "model", "model_state_dict", "model_state", "net")  # of training scripts


@dataclass(frozen=True)
class Checkpoint:
    """The tensors of a file, and what is known of it.

    Args:
        source: the name or path it was asked for by.
        state: tensors by key.
        model: the registered network that it says it was trained as, if it says.
        record: of published weights, if it is one of those.
    """

    source: str
    state: State
    model: str | None = None
    record: PublishedWeights | None = None


def read(source: str | Path) -> Checkpoint:
    """Weights by file or by the name of a record, which is fetched once and verified.

    A file is read as safetensors or, with torch's `weights_only`, as a pickle of tensors.

    Raises:
        WeightsError: no such file, a damaged one, one without a state dict, or not the published
            one.
        InputError: no record has that name.
    """
    path = Path(source)
    if (path / INSIDE_A_RUN).is_file():
        path = path / INSIDE_A_RUN
    named = str(source) in PUBLISHED or nearest(str(source), PUBLISHED)
    if named and not path.exists():
        known = published_weights(str(source))
        return Checkpoint(str(source), _tensors(_fetched(known))[0], known.model, known)
    if not path.is_file():
        raise WeightsError(
            f"{path} is not a file; expected a .pth, .pt or .safetensors file, a run folder, or a "
            "name from `canon list weights`. Check the path."
        )
    by_file = {known.file: known for known in PUBLISHED.values()}
    published = by_file.get(path.name)
    if published:
        _verified(path, published)
    state, model = _tensors(path)
    trained = model or (published.model if published else None)
    return Checkpoint(str(source), state, trained, published)


def _fetched(known: PublishedWeights) -> Path:
    given = data_dir()
    for folder in (given / "weights", given) if given else ():
        if (folder / known.file).is_file():
            _verified(folder / known.file, known)
            return folder / known.file
    path = cache_dir("weights") / known.file
    return fetch(known.url, path, RemoteFile(known.file, sha256=known.sha256))


def _verified(path: Path, known: PublishedWeights) -> None:
    found = digest(path, RemoteFile(known.file, sha256=known.sha256))
    if not found.startswith(known.sha256):
        raise WeightsError(
            f"{path} is not the published file: its SHA-256 begins with {found[:8]}, expected "
            f"{known.sha256}. Copy it again, or rename it if it is another."
        )


def _tensors(path: Path) -> tuple[State, str | None]:
    if path.suffix == ".safetensors":
        return _safetensors(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of unusual pickles, which are refused below
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as reason:
        if "global" not in str(reason).lower():
            raise _damaged(path, reason) from None
        raise WeightsError(
            f"{path} holds more than tensors ({_first_line(reason)}); expected a state dict. Save "
            "one with torch.save(net.state_dict(), file) where the file was made."
        ) from None
    except (RuntimeError, EOFError, ValueError, LookupError, struct.error) as reason:
        raise _damaged(path, reason) from None
    return _state_dict(content, path), None


def _damaged(path: Path, reason: BaseException) -> WeightsError:
    return WeightsError(
        f"{path} is damaged, cut off, or no checkpoint of torch ({_first_line(reason)}); expected "
        "a whole file of weights. Copy it again, or name another."
    )


def _safetensors(path: Path) -> tuple[State, str | None]:
    try:
        with safe_open(path, framework="pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return state, (file.metadata() or {}).get("model")
    except SafetensorError as reason:
        raise WeightsError(
            f"{path} is damaged: {reason}; expected a whole safetensors file. Copy it again."
        ) from None


def _state_dict(content: Any, path: Path) -> State:
    for name in INSIDE:
        if isinstance(content, dict) and isinstance(content.get(name), dict):
            content = content[name]
    if not isinstance(content, dict):
        raise _no_state_dict(path, f"a {type(content).__name__}")
    others = [key for key, value in content.items() if not isinstance(value, Tensor)]
    if others or not content:
        raise _no_state_dict(path, f"a dict with {others[0]!r} in it" if others else "nothing")
    return {
        str(key).removeprefix("module."): value
        if value.layout is torch.strided
        else value.to_dense()
        for key, value in content.items()
    }


def _no_state_dict(path: Path, found: str) -> WeightsError:
    return WeightsError(
        f"{path} holds {found}; expected a state dict, tensors by name. Save one with "
        "torch.save(net.state_dict(), file)."
    )


def _first_line(reason: BaseException) -> str:
    return (str(reason).strip() or type(reason).__name__).splitlines()[0].split(". ")[0][:120]
