"""The networks that images are shown to: a run, or a registered network with initial weights."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from PIL import Image
from sklearn.datasets import load_sample_image

from canon.data.images.collection import ArrayImages, Images
from canon.data.images.reader import read_image
from canon.errors import CanonError, unknown
from canon.interpret.pictures import Bytes
from canon.models import names
from canon.reports.thumbnails import to_8_bits
from canon.runs.config import TrainConfig
from canon.runs.folder import Run, TrainedModel
from canon.runs.open import open_run
from canon.training import Epoch
from canon.workflows.explain_inputs import explainable
from canon.workflows.explain_network import images_of
from canon.workflows.train import Finished, train_events

DEMO = TrainConfig("lenet5-modern", "digits", epochs=8)  # without a run: seconds


@dataclass(frozen=True)
class Subject:
    """A network, and where it is from.

    Args:
        name: a registered name, or the folder of a run.
        title: for a person.
        model: the network with its preprocessing and classes.
        run: the run that it is from, if any.
    """

    name: str
    title: str
    model: TrainedModel
    run: Run | None = None

    def sample(self, number: int, folder: Path) -> Path:
        """An image of the run's data, or a photograph, as a file in a folder."""
        target = folder / "sample.png"
        try:
            images = images_of(self.run) if self.run else None
        except CanonError:  # its data is gone
            images = None
        pixels = load_sample_image("flower.jpg") if images is None else _pixels(images, number)
        Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(target)
        return target


class Subjects:
    """The run of this session, and registered networks by name.

    Args:
        run: whose network images are shown to.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.named = lru_cache(3)(self._named)
        trained = f"{run.model} trained on {Path(str(run.record.data.source)).name}"
        self.own = Subject(str(run.path), trained, explainable(run), run)

    def get(self, name: str) -> Subject:
        """The run for an empty name, else a registered network.

        Raises:
            InputError: there is none of that name.
        """
        return self.named(name) if name else self.own

    def _named(self, name: str) -> Subject:
        if name not in names():  # a folder is opened by the command line only
            raise unknown("network", name[:50], names(), "The list")
        return Subject(name, f"{name}, initial weights", explainable(name))


def demo(folder: Path, watch: Callable[[int, int], None]) -> Run:
    """A small network, trained on the built-in digits.

    Args:
        folder: of its run.
        watch: called after each epoch, with its number and the number of all.
    """
    for event in train_events(replace(DEMO, out=folder / "run")):
        if isinstance(event, Epoch):
            watch(event.epoch, event.epochs)
        elif isinstance(event, Finished):
            return event.run
    raise AssertionError("a run ends with Finished")


def run_of_images(path: Path) -> Run:
    """The run in a folder.

    Raises:
        CanonError: there is none, or its network takes no images.
    """
    run = open_run(path)
    explainable(run)
    return run


def _pixels(images: Images, number: int) -> Bytes:
    i = number % len(images)
    if isinstance(images, ArrayImages):
        return to_8_bits(images.pixels[i])
    return to_8_bits(read_image(images.files[i]))
