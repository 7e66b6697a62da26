"""A clustering that is ready to run: planned anew, or resumed."""

from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
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
from canon.runs.resume import config_json, restore_splits
from canon.tasks.clustering.batches import IndexedBatches
from canon.tasks.clustering.job import Features, Job
from canon.tasks.clustering.losses.association import AssociationBatches
from canon.tasks.clustering.methods import ImageRecipe, Method
from canon.utils.devices import make_accelerator
from canon.utils.progress import Progress
from canon.workflows.cluster_features import TrainedFeatures, features_of
from canon.workflows.cluster_plan import (
    chosen_method,
    different_images,
    notes_of,
    preprocessing,
    recipes_of,
    require_enough,
    require_ranges,
)
from canon.workflows.cluster_resume import recorded_run, resumed_config
from canon.workflows.job import claimed_folder, data_record, provenance, recorded_data


@dataclass(frozen=True)
class ClusterJob:
    """A clustering that is ready to run.

    Args:
        config: what to do.
        method: how.
        run: its folder.
        split: the images, and their labels if they have any.
        pack: the images, prepared.
        prep: how.
        recipes: of the phases.
        features: a trained network, if its output is clustered.
        different: how many of the images differ.
        devices: where to run.
        notes: what a user should know before it starts.
    """

    config: ClusterConfig
    method: Method
    run: ClusterRun
    split: Split
    pack: ImagePack
    prep: Preprocessing
    recipes: dict[str, ImageRecipe | None]
    features: Features | None
    different: int
    devices: Accelerator
    notes: tuple[str, ...]

    @property
    def labels(self) -> NDArray[np.int64] | None:
        """The labels of the images, for scores only."""
        targets = self.split.targets
        return targets.values if isinstance(targets, Labels) else None

    @property
    def seeds(self) -> range:
        """The seeds of the clusterings."""
        return range(self.config.seed, self.config.seed + self.config.seeds)

    def pixels(self, index: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """The pixels of the images at these positions, or of all, as vectors."""
        return pixels_of(self.pack, self.prep, index)

    def pipeline(self, k: int, seed: int) -> Job:
        """The clustering with one seed."""
        states = self.run.states
        if self.config.seeds > 1:
            states /= f"seed-{seed}"
        job = pipeline_of(
            self.method, k, seed, self.prep, self.pack, self.recipes, self.devices, states
        )
        return replace(job, features=self.features)


def planned(config: ClusterConfig, progress: Progress | None, held: ExitStack) -> ClusterJob:
    """A new clustering, or one that is resumed; its folder is locked until `held` is closed."""
    recorded = recorded_run(config) if config.resume else None
    if recorded is not None:
        config = resumed_config(recorded, config)
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
    source = config.data
    if recorded is not None:
        source = recorded_data(config, recorded.record.data.source, labels=False)
    data, report = open_checked(source, skip_bad=config.skip_bad, progress=progress, labels=False)
    if recorded is not None:
        restore_splits(data, report, recorded.record)
    split = data.joined()
    require_enough(config.k, data, report)
    prep = preprocessing(config, method, data, report)
    trained = features_of(config, report.images.bits) if config.weights else None
    assert isinstance(split.targets, Values)
    pack = build_image_pack(split.images, split.targets.values, prep, progress)
    recipes = recipes_of(method, len(pack), prep.image, config.epochs, config.pretraining_epochs)
    last = recipes["training"] or recipes["pretraining"]
    assert last is not None
    run = recorded or _new_run(config, method, data, report, prep, last, devices, trained)
    held.enter_context(lock_run(run.path))
    if recorded is None:
        run.save_record()
    features = None
    if trained is not None:
        own = build_image_pack(split.images, split.targets.values, trained.prep, progress)
        samples = IndexedBatches(own.to(devices.device), trained.prep)
        features = Features(trained.code, samples)
    notes = notes_of(config, method, data, report, prep, recipes, resumed=recorded is not None)
    return ClusterJob(
        config, method, run, split, pack, prep, recipes, features, different_images(report),
        devices, tuple(notes),
    )  # fmt: skip


def _new_run(
    config: ClusterConfig,
    method: Method,
    data: Dataset,
    report: DataReport,
    prep: Preprocessing,
    recipe: ImageRecipe,
    devices: Accelerator,
    features: TrainedFeatures | None,
) -> ClusterRun:
    model = method.classifier or method.network
    args = {"channels": prep.channels, "image": prep.image, "seed": config.seed}
    if features is not None:
        model, args, prep = features.model, features.model_args, features.prep
    record = RunRecord(
        model=model, task="cluster", preprocessing=prep, data=data_record(data, report),
        split=SplitRecord(data.sizes), model_args=args, config=config_json(config), recipe=recipe,
        samples=sum(data.sizes.values()),
        clustering=ClusteringRecord(method.name, 0, method.head, stage=config.stage),
        **provenance(),
    )  # fmt: skip
    return ClusterRun(claimed_folder(config.out, method.name, data, devices), record)


def pipeline_of(
    method: Method,
    k: int,
    seed: int,
    prep: Preprocessing,
    pack: ImagePack,
    recipes: dict[str, ImageRecipe | None],
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
        partial(pixels_of, pack, prep), devices, states,
    )  # fmt: skip


def pixels_of(
    pack: ImagePack, prep: Preprocessing, index: NDArray[np.int64] | None = None
) -> NDArray[np.float32]:
    """(N, D) pixels as fractions of white, of the images at these positions or of all."""
    images = pack.images if index is None else pack.images[torch.from_numpy(index)]
    flat = prep.center(images).flatten(1).cpu().numpy()
    return flat.astype(np.float32) / np.float32(pack.white)
