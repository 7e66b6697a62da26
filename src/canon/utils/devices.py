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
    """Create an Accelerator for a device and a precision.

    Args:
        device: `auto` (the best available), `cpu`, `cuda`, `cuda:1` or `mps`.
        precision: `fp32`, `bf16` or `fp16`.

    Raises:
        InputError: the device or precision is unknown or not available.
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
            f"device {device!r} is not available; expected a device of this machine. Pass --device "
            "auto."
        )
    on_cpu = kind == "cpu" or not (present["cuda"] or present["mps"])
    if precision == "fp16" and on_cpu:
        raise InputError(
            "precision fp16 needs a GPU; expected fp32 or bf16. Pass --precision bf16."
        )
    if index:
        torch.cuda.set_device(int(index))
    # Private, as of accelerate 1.12: without it the first precision of a process is final.
    AcceleratorState._reset_state(reset_partial_state=_single())
    return Accelerator(cpu=on_cpu, mixed_precision=PRECISIONS[precision])


def to_device(net: nn.Module, device: torch.device) -> nn.Module:
    """The network on a device, in the memory format that is fastest for convolutions."""
    return net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def leave_group() -> None:
    """Leave the process group, if there is one, when all its processes are ready to.

    A process that exits as a member of a group may abort in the threads of the group, and the
    launcher would stop the first process while it writes the report.
    """
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


def _single() -> bool:
    """Whether this process has no launcher; the state of a process group must not be reset."""
    return "WORLD_SIZE" not in os.environ


def hardware() -> dict[str, str | int]:
    """Processor, cores and GPUs, for the record of a run."""
    machine: dict[str, str | int] = {"cpu": _cpu(), "cores": os.cpu_count() or 1}
    if torch.cuda.is_available():
        machine["gpu"] = torch.cuda.get_device_name()
        machine["gpus"] = torch.cuda.device_count()
    return machine


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
