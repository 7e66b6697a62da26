"""A clustering that is ready to run: planned anew, or resumed."""

import shlex
import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
from accelerate import Accelerator
from numpy.typing import NDArray

from canon.data import DataReport, Dataset, ImagePack, Preprocessing, Split
from canon.data.checks.checked import open_checked
from canon.data.packs.images import build_image_pack
from canon.data.targets.base import Values
from canon.data.targets.labels import Labels
from canon.errors import InputError
from canon.models import build
from canon.runs.cluster_config import ClusterConfig
from canon.runs.clustering import ClusterRun
from canon.runs.folder import new_folder
from canon.runs.lock import lock_run
from canon.runs.record import ClusteringRecord, RunRecord, SplitRecord
from canon.runs.resume import restore_splits
from canon.tasks.clustering.association import AssociationBatches
from canon.tasks.clustering.batches import IndexedBatches
from canon.tasks.clustering.job import Job
from canon.tasks.clustering.methods import Images, Method
from canon.utils.devices import hardware, make_accelerator
from canon.utils.progress import Progress
from canon.workflows.cluster_features import Features, features_of
from canon.workflows.cluster_plan import (
    chosen_method,
    config_json,
    notes_of,
    preprocessing,
    recipes_of,
    recorded_run,
    require_enough,
    require_ranges,
    resumed_config,
)
from canon.workflows.job import claimed_folder, data_record, versions

HEADS = {"classification": "logits", "association": "logits"}


@dataclass(frozen=True)
class ClusterJob:
    """A clustering that is ready to run."""

    config: ClusterConfig
    run: ClusterRun
    split: Split
    pack: ImagePack
    pipeline: Job
    notes: tuple[str, ...]

    @property
    def labels(self) -> NDArray[np.int64] | None:
        """The labels of the images, for scores only."""
        targets = self.split.targets
        return targets.values if isinstance(targets, Labels) else None


def planned(config: ClusterConfig, progress: Progress | None, held: ExitStack) -> ClusterJob:
    """A new clustering, or one that is resumed; its folder is locked until `held` is closed."""
    recorded = recorded_run(config) if config.resume else None
    if recorded is not None:
        config = replace(resumed_config(recorded, config), out=config.out, resume=True)
    method = chosen_method(config, recorded)
    require_ranges(config)
    if recorded is None:
        new_folder(config.out, method.name, "data")
    devices = make_accelerator(config.device, config.precision)
    if devices.num_processes > 1:
        raise InputError(
            f"clustering runs in one process, but {devices.num_processes} were started; expected "
            "one. Run canon cluster without a launcher."
        )
    data, report = open_checked(
        config.data, skip_bad=config.skip_bad, progress=progress, labels=False
    )
    if recorded is not None:
        restore_splits(data, report, recorded.record)
    split = data.joined()
    require_enough(config.k, data, report)
    prep = preprocessing(config, method, data, report)
    features = features_of(config, report.images.bits) if config.weights else None
    assert isinstance(split.targets, Values)
    pack = build_image_pack(split.images, split.targets.values, prep, progress)
    recipes = recipes_of(method, len(pack), prep.image, config.epochs, config.pretraining_epochs)
    last = recipes["training"] or recipes["pretraining"]
    assert last is not None
    run = recorded or _new_run(config, method, data, report, prep, last, devices, features)
    held.enter_context(lock_run(run.path))
    if recorded is None:
        run.save_record()
    pipeline = pipeline_of(method, config.k, config.seed, prep, pack, recipes, devices, run.states)
    if features is not None:
        own = build_image_pack(split.images, split.targets.values, features.prep, progress)
        samples = IndexedBatches(own.to(devices.device), features.prep)
        pipeline = replace(pipeline, features=(features.code, samples))
    notes = tuple(
        notes_of(config, method, data, report, prep, pipeline, resumed=recorded is not None)
    )
    return ClusterJob(config, run, split, pack, pipeline, notes)


def _new_run(
    config: ClusterConfig,
    method: Method,
    data: Dataset,
    report: DataReport,
    prep: Preprocessing,
    recipe: Images,
    devices: Accelerator,
    features: Features | None,
) -> ClusterRun:
    model = method.classifier or method.network
    args = {"channels": prep.channels, "image": prep.image, "seed": config.seed}
    args |= {"classes": config.k} if method.classifier else {}
    if features is not None:
        model, args, prep = features.model, features.model_args, features.prep
    head = HEADS.get(method.loss or "", "student")
    head = "nearest" if method.loss is None and method.start == "mixture" else head
    record = RunRecord(
        model=model, task="cluster", preprocessing=prep, data=data_record(data, report),
        split=SplitRecord(data.sizes), model_args=args, config=config_json(config), recipe=recipe,
        samples=sum(data.sizes.values()), command=shlex.join(["canon", *sys.argv[1:]]),
        started=datetime.now().astimezone().isoformat(" ", "seconds"), versions=versions(),
        hardware=hardware(),
        clustering=ClusteringRecord(method.name, config.k, head, stage=config.stage),
    )  # fmt: skip
    path = claimed_folder(config.out, method.name, data, devices)
    return ClusterRun(path, record)


def pipeline_of(
    method: Method,
    k: int,
    seed: int,
    prep: Preprocessing,
    pack: ImagePack,
    recipes: dict[str, Images | None],
    devices: Accelerator,
    states: Path | None,
) -> Job:
    """What a clustering of images is made from.

    Args:
        method: the method.
        k: clusters.
        seed: of everything that is random.
        prep: of the images.
        pack: the images.
        recipes: of the phases.
        devices: where to run.
        states: folder of training states; None keeps none.
    """
    sides = {"channels": prep.channels, "image": prep.image, "seed": seed}
    classifier = build(method.classifier, classes=k, **sides) if method.classifier else None
    pretraining, training = recipes["pretraining"], recipes["training"]
    assert pretraining is not None
    on_device = pack.to(devices.device)
    kind = AssociationBatches if method.loss == "association" else IndexedBatches
    return Job(
        method, k, seed, build(method.network, **sides), classifier,
        pretraining, training, recipes["warming"],
        IndexedBatches(on_device, prep, pretraining.images.augmentation),
        kind(on_device, prep, (training or pretraining).images.augmentation),
        lambda: pixels_of(pack, prep), devices, states,
    )  # fmt: skip


def pixels_of(pack: ImagePack, prep: Preprocessing) -> NDArray[np.float32]:
    """(N, D) pixels as fractions of white."""
    flat = prep.center(pack.images).flatten(1).cpu().numpy()
    return flat.astype(np.float32) / np.float32(pack.white)
