"""Cluster images: from a configuration to a run folder with clusters and a report."""

from collections.abc import Generator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Literal

from canon.runs.cluster_config import ClusterConfig
from canon.runs.clustering import ClusterRun
from canon.runs.config import config_of
from canon.tasks.clustering.batches import outputs_of
from canon.tasks.clustering.job import Phase, PhaseEpoch
from canon.tasks.clustering.metrics import ClusteringMetrics
from canon.tasks.clustering.pipeline import Clustering
from canon.tasks.clustering.pipeline import cluster as run_pipeline
from canon.tasks.clustering.selection import number
from canon.tasks.clustering.selection.number import Curve
from canon.training import Event
from canon.utils.devices import to_device
from canon.utils.progress import Progress
from canon.utils.tables import Table
from canon.workflows.cluster_job import ClusterJob, planned
from canon.workflows.train import Note, Started


@dataclass(frozen=True)
class Clustered:
    """The clustering is finished and reported.

    Args:
        run: its folder.
        found: the clusters.
        metrics: their sizes and confidence, and scores where there are labels.
        tables: the baselines and the method, and the seeds if there are several, by title.
        verdict: whether the method is better than what it started from.
    """

    run: ClusterRun
    found: Clustering
    metrics: ClusteringMetrics
    tables: dict[str, Table]
    verdict: str


ClusterEvents = Generator[Event | Note | Started | Phase | PhaseEpoch | Clustered, None, None]


def cluster(
    config: ClusterConfig | Any,
    k: int | Literal["auto"] | None = None,
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
    config = config_of(ClusterConfig, "cluster", config, {"k": k}, settings)
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
        yield from _set_number(job)
        several = []
        for seed in job.seeds:
            if len(job.seeds) > 1:
                yield Phase(f"seed {seed}")
            several.append((yield from _with_seed(job, seed)))
        yield Phase("writing the report")
        yield _finish(job, several)


def _set_number(job: ClusterJob) -> Generator[Event | Phase, None, None]:
    """Record the number of clusters: as given, or as read from a curve."""
    record, k = job.run.record.clustering, job.config.k
    assert record is not None
    if record.k:  # resumed
        return
    if k == "auto":
        yield Phase("number of clusters: the modularity of several")
        if job.features is None:
            codes = job.pixels()
        else:
            to_device(job.features.code, job.devices.device)
            codes = outputs_of(job.features.code, job.features.samples).numpy()
        found = yield from number.curve(codes, job.config.seed, job.different)
        yield Phase(found.in_words)
        record = replace(record, curve=tuple(zip(found.numbers, found.modularity, strict=True)))
        k = found.chosen
    args = job.run.record.model_args
    if job.method.classifier:
        args = args | {"classes": k}
    job.run.save_record(clustering=replace(record, k=k), model_args=args)


def _with_seed(
    job: ClusterJob, seed: int
) -> Generator[Phase | PhaseEpoch | Event, None, Clustering]:
    """One clustering, with a line of metrics.jsonl for each epoch."""
    record = job.run.record.clustering
    assert record is not None
    with closing(run_pipeline(job.pipeline(record.k, seed))) as events:
        while True:
            try:
                event = next(events)
            except StopIteration as end:
                return end.value
            if isinstance(event, PhaseEpoch):
                job.run.add_metrics({
                    "seed": seed, "phase": event.phase, "epoch": event.epoch.epoch,
                    "loss": event.epoch.loss, "lr": event.epoch.lr, "changed": event.changed,
                    "seconds": event.epoch.seconds,
                    "images_per_second": event.epoch.images_per_second,
                })  # fmt: skip
            yield event


def _finish(job: ClusterJob, several: list[Clustering]) -> Clustered:
    """Write weights, record, assignments, folders, sheets and the report."""
    outputs = import_module("canon.tasks.clustering.outputs")
    report = import_module("canon.tasks.clustering.report")
    seeds = import_module("canon.tasks.clustering.selection.seeds")
    run, method, labels = job.run, job.method.name, job.labels
    clusters = {
        name: [one.baselines[name].labels for one in several] for name in several[0].baselines
    } | {method: [one.labels for one in several]}
    position = seeds.chosen(clusters[method])
    found, seed = several[position], job.seeds[position]
    pixels = job.pixels(found.shown)
    record = run.record.clustering
    assert record is not None
    known = len(found.codes) if record.head == "nearest" else 0
    record = replace(record, code=found.codes.shape[1], known=known)
    own = {} if job.features else {"seed": seed}
    run.save_record(clustering=record, model_args=run.record.model_args | own)
    run.save_weights(found.net)
    metrics = ClusteringMetrics(record.k, found.labels, found.confidence, labels)
    tables = {"Comparison": report.comparison(found, pixels, method, labels)}
    if len(several) > 1:
        tables["Seeds"] = seeds.seed_table(job.seeds, clusters[method], labels)
        tables["Over all seeds"] = seeds.spread_table(clusters, labels)
    verdict = report.verdict(found, method, labels, metrics.sizes)
    run.save_record(result={
        "split": "all images", "seed": seed, "verdict": verdict,
        "figures": [figure.record() for figure in metrics.figures()],
        **{title.lower().replace(" ", "_"): table.records() for title, table in tables.items()},
        **metrics.summary(),
    })  # fmt: skip
    outputs.write_assignments(run.path, job.split, found)
    outputs.write_folders(run.path, job.split, job.pack, found, record.k, copy=job.config.copy)
    sheets = outputs.write_sheets(run.path, job.pack, found, record.k)
    curve = Curve(*zip(*record.curve, strict=True)) if record.curve else None
    report.write(run, found, pixels, metrics, labels, tables, verdict, sheets, curve, seed)
    return Clustered(run, found, metrics, tables, verdict)
