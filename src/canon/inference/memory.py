"""Check that a tile fits into memory before anything is allocated."""

import copy
from bisect import bisect_left
from collections.abc import Callable
from typing import Any
from weakref import finalize

import psutil
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from canon.errors import InputError
from canon.inference.tiles import Tiling
from canon.layers.stages import eval_mode

GIB = 2**30
OVERHEAD = 1.25  # what convolutions allocate for themselves on a CPU makes up to a quarter more


class _Live(TorchDispatchMode):
    """The bytes of tensors that are alive at a time, of those that come up in the mode."""

    def __init__(self, held: list[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = 0
        self.known = {id(tensor.untyped_storage()) for tensor in held}

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor):
                self.see(tensor)
        return made

    def see(self, tensor: Tensor) -> None:
        """Count a tensor's memory until it is freed; views of it are free."""
        storage = tensor.untyped_storage()  # one object for as long as the memory is held
        if id(storage) not in self.known:
            self.known.add(id(storage))
            self.now += storage.nbytes()
            self.peak = max(self.peak, self.now)
            finalize(storage, self._freed, id(storage), storage.nbytes()).atexit = False

    def _freed(self, mark: int, size: int) -> None:
        self.known.discard(mark)
        self.now -= size


def peak_bytes(net: nn.Module, shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> int:
    """The most bytes of tensors alive at once in a forward pass in inference, input included.

    Measured on the meta device, so without that memory. Not counted are the weights, and what a
    convolution allocates for itself meanwhile.

    Args:
        net: any module; it is left as it is.
        shape: of the input, (N, C, H, W).
        dtype: of the input and of the weights.

    Raises:
        RuntimeError: the network does not take that shape.
    """
    nowhere = _on_meta(net, dtype)
    weights = [*nowhere.parameters(), *nowhere.buffers()]
    with eval_mode(nowhere), _Live(weights) as live:
        nowhere(torch.empty(shape, dtype=dtype, device="meta"))
    return live.peak


def _on_meta(net: nn.Module, dtype: torch.dtype) -> nn.Module:
    """A copy without memory; the tensors are replaced before they are copied."""
    held = [*net.parameters(), *net.buffers()]
    memo = {id(tensor): _meta_tensor(tensor, dtype) for tensor in held}
    return copy.deepcopy(net, memo)


def _meta_tensor(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    kind = dtype if tensor.is_floating_point() else tensor.dtype
    empty = torch.empty_like(tensor, device="meta", dtype=kind)
    return nn.Parameter(empty, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else empty


def available_bytes(device: torch.device | None = None) -> int:
    """Bytes that can be allocated on a device without swapping; None is the main memory."""
    if device is not None and device.type == "cuda":
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + kept  # torch's own, free to be used again
    return int(psutil.virtual_memory().available)


def require_memory(
    net: nn.Module,
    tiling: Tiling,
    channels: int,
    batch: int = 1,
    *,
    available: int | None = None,
) -> int:
    """The bytes that a batch of tiles needs, if that many are available where the network is.

    Args:
        net: the network.
        tiling: the tiles.
        channels: of its input.
        batch: tiles at once.
        available: bytes; None asks the device.

    Raises:
        InputError: they do not fit; the message names the largest tile that does, whole steps of
            the tiling smaller.
    """
    first = next(net.parameters(), torch.empty(0))
    room = available_bytes(first.device) if available is None else available

    def needed(inner: int) -> int:
        side = inner + 2 * tiling.margin
        return round(OVERHEAD * peak_bytes(net, (batch, channels, side, side), first.dtype))

    bytes_needed = needed(tiling.inner)
    if bytes_needed <= room:
        return bytes_needed
    largest = _largest(needed, tiling.inner, tiling.step, room)
    advice = (
        f"The largest that fits is {largest}: pass --tile {largest}."
        if largest
        else "None fits: pass --batch 1 or free memory."
    )
    raise InputError(
        f"{batch} tiles of {tiling.inner} pixels need {bytes_needed / GIB:.2f} GiB; expected at "
        f"most the {room / GIB:.2f} GiB that are free. {advice}"
    )


def _largest(needed: Callable[[int], int], inner: int, step: int, room: int) -> int:
    """The largest side, whole steps below `inner`, that needs no more than `room`; 0 if none."""
    sides = range(inner - step, 0, -step)

    def enough(side: int) -> bool:
        try:
            return needed(side) <= room
        except (RuntimeError, ValueError):  # too small for the network
            return True

    found = bisect_left(sides, True, key=enough)
    if found == len(sides):
        return 0
    try:
        needed(sides[found])
    except (RuntimeError, ValueError):
        return 0
    return sides[found]
