"""The papers' test protocols: the mean probability over many crops of each image.

10-crop: Krizhevsky et al. 2012, section 4.1. Multi-crop: Szegedy et al. 2015, section 7. Dense:
Simonyan and Zisserman 2015, section 3.2, and He et al. 2016, section 3.4. What is averaged over
views is the probability; over the places of a dense map, within one view, it is the score.
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import get_args

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from canon.data.augment.eval_crops import CropMaker, multi_crops, ten_crops, whole_images
from canon.data.dataset import Split
from canon.data.preprocessing import Preprocessing, read_original
from canon.errors import unknown
from canon.layers.fully_convolutional import AsMap, fully_convolutional, has_global_average
from canon.layers.stages import eval_mode
from canon.tasks.classification.loss import ClassificationLoss
from canon.tasks.classification.metrics import ClassificationMetrics
from canon.training.recipe import EvalProtocol
from canon.utils.progress import Step

PROTOCOLS: tuple[str, ...] = get_args(EvalProtocol)


def require_protocol(name: str) -> str:
    """The name, if it is one.

    Raises:
        InputError: it is not.
    """
    if name not in PROTOCOLS:
        raise unknown("protocol", name, PROTOCOLS, "`canon evaluate --help`")
    return name


def network_and_crops(
    net: nn.Module, how: Preprocessing, protocol: str, scales: tuple[float, ...]
) -> tuple[nn.Module, CropMaker]:
    """What to run, which gives a map of scores, and on which views of an image.

    Raises:
        InputError: dense, and the network cannot be applied so.
    """
    if protocol == "dense":
        # A network that averages its last map averages all of a larger one.
        whole = AsMap(net) if has_global_average(net) else fully_convolutional(net, how.image)
        return whole, whole_images(how.inner, scales)
    return AsMap(net), (ten_crops if protocol == "10-crop" else multi_crops)(how.inner)


def evaluate_crops(
    net: nn.Module,
    views: CropMaker,
    classes: int,
    part: Split,
    how: Preprocessing,
    accelerator: Accelerator,
    batch: int = 256,
) -> Generator[Step, None, ClassificationMetrics]:
    """Yield a step for each image; return the scores of the mean probabilities.

    Args:
        net: gives a map of scores, (N, K, h, w); on its device.
        views: of an image.
        classes: K.
        part: the samples, read one by one.
        how: the preprocessing, of which cropping is left to the views.
        accelerator: the devices; each takes its own samples.
        batch: views at a time; fewer where they are larger than the network's input.
    """
    rank, world = accelerator.process_index, accelerator.num_processes
    mine = range(rank, len(part), world)
    seen = _ViewSums(net, how, accelerator, torch.zeros(len(part), classes, dtype=torch.float64))
    room = batch * how.inner**2  # pixels
    for done, place in enumerate(mine, 1):
        for stack in views(read_original(part, how, place)):
            for piece in stack.split(max(1, room // stack[0, ..., 0].numel())):
                seen.add(place, piece, room)
        if done == len(mine):
            seen.look()
        yield Step("evaluate", 0, done, len(mine))
    total = seen.total.to(accelerator.device, torch.float32) if world > 1 else seen.total
    total = accelerator.reduce(total, "sum") if world > 1 else total
    task, labels = ClassificationLoss(classes), torch.from_numpy(part.labels)
    mean = (total / total.sum(1, keepdim=True)).cpu()
    return task.scores(task.record(mean.clamp_min(1e-30).log().float(), labels))


@dataclass
class _ViewSums:
    """Probabilities added up over the views of each image, and the views not yet looked at."""

    net: nn.Module
    how: Preprocessing
    accelerator: Accelerator
    total: Tensor
    waiting: dict[torch.Size, list[tuple[int, Tensor]]] = field(default_factory=dict)
    pixels: int = 0

    def add(self, place: int, views: Tensor, room: int) -> None:
        """Keep views of one size, (V, h, w, C), until there are enough for a batch."""
        size = views[..., 0].numel()
        if self.pixels + size > room:
            self.look()
        self.waiting.setdefault(views.shape[1:], []).append((place, views))
        self.pixels += size

    def look(self) -> None:
        """Run the network on all that is waiting, a size at a time."""
        for group in self.waiting.values():
            places = torch.tensor([place for place, views in group for _ in views])
            raw = torch.cat([views for _, views in group]).to(self.accelerator.device)
            with eval_mode(self.net), self.accelerator.autocast():
                scores = self.net(self.how.normalise(raw)).float().mean((2, 3))
            self.total.index_add_(0, places, scores.softmax(1).cpu().double())
        self.waiting.clear()
        self.pixels = 0
