"""`canon cluster`: from a folder of images to a folder for each cluster."""

from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from canon.cli.console import is_main_process, progress_bars, show
from canon.cli.flags import Switch, flag
from canon.cli.interrupt import Interrupt
from canon.runs.cluster_config import ClusterConfig
from canon.utils.huge_pages import keep_freed_memory
from canon.utils.tables import duration

if TYPE_CHECKING:
    from canon.cli.console import ProgressBars
    from canon.tasks.clustering.job import PhaseEpoch
    from canon.workflows.cluster import Clustered

LINES = 20  # on the epochs of a phase, at most


@dataclass(frozen=True)
class Command(ClusterConfig):
    """Cluster images without labels and write a run folder: clusters, contact sheets, report.

    Labels are not needed; they are used for scores only.

    Args:
        data: a folder of images, flat or with one subfolder per class; a folder of idx files or
            CIFAR batches; an npz file; or a name from `canon list data`.
        k: number of clusters; auto reads it from a curve of modularity.
        method: a name from `canon list methods`, or auto: self-label, or dcec-da without
            umap-learn.
        out: the run folder to create.
        epochs: number of epochs with the clustering loss.
        pretraining_epochs: number of epochs of the auto-encoder.
        image: side of the network's input in pixels; images are resized and cropped to it.
        channels: convert images to grey (1) or RGB (3).
        weights: a run folder, or a name from `canon list weights`: cluster the features of this
            trained network instead of training one.
        stage: the stage of that network that gives the features.
        seed: random seed of weights, order, augmentation and starts.
        seeds: number of clusterings, with seeds from --seed on; the one that agrees best with the
            others is taken, and of two the first.
        device: auto, cpu, cuda, cuda:N or mps.
        precision: fp32, or mixed precision bf16 or fp16.
        copy: copy images into the folders of their clusters instead of linking them.
        skip_bad: leave unreadable files out instead of stopping.
        resume: resume the clustering in --out.
    """

    data: tyro.conf.Positional[str] = "digits"
    k: Annotated[int | Literal["auto"], tyro.conf.arg(aliases=["-k"], metavar="K|auto",
                                    help_behavior_hint="(default: 10)")] = 10  # fmt: skip
    method: Annotated[str, flag("NAME", "auto")] = "auto"
    out: Annotated[Path | None, flag("DIR", "runs/METHOD-DATA")] = None
    epochs: Annotated[int | None, flag("N", "the method's")] = None
    pretraining_epochs: Annotated[int | None, flag("N", "the method's")] = None
    image: Annotated[int | None, flag("N", "the images'")] = None
    channels: Annotated[Literal[1, 3] | None, flag("{1,3}", "as in the images")] = None
    weights: Annotated[str | Path | None, flag("RUN|NAME", "a network is trained")] = None
    stage: Annotated[str | None, flag("STAGE", "the last")] = None
    seed: Annotated[int, flag("N", "0")] = 0
    seeds: Annotated[int, flag("N", "1")] = 1
    device: Annotated[str, flag("NAME", "auto")] = "auto"
    copy: Switch = False
    skip_bad: Switch = False
    resume: Switch = False


def run(command: Command) -> int:
    """Cluster and report events. Ctrl-C stops at the next step and saves the state."""
    from canon.utils.devices import leave_group
    from canon.workflows.cluster import Clustered, cluster_events
    from canon.workflows.train import Started

    keep_freed_memory()
    interrupt, finished = Interrupt(), None
    with progress_bars(aside=False) as bars:
        events = cluster_events(command, bars.reading)
        for event in events:
            if isinstance(event, Started):
                interrupt.folder = event.path
            elif isinstance(event, Clustered):
                finished = event
            else:
                _show(event, bars)
            if interrupt.requested and finished is None:
                events.close()
                bars.print(interrupt.advice(command.out))
                return 130
    if is_main_process() and finished is not None:
        _print_result(finished)
    leave_group()
    return 0


def _show(event: Any, bars: "ProgressBars") -> None:
    from canon.tasks.clustering.job import Phase, PhaseEpoch
    from canon.utils.progress import Step
    from canon.workflows.train import Note

    match event:
        case Step():
            what = f"epoch {event.epoch}" if event.doing == "train" else "numbers of clusters"
            bars.at(what, event.done, event.batches)
        case Note() | Phase():
            bars.print(event.text)
        case PhaseEpoch():
            epoch, epochs = event.epoch.epoch, event.epoch.epochs
            if epoch == epochs or epoch % ceil(epochs / LINES) == 0:
                bars.print(_line(event))


def _line(event: "PhaseEpoch") -> str:
    epoch = event.epoch
    changed = "" if event.changed is None else f"  labels changed {event.changed:.2%}"
    left = f"  {duration(epoch.remaining)} to go" if epoch.epoch < epoch.epochs else ""
    return (
        f"epoch {epoch.epoch}/{epoch.epochs}  loss {epoch.loss:.4f}{changed}  "
        f"{epoch.seconds:.1f} s  {epoch.images_per_second:,.0f} images/s{left}"
    )


def _print_result(finished: "Clustered") -> None:
    from canon.tasks.clustering.outputs import ASSIGNMENTS, CLUSTERS, SHEETS

    path = finished.run.path
    for title, table in finished.tables.items():
        print(f"\n{title}")
        show(table)
    print("\nClusters")
    show(finished.metrics.per_class(finished.run.classes))
    print(f"\n{finished.verdict}\n")
    if (path / CLUSTERS).is_dir():
        print(f"clusters: {path / CLUSTERS}")
    else:
        print("clusters: the images have no files; --copy writes them into a folder per cluster")
    print(f"assignments: {path / ASSIGNMENTS}")
    print(f"contact sheets: {path / SHEETS}")
    print(f"report: {path / 'report.html'}")
    print(f"new images: canon predict {path} PATH...")
