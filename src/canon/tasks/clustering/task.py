"""The clustering task: what a finished clustering says of other images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from accelerate import Accelerator
from torch import Tensor, full_like, nn, stack, zeros_like

from canon.data import ImagePack, Preprocessing, Split
from canon.data.targets.labels import Labels
from canon.errors import InputError
from canon.recipes.images import ClassificationRecipe
from canon.runs.folder import TrainedModel
from canon.tasks.base import EvalOptions, PredictOptions
from canon.tasks.clustering.metrics import ClusteringMetrics
from canon.tasks.images import ImageTask
from canon.training.interfaces import Evaluate, Objective
from canon.training.recipe import Recipe
from canon.utils.tables import Column


@dataclass(frozen=True)
class ClusterPrediction:
    """The cluster of one image.

    Args:
        path: the file.
        cluster: its number; None for a file that could not be read.
        confidence: probability of that cluster, a fraction in [0, 1].
        faults: why the file could not be read, if it was skipped.
    """

    path: Path
    cluster: int | None = None
    confidence: float = 0.0
    faults: tuple[str, ...] = ()

    def row(self) -> tuple[Any, ...]:
        """File, cluster, confidence; a fault in place of the cluster."""
        if self.faults:
            return str(self.path), f"unreadable: {self.faults[0]}"
        return str(self.path), str(self.cluster), round(self.confidence, 6)

    def record(self) -> dict[str, Any]:
        """As plain JSON."""
        if self.faults:
            return {"file": str(self.path), "fault": self.faults[0]}
        confidence = round(self.confidence, 6)
        return {"file": str(self.path), "cluster": self.cluster, "confidence": confidence}


class Clustering(ImageTask):
    """Groups of similar images. `canon cluster` trains; labels are used for scores only.

    Args:
        classes: names of the labels that clusters are scored with; None gives no scores.
    """

    name: ClassVar[str] = "cluster"
    title: ClassVar[str] = "clustering"
    target_kind: ClassVar[str | None] = None
    expected: ClassVar[str] = "images, with or without labels"
    example: ClassVar[str] = "cae"
    width: ClassVar[int] = 4

    def __init__(self, classes: Sequence[str] | None = None) -> None:
        self.classes = classes

    def objective(
        self,
        net: nn.Module,  # noqa: ARG002
        pack: ImagePack,  # noqa: ARG002
        recipe: Recipe[ClassificationRecipe],  # noqa: ARG002
    ) -> Objective:
        """Refused: a clustering is trained in phases.

        Raises:
            InputError: always.
        """
        raise InputError(
            "a clustering is trained by `canon cluster`, not by `canon train`; expected a network "
            "for another task. Run canon cluster DATA -k K."
        )

    def sample_figures(self, net: nn.Module, outputs: Tensor, targets: Tensor) -> Tensor:  # noqa: ARG002
        """Label, cluster, confidence, and how many clusters there are."""
        confidence, cluster = outputs.softmax(1).max(1)
        labels = targets if targets.dim() == 1 else zeros_like(cluster)
        k = full_like(confidence, outputs.shape[1])
        return stack([labels.double(), cluster.double(), confidence.double(), k.double()], 1)

    def metrics(self, figures: Tensor, outputs: int) -> ClusteringMetrics:  # noqa: ARG002
        """Confidence and sizes; with labels, accuracy, mutual information and Rand index."""
        labels, clusters, confidence, k = figures.cpu().numpy().T
        return ClusteringMetrics(
            int(k[0]), clusters.astype("int64"), confidence.astype("float32"),
            None if self.classes is None else labels.astype("int64"), self.classes,
        )  # fmt: skip

    def evaluation(
        self,
        samples: ImagePack | Split,
        prep: Preprocessing,
        outputs: int,
        accelerator: Accelerator,
        options: EvalOptions = EvalOptions(),  # noqa: B008
    ) -> Evaluate:
        """With scores where there are labels."""
        targets = samples.targets if isinstance(samples, Split) else None
        scored = Clustering(targets.classes if isinstance(targets, Labels) else None)
        return ImageTask.evaluation(scored, samples, prep, outputs, accelerator, options)

    def columns(self, classes: Sequence[str], options: PredictOptions) -> tuple[Column, ...]:  # noqa: ARG002
        """File, cluster, confidence."""
        return Column("file"), Column("cluster"), Column("confidence", "fraction")

    def prediction(
        self,
        path: Path,
        outputs: Tensor,
        model: TrainedModel,  # noqa: ARG002
        options: PredictOptions,  # noqa: ARG002
    ) -> ClusterPrediction:
        """The likeliest cluster."""
        confidence, cluster = outputs.softmax(0).max(0)
        return ClusterPrediction(path, int(cluster), float(confidence))

    def failed(self, path: Path, fault: str) -> ClusterPrediction:
        """No cluster."""
        return ClusterPrediction(path, faults=(fault,))
