"""The papers' test protocols: the mean probability over many crops of each image.

10-crop: Krizhevsky et al. 2012, section 4.1. Multi-crop: Szegedy et al. 2015, section 7. Dense:
Simonyan and Zisserman 2015, section 3.2, and He et al. 2016, section 3.4. Square: He et al. 2016
(identity mappings), Table 5: a crop of 320 pixels from images of 320, of nets for 224.
Probabilities are averaged over crops; scores are averaged over the places of a dense map, within
one crop.
"""

from collections.abc import Generator
from dataclasses import dataclass, field

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from canon.data.augment.eval_crops import (
    CropMaker,
    multi_crops,
    squares,
    ten_crops,
    whole_images,
)
from canon.data.dataset import Split
from canon.data.preprocessing import Preprocessing
from canon.data.targets.labels import Labels
from canon.errors import InputError
from canon.inference.ensemble import Ensemble
from canon.layers.fully_convolutional import AsMap, fully_convolutional, has_global_average
from canon.layers.stages import eval_mode
from canon.tasks.classification.loss import ClassificationLoss
from canon.tasks.classification.metrics import ClassificationMetrics
from canon.tasks.gather import joined, own_samples
from canon.training.interfaces import Evaluate
from canon.utils.progress import Step


def network_and_crops(
    net: nn.Module, prep: Preprocessing, protocol: str, scales: tuple[float, ...]
) -> tuple[nn.Module, CropMaker]:
    """The network as it is tested, with a map of scores as output, and the crops of an image.

    Raises:
        InputError: `dense` or `square`, and the network is not fully convolutional and cannot be
            made so.
    """
    if protocol in ("dense", "square") and isinstance(net, Ensemble):
        raise InputError(
            f"an ensemble has no {protocol} protocol: its members take images of their own sizes; "
            "expected another protocol. Pass --protocol 10-crop, or evaluate its members."
        )
    if protocol in ("dense", "square"):
        # A network that averages its last map averages all of a larger one.
        whole = AsMap(net) if has_global_average(net) else fully_convolutional(net, prep.image)
        views = squares(prep.inner, scales[0]) if protocol == "square" else None
        return whole, views or whole_images(prep.inner, scales)
    return AsMap(net), (ten_crops if protocol == "10-crop" else multi_crops)(prep.inner)


def evaluation(
    split: Split,
    prep: Preprocessing,
    classes: int,
    accelerator: Accelerator,
    protocol: str,
    scales: tuple[float, ...],
    batch: int = 256,
) -> Evaluate:
    """How to evaluate a network by the mean probability over crops of each image.

    Args:
        split: the samples, read one by one.
        prep: the preprocessing; crops take the place of its own.
        classes: K.
        accelerator: the devices; each takes its own samples.
        protocol: `square`, `10-crop`, `multi-crop` or `dense`.
        scales: of `dense`: shorter sides of the image, in sides of the input; the first is that of
            `square`.
        batch: crops at a time; fewer where they are larger than the network's input.
    """

    def evaluate(net: nn.Module, epoch: int) -> Generator[Step, None, ClassificationMetrics]:
        tested, crops = network_and_crops(net, prep, protocol, scales)
        own = own_samples(len(split), accelerator)
        room = batch * prep.inner**2  # pixels
        sums = _CropSums(
            tested, prep, accelerator, torch.zeros(len(split), classes, dtype=torch.float64)
        )
        for done, i in enumerate(own, 1):
            for stack in crops(prep.convert(split.images[i], split.images.names[i])):
                for piece in stack.split(max(1, room // stack[0, ..., 0].numel())):
                    sums.add(i, piece, room)
            if done == len(own):
                sums.run()
            yield Step("evaluate", epoch, done, len(own))
        return _metrics(sums.total, split, classes, accelerator)

    return evaluate


def _metrics(
    total: Tensor, split: Split, classes: int, accelerator: Accelerator
) -> ClassificationMetrics:
    """The metrics of the mean probabilities, from their sums over crops, (N, K)."""
    several = accelerator.num_processes > 1
    total = joined(total.float() if several else total, accelerator)
    mean = total / total.sum(1, keepdim=True)
    assert isinstance(split.targets, Labels)
    labels = torch.from_numpy(split.targets.values)
    logits = mean.clamp_min(1e-30).log().float()
    figures = ClassificationLoss().sample_figures(logits, labels)
    return ClassificationMetrics.of(figures, classes)


@dataclass
class _CropSums:
    """Probabilities added up over the crops of each image, and crops that wait for a batch."""

    net: nn.Module
    prep: Preprocessing
    accelerator: Accelerator
    total: Tensor
    waiting: dict[torch.Size, list[tuple[int, Tensor]]] = field(default_factory=dict)
    pixels: int = 0

    def add(self, place: int, views: Tensor, room: int) -> None:
        """Add crops of one size, (V, h, w, C), and run the network when they fill a batch."""
        size = views[..., 0].numel()
        if self.pixels + size > room:
            self.run()
        self.waiting.setdefault(views.shape[1:], []).append((place, views))
        self.pixels += size

    def run(self) -> None:
        """Run the network on all waiting crops, one size at a time."""
        for group in self.waiting.values():
            places = torch.tensor([place for place, views in group for _ in views])
            raw = torch.cat([views for _, views in group]).to(self.accelerator.device)
            with eval_mode(self.net), self.accelerator.autocast():
                scores = self.net(self.prep.normalize(raw)).float().mean((2, 3))
            self.total.index_add_(0, places, scores.softmax(1).cpu().double())
        self.waiting.clear()
        self.pixels = 0
