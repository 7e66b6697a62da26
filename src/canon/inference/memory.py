"""Check that a tile fits into memory before anything is allocated."""

import copy
from bisect import bisect_left
from collections.abc import Callable
from typing import Any
from weakref import finalize

import torch
from torch import Tensor, nn

# Private, as of torch 2.11: no public API sees every tensor that a forward pass allocates.
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from canon.errors import InputError
from canon.inference.tiles import Tiling
from canon.layers.stages import eval_mode
from canon.utils.memory import free_memory

GIB = 2**30
OVERHEAD = 1.25  # convolutions on a CPU allocate up to a quarter more as workspace


class _LiveBytes(TorchDispatchMode):
    """Bytes of the live tensors that were created under the mode: now, and at the peak."""

    def __init__(self, exclude: list[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = 0
        self.counted = {id(tensor.untyped_storage()) for tensor in exclude}

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        outputs = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(outputs):
            if isinstance(tensor, Tensor):
                self.count(tensor)
        return outputs

    def count(self, tensor: Tensor) -> None:
        """Count a tensor's storage until it is freed; views share it and add nothing."""
        storage = tensor.untyped_storage()  # one object for as long as the memory is held
        if id(storage) not in self.counted:
            self.counted.add(id(storage))
            self.now += storage.nbytes()
            self.peak = max(self.peak, self.now)
            finalize(storage, self._freed, id(storage), storage.nbytes()).atexit = False

    def _freed(self, identity: int, size: int) -> None:
        self.counted.discard(identity)
        self.now -= size


def peak_bytes(net: nn.Module, shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> int:
    """Peak bytes of live tensors in a forward pass in inference, input included.

    Measured on the meta device, so nothing is allocated. Weights and the workspace of convolutions
    are not counted.

    Args:
        net: any module; it is left unchanged.
        shape: of the input, (N, C, H, W).
        dtype: of the input and of the weights.

    Raises:
        RuntimeError: the network does not accept that shape.
    """
    meta = _on_meta(net, dtype)
    weights = [*meta.parameters(), *meta.buffers()]
    with eval_mode(meta), _LiveBytes(weights) as live:
        meta(torch.empty(shape, dtype=dtype, device="meta"))
    return live.peak


def _on_meta(net: nn.Module, dtype: torch.dtype) -> nn.Module:
    """A copy on the meta device; tensors are replaced before they are copied."""
    tensors = [*net.parameters(), *net.buffers()]
    memo = {id(tensor): _meta_tensor(tensor, dtype) for tensor in tensors}
    return copy.deepcopy(net, memo)


def _meta_tensor(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    kind = dtype if tensor.is_floating_point() else tensor.dtype
    empty = torch.empty_like(tensor, device="meta", dtype=kind)
    return nn.Parameter(empty, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else empty


def available_bytes(device: torch.device | None = None) -> int:
    """Bytes that can be allocated on a device without swapping; None is main memory."""
    if device is not None and device.type == "cuda":
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + cached  # torch reuses what it has cached
    return free_memory()


def require_memory(
    net: nn.Module,
    tiling: Tiling,
    channels: int,
    batch: int = 1,
    *,
    available: int | None = None,
) -> int:
    """Bytes that a batch of tiles needs, if they are available on the network's device.

    Args:
        net: the network.
        tiling: the tiles.
        channels: of its input.
        batch: tiles per batch.
        available: bytes; None measures them.

    Raises:
        InputError: the batch does not fit; the message names the largest tile that does.
    """
    weight = next(net.parameters(), torch.empty(0))
    room = available_bytes(weight.device) if available is None else available

    def needed(tile: int) -> int:
        side = tile + 2 * tiling.margin
        return round(OVERHEAD * peak_bytes(net, (batch, channels, side, side), weight.dtype))

    bytes_needed = needed(tiling.tile)
    if bytes_needed <= room:
        return bytes_needed
    largest = _largest(needed, tiling.tile, tiling.stride, room)
    advice = (
        f"The largest tile that fits is {largest}: pass --tile {largest}."
        if largest
        else "No tile fits: pass --batch 1 or free memory."
    )
    raise InputError(
        f"{batch} tiles of {tiling.tile} pixels need {bytes_needed / GIB:.2f} GiB; expected at "
        f"most the {room / GIB:.2f} GiB that are free. {advice}"
    )


def _largest(needed: Callable[[int], int], tile: int, stride: int, room: int) -> int:
    """The largest side, whole strides below `tile`, that needs at most `room`; 0 if none."""
    sides = range(tile - stride, 0, -stride)

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
