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
        batch: finished batches of the current epoch.
        step: finished optimizer steps.
        loss_sum: of the samples of the current epoch, nats.
        seen: samples of the current epoch.
        seconds: of training in the current epoch.
        best: the best ranking of the monitored metrics so far.
        best_epoch: when it was reached.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    seen: int = 0
    seconds: float = 0.0
    best: tuple[float, ...] = (float("-inf"),)
    best_epoch: int = 0

    def state_dict(self) -> dict[str, Any]:
        """As plain numbers."""
        return asdict(self)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a saved state."""
        for name, value in state.items():
            setattr(self, name, value)

    def next_epoch(self) -> None:
        """Begin the next epoch."""
        self.epoch, self.batch, self.seen = self.epoch + 1, 0, 0
        self.loss_sum = self.seconds = 0.0


@dataclass(frozen=True)
class Checkpoints:
    """The training states of a run.

    Args:
        folder: where they are saved.
        resume: load the newest one before training.
    """

    folder: Path
    resume: bool = False

    def save(self, accelerator: Accelerator, step: int) -> None:
        """Save the state under its step: written to a temporary folder, renamed, the older removed.

        Args:
            accelerator: holds everything that resuming needs.
            step: finished optimizer steps.
        """
        temporary, whole = self.folder / f".{step:012d}", self.folder / f"{step:012d}"
        if accelerator.is_main_process:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
        accelerator.wait_for_everyone()
        accelerator.save_state(str(temporary))
        accelerator.wait_for_everyone()
        if accelerator.is_main_process:
            older = [path for path in self.folder.iterdir() if path not in {temporary, whole}]
            if whole.exists():  # the same step, saved before its evaluation: swap it out of the way
                older.append(whole.rename(self.folder / f".{step:012d}.old"))
            temporary.rename(whole)
            for path in older:
                shutil.rmtree(path, ignore_errors=True)
        accelerator.wait_for_everyone()

    def latest(self) -> Path | None:
        """The newest complete state, or None."""
        if not self.folder.is_dir():
            return None
        whole = sorted(path for path in self.folder.iterdir() if not path.name.startswith("."))
        swapped = sorted(self.folder.glob(".*.old"))  # killed between the two renames
        return next(reversed(swapped + whole), None)
