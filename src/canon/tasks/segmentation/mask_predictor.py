"""Predict the class of every pixel of an image, one row of tiles at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from canon.data.images.region import ConvertedReader, RegionReader
from canon.data.preprocessing import tensor_of
from canon.data.types import IGNORE, Pixels
from canon.inference.memory import require_memory
from canon.inference.predictor import TorchPredictor
from canon.inference.tiles import Tiling, tile_rows
from canon.runs.folder import Run
from canon.tasks.segmentation.overlay import overlay
from canon.tasks.segmentation.tile_plan import plan_tiles
from canon.types import RawImages
from canon.utils.devices import make_accelerator, to_device
from canon.utils.files import atomic_write
from canon.utils.progress import Step, Watch

RowOfMasks = tuple[
    NDArray[Any], ...
]  # levels (h, width) uint8, and probabilities (K, h, width) float16


class MaskPredictor:
    """A run of a network that gives each pixel a class, on a device.

    Args:
        run: the run.
        device: where to run.
        tile: side of what is kept of a tile, in pixels; None takes what suits the network.
        batch: tiles at a time.
        probabilities: say those of all classes, too.

    Attributes:
        levels: (K,) uint8, what stands for each class in a mask file: the values of the masks that
            were trained on, or the index where those are colours or do not fit a byte.

    Raises:
        InputError: a tile below one pixel.
    """

    def __init__(
        self, run: Run, device: str, tile: int | None, batch: int, probabilities: bool
    ) -> None:
        self.run, self.batch, self.probabilities = run, batch, probabilities
        devices = make_accelerator(device)
        self.net = to_device(run.network(), devices.device).eval()
        self.says = TorchPredictor(self.net, run.preprocessing, devices)
        self.tiling = plan_tiles(run.model, run.facts["numbers"], tile)
        self.fitting: set[Tiling] = set()
        assert run.values is not None
        self.values = run.values
        count = range(len(run.classes))
        own = count if self.values.colours else cast(tuple[int, ...], self.values.values)
        self.levels = np.array(own if max(own) <= IGNORE else count, np.uint8)
        self.table = torch.from_numpy(self.levels).to(devices.device)

    def classes(self, levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The class indices of what stands for them; `IGNORE` where nothing does."""
        table = np.full(IGNORE + 1, IGNORE, np.uint8)
        table[self.levels] = np.arange(len(self.levels))
        return table[levels]

    @property
    def indexed(self) -> bool:
        """Whether masks hold class indices, which a colour map makes visible."""
        return self.levels.tolist() == list(range(len(self.levels)))

    def fitted(self, plane: RegionReader) -> Tiling:
        """How an image is cut.

        Raises:
            InputError: the tiles do not fit the memory; the message names those that do.
        """
        tiling = self.tiling.fitted(plane.height, plane.width)
        if tiling not in self.fitting:  # asked once, not for every page of a stack
            require_memory(self.net, tiling, self.run.preprocessing.channels, self.batch)
            self.fitting.add(tiling)
        return tiling

    def rows(
        self, plane: RegionReader, watch: Watch, first: int = 0, page: int = 0, pages: int = 1
    ) -> Iterator[tuple[int, RowOfMasks]]:
        """First pixel row and what is said, a row of tiles at a time, from `first` on.

        Raises:
            DataError: the image cannot be read, or has more bits than were trained on.
            InputError: the tiles do not fit the memory.
        """
        how, tiling = self.run.preprocessing, self.fitted(plane)
        rows = tiling.grid(plane.height, plane.width)[0]
        given = ConvertedReader(plane, how.channels, how.bits)
        for row, said in tile_rows(given, tiling, self._said, batch=self.batch, first=first):
            yield row * tiling.inner, said
            watch(Step("predict", 0, page * rows + row + 1, pages * rows))

    def _said(self, raw: RawImages) -> tuple[Tensor, ...]:
        scores = self.says(raw)
        levels = self.table[scores.argmax(1)]
        return (levels, scores.softmax(1).half()) if self.probabilities else (levels,)

    def draw(self, path: Path, image: Pixels, classes: NDArray[np.uint8]) -> None:
        """Write an image under the colours of its classes."""
        mixed = overlay(image, classes, len(self.levels), self.run.commonest)
        with atomic_write(path) as aside:
            Image.fromarray(mixed).save(aside, "PNG")


def count_values(codes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """(256,) how many pixels hold each value; numpy's own makes eight bytes of each pixel first."""
    return torch.bincount(tensor_of(codes.ravel()), minlength=IGNORE + 1).numpy()
