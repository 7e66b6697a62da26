"""Devices and precision."""

import os
import platform
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import nn

from canon.errors import InputError

PRECISIONS = {"fp32": "no", "bf16": "bf16", "fp16": "fp16"}


def make_accelerator(device: str = "auto", precision: str = "fp32") -> Accelerator:
    """Accelerate's handle on the devices.

    Args:
        device: `auto` takes the best there is; `cpu`, `cuda`, `cuda:1` or `mps` ask for one.
        precision: `fp32`, `bf16` or `fp16`.

    Raises:
        InputError: an unknown device or precision, or one that this machine does not have.
    """
    kind, _, index = device.partition(":")
    present = {"auto": True, "cpu": True, "cuda": torch.cuda.is_available(),
               "mps": torch.backends.mps.is_available()}  # fmt: skip
    if kind not in present or precision not in PRECISIONS:
        raise InputError(
            f"device {device!r} with precision {precision!r} is unknown; expected auto, cpu, cuda "
            "or mps, and fp32, bf16 or fp16. Pass --device cpu."
        )
    if not present[kind] or (index and index not in map(str, range(torch.cuda.device_count()))):
        raise InputError(
            f"device {device!r} is not on this machine; expected one that is. Pass --device auto."
        )
    on_cpu = kind == "cpu" or not (present["cuda"] or present["mps"])
    if precision == "fp16" and on_cpu:
        raise InputError("fp16 needs a GPU; expected fp32 or bf16 here. Pass --precision bf16.")
    if index:
        torch.cuda.set_device(int(index))
    AcceleratorState._reset_state(reset_partial_state=_single())
    return Accelerator(cpu=kind == "cpu", mixed_precision=PRECISIONS[precision])


def to_device(net: nn.Module, device: torch.device) -> nn.Module:
    """The network on a device, its weights in the order of memory that convolutions like."""
    return net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def leave_group() -> None:
    """Leave the group of processes that a launcher made, if there is one.

    A process that exits while it is in one may abort in the group's threads.
    """
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _single() -> bool:
    """Whether no launcher made this process; a process group must not be forgotten."""
    return "WORLD_SIZE" not in os.environ


def hardware() -> dict[str, str | int]:
    """The machine, for the record of a run."""
    found: dict[str, str | int] = {"cpu": _cpu(), "cores": os.cpu_count() or 1}
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
        found["gpus"] = torch.cuda.device_count()
    return found


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
