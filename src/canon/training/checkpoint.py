"""Training state on disk: saved so that a kill at any moment loses nothing."""

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from accelerate import Accelerator


@dataclass
class TrainPosition:
    """How far a run has come.

    Args:
        epoch: finished epochs.
        batch: finished batches of the epoch under way.
        step: finished steps of the optimiser.
        loss_sum: of the samples of the epoch under way, nats.
        seen: samples of the epoch under way.
        seconds: of training in the epoch under way.
        best: the best monitored (top-1, minus loss) so far.
        best_epoch: when it was reached.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    seen: int = 0
    seconds: float = 0.0
    best: tuple[float, float] = (-1.0, 0.0)
    best_epoch: int = 0

    def state_dict(self) -> dict[str, Any]:
        """As plain numbers."""
        return asdict(self)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        for name, value in state.items():
            setattr(self, name, value)

    def next_epoch(self) -> None:
        """Begin the epoch after this one."""
        self.epoch, self.batch, self.loss_sum, self.seen, self.seconds = (
            self.epoch + 1,
            0,
            0.0,
            0,
            0.0,
        )


def save_state(accelerator: Accelerator, folder: Path, step: int) -> None:
    """Save the state of a run under its step: written aside, renamed, then the older dropped."""
    aside, whole = folder / f".{step:012d}", folder / f"{step:012d}"
    if accelerator.is_main_process:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
    accelerator.wait_for_everyone()
    accelerator.save_state(str(aside))
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        older = [path for path in folder.iterdir() if path not in {aside, whole}]
        if whole.exists():  # the same step, saved before its evaluation: swap it out of the way
            older.append(whole.rename(folder / f".{step:012d}.old"))
        aside.rename(whole)
        for path in older:
            shutil.rmtree(path, ignore_errors=True)
    accelerator.wait_for_everyone()


def latest_state(folder: Path) -> Path | None:
    """The newest whole state, or None."""
    if not folder.is_dir():
        return None
    whole = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    swapped = sorted(folder.glob(".*.old"))  # killed between the two renames
    return next(reversed(swapped + whole), None)
