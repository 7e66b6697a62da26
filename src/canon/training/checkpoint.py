"""Training state on disk: saved so that neither a kill nor a power cut loses it.

state/000000000120/     the state after 120 steps
  model.safetensors     weights
  optimizer.bin         as Accelerate saves it: tensors and numbers only
  average.safetensors   the moving average of the weights, if the recipe keeps one
  progress.json         epoch, batch, losses, schedule
  files.json            SHA-256 of the other files
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from accelerate import Accelerator
from safetensors.torch import load_file, save_file
from torch.optim.swa_utils import AveragedModel

from canon.errors import RunError
from canon.training.schedules import LearningRate
from canon.utils.files import fsync, full_disk_named, set_usual_rights, sha256

PROGRESS, AVERAGE, FILES = "progress.json", "average.safetensors", "files.json"
OLD = "custom_checkpoint_*.pkl"  # of runs before format 4: position, schedule and average


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

    def load(self, state: dict[str, Any]) -> None:
        """Restore a saved position."""
        for name, value in state.items():
            setattr(self, name, value)

    def next_epoch(self) -> None:
        """Begin the next epoch."""
        self.epoch, self.batch, self.seen = self.epoch + 1, 0, 0
        self.loss_sum = self.seconds = 0.0


@dataclass(frozen=True)
class TrainState:
    """What a state holds in addition to the network and its optimizer.

    Args:
        position: how far the run has come.
        schedule: of the learning rate.
        average: the moving average of the weights, if there is one.
    """

    position: TrainPosition
    schedule: LearningRate
    average: AveragedModel | None

    def save(self, folder: Path) -> None:
        """Write it into the folder of a state."""
        numbers = {"position": asdict(self.position), "schedule": self.schedule.state_dict()}
        (folder / PROGRESS).write_text(json.dumps(numbers, indent=1))
        if self.average is not None:
            tensors = {name: t.contiguous() for name, t in self.average.state_dict().items()}
            save_file(tensors, folder / AVERAGE)

    def load(self, folder: Path) -> None:
        """Restore it from the folder of a state."""
        average: dict[str, torch.Tensor] | None = None
        if _is_old(folder):
            position, schedule, *others = (
                torch.load(path, map_location="cpu", weights_only=True)
                for path in sorted(folder.glob(OLD))
            )
            average = others[0] if others else None
        else:
            numbers = json.loads((folder / PROGRESS).read_text())
            position, schedule = numbers["position"], numbers["schedule"]
            average = load_file(folder / AVERAGE) if self.average is not None else None
        self.position.load(position)
        self.schedule.load_state_dict(schedule)
        if self.average is not None and average is not None:
            self.average.load_state_dict(average)


def _is_old(folder: Path) -> bool:
    """Whether a state was saved before format 4, with pickles and without checksums."""
    return not (folder / FILES).exists() and any(folder.glob(OLD))


@contextmanager
def _without_pickles(folder: Path) -> Iterator[Path]:
    """The folder of a state as Accelerate takes it, which counts the pickles of older ones."""
    if not _is_old(folder):
        yield folder
        return
    with TemporaryDirectory() as temporary:
        for path in folder.iterdir():
            if not path.match(OLD):
                shutil.copy2(path, temporary)
        yield Path(temporary)


@dataclass(frozen=True)
class Checkpoints:
    """The training states of a run: the newest, and the one before.

    Args:
        folder: where they are saved.
        resume: load the newest one before training.
    """

    folder: Path
    resume: bool = False

    def save(self, accelerator: Accelerator, state: TrainState) -> None:
        """Save the state under its step: written to a temporary folder, synced, then renamed.

        Raises:
            OSError: the disk is full; older states are unchanged.
        """
        name = f"{state.position.step:012d}"
        temporary = self.folder / f".{name}"
        if accelerator.is_main_process:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
        accelerator.wait_for_everyone()
        try:
            with full_disk_named(self.folder):
                accelerator.save_state(str(temporary))
                accelerator.wait_for_everyone()
                if accelerator.is_main_process:
                    state.save(temporary)
                    self._complete(temporary, name)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        accelerator.wait_for_everyone()

    def _complete(self, temporary: Path, name: str) -> None:
        """Seal a state, give it its name, and remove all but the one before."""
        for path in temporary.iterdir():
            set_usual_rights(path)
        digests = {path.name: sha256(path) for path in sorted(temporary.iterdir())}
        (temporary / FILES).write_text(json.dumps(digests, indent=1))
        for path in (*temporary.iterdir(), temporary):
            fsync(path)
        whole = self.folder / name
        if whole.exists():  # the same step, saved before its evaluation: swap it out of the way
            whole.rename(self.folder / f".{name}.old")
        temporary.rename(whole)
        fsync(self.folder)
        keep = [path.name for path in self.states()][:2]
        for path in self.folder.iterdir():
            if path.name not in keep:
                shutil.rmtree(path, ignore_errors=True)

    def states(self) -> list[Path]:
        """The complete states, the newest first."""
        if not self.folder.is_dir():
            return []
        # A swapped one was left by a kill between two renames, unless the other is there.
        swapped = {path.name[1:-4]: path for path in self.folder.glob(".*.old")}
        whole = {path.name: path for path in self.folder.iterdir() if path.name.isdecimal()}
        return [path for _, path in sorted((swapped | whole).items(), reverse=True)]

    def latest(self) -> Path | None:
        """The newest complete state, or None."""
        return next(iter(self.states()), None)

    def load(self, accelerator: Accelerator, state: TrainState) -> None:
        """Load the newest state that is not damaged; without any, nothing.

        Raises:
            RunError: every state is damaged.
        """
        for saved in self.states():
            if not is_intact(saved):
                continue
            try:
                state.load(saved)
                with _without_pickles(saved) as folder:
                    accelerator.load_state(str(folder))
            except Exception:
                if not _is_old(saved):  # its files are as they were saved
                    raise
                continue
            return
        if self.states():
            raise RunError(
                f"the states in {self.folder} are damaged; expected one that can be read. Restore "
                "the folder, or start another run from its weights with --weights."
            )

    def damaged(self) -> Iterator[Path]:
        """The states that are newer than the newest intact one."""
        return takewhile(lambda state: not is_intact(state), self.states())


def state_step(state: Path) -> int:
    """The step of a state, by its name."""
    return int(state.name.removesuffix(".old").removeprefix("."))


def is_intact(state: Path) -> bool:
    """Whether the files of a state have their checksums; states before format 4 have none."""
    if _is_old(state):
        return True
    try:
        digests = json.loads((state / FILES).read_text())
        return all(sha256(state / name) == digest for name, digest in digests.items())
    except (OSError, ValueError, AttributeError):
        return False
