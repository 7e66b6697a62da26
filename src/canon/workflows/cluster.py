"""Cluster images: from a configuration to a run folder with clusters and a report."""

from collections.abc import Generator
from contextlib import ExitStack, closing
from dataclasses import dataclass, fields, replace
from importlib import import_module
from typing import Any

from canon.errors import InputError
from canon.runs.cluster_config import ClusterConfig
from canon.runs.clustering import ClusterRun
from canon.tasks.clustering.job import Phase, PhaseEpoch
from canon.tasks.clustering.metrics import ClusteringMetrics, collapse
from canon.tasks.clustering.pipeline import Clustering
from canon.tasks.clustering.pipeline import cluster as run_pipeline
from canon.training import Event
from canon.utils.progress import Progress
from canon.workflows.cluster_job import ClusterJob, planned
from canon.workflows.train import Note, Started


@dataclass(frozen=True)
class Clustered:
    """The clustering is finished and reported.

    Args:
        run: its folder.
        found: the clusters.
        metrics: their sizes and confidence, and scores where there are labels.
        comparison: the baselines and the method, as a table.
        verdict: whether the method is better than what it started from.
    """

    run: ClusterRun
    found: Clustering
    metrics: ClusteringMetrics
    comparison: Any
    verdict: str


ClusterEvents = Generator[Event | Note | Started | Phase | PhaseEpoch | Clustered, None, None]


def cluster(
    config: ClusterConfig | Any,
    k: int | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> ClusterRun:
    """Cluster images, and return the run when it is over.

    Args:
        config: what to cluster and how; or the data: what `open_data` takes, with or without
            labels.
        k: clusters, if only the data is given.
        progress: wraps the files of a folder while they are read.
        settings: other fields of `ClusterConfig`, if only the data is given.

    Raises:
        CanonError: a mistake in the configuration, the data or the folder, in one line.
    """
    if not isinstance(config, ClusterConfig):
        unknown = sorted(set(settings) - {field.name for field in fields(ClusterConfig)})
        if unknown:
            raise InputError(
                f"cluster() has no setting named {unknown[0]!r}; expected fields of ClusterConfig. "
                "help(canon.ClusterConfig) lists them."
            )
        settings |= {} if k is None else {"k": k}
        config = ClusterConfig(config, **settings)
    elif k is not None or settings:
        raise InputError(
            "cluster() got a ClusterConfig and settings; expected one of them. Put the settings "
            "into the ClusterConfig."
        )
    for event in cluster_events(config, progress):
        if isinstance(event, Clustered):
            return event.run
    raise AssertionError("a clustering ends with Clustered")


def cluster_events(config: ClusterConfig, progress: Progress | None = None) -> ClusterEvents:
    """Cluster, and yield what happens; closing the generator saves the state first.

    Raises:
        CanonError: a mistake in the configuration, the data or the folder, in one line.
    """
    with ExitStack() as held:  # the lock of the run folder
        job = planned(config, progress, held)
        yield Started(job.run.path)
        yield from map(Note, job.notes)
        with closing(run_pipeline(job.pipeline)) as events:
            found = yield from _recorded(job, events)
        yield Phase("writing the report")
        yield _finish(job, found)


def _recorded(
    job: ClusterJob, events: Generator[Phase | PhaseEpoch | Event, None, Clustering]
) -> Generator[Phase | PhaseEpoch | Event, None, Clustering]:
    """The events, with a line of metrics.jsonl for each epoch; returns the clusters."""
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            return end.value
        if isinstance(event, PhaseEpoch):
            job.run.add_phase_metrics({
                "phase": event.phase, "epoch": event.epoch.epoch, "loss": event.epoch.loss,
                "lr": event.epoch.lr, "seconds": event.epoch.seconds, "changed": event.changed,
                "images_per_second": event.epoch.images_per_second,
            })  # fmt: skip
        yield event


def _finish(job: ClusterJob, found: Clustering) -> Clustered:
    """Write weights, record, assignments, folders, sheets and the report."""
    outputs = import_module("canon.tasks.clustering.outputs")
    report = import_module("canon.tasks.clustering.report")
    run, k = job.run, job.config.k
    metrics = ClusteringMetrics(k, found.labels, found.confidence, job.labels)
    record = run.record.clustering
    assert record is not None
    known = len(found.codes) if record.head == "nearest" else 0
    run.save_record(clustering=replace(record, code=found.codes.shape[1], known=known))
    run.save_weights(found.net)
    comparison = report.comparison(found, job.pipeline.method.name, job.labels, job.config.seed)
    verdict = report.verdict(found, job.pipeline.method.name, job.labels)
    warning = collapse(metrics.sizes)
    verdict = f"{warning} {verdict}" if warning else verdict
    figures = [figure.record() for figure in metrics.figures()]
    run.save_record(result={
        "split": "all images", "figures": figures, "comparison": comparison.records(),
        "verdict": verdict, **metrics.summary(),
    })  # fmt: skip
    outputs.write_assignments(run.path, job.split, found)
    outputs.write_folders(run.path, job.split, job.pack, found, k, copy=job.config.copy)
    sheets = outputs.write_sheets(run.path, job.pack, found, k)
    report.write(run, found, metrics, job.labels, comparison, verdict, sheets, job.config.seed)
    return Clustered(run, found, metrics, comparison, verdict)
