"""Predict the class of every pixel of an image, one row of tiles at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from canon.data.images.reduced import ReducedReader, enlarged
from canon.data.images.region import ConvertedReader, RegionReader
from canon.data.preprocessing import tensor_of
from canon.data.types import IGNORE, Pixels
from canon.errors import require_positive
from canon.inference.memory import require_memory
from canon.inference.predictor import Predictor
from canon.inference.tiles import Tiling, tile_rows
from canon.layers.interfaces import original
from canon.runs.folder import TrainedModel
from canon.tasks.base import PredictOptions
from canon.tasks.segmentation.overlay import overlay
from canon.tasks.segmentation.tile_plan import plan_tiles
from canon.types import RawImages
from canon.utils.files import atomic_write
from canon.utils.progress import Step, Watch

# The values of a row of tiles, (h, width) uint8, and probabilities (K, h, width) float16.
RowOfMasks = tuple[NDArray[Any], ...]


class MaskPredictor:
    """A segmentation network applied to images, one row of tiles at a time.

    Args:
        model: the network and its preprocessing.
        predictor: the same as a function of stored pixels.
        options: tile and batch size, and whether probabilities are wanted.

    Attributes:
        values: (K,) uint8, the value of each class in a mask file: those of the training masks, or
            class indices where those are colours or do not fit a byte.
        factor: by which images are reduced, and masks enlarged.

    Raises:
        InputError: a tile or a batch below one.
    """

    def __init__(self, model: TrainedModel, predictor: Predictor, options: PredictOptions) -> None:
        assert model.mask_codes is not None
        self.model, self.predictor, self.codes = model, predictor, model.mask_codes
        self.batch = 1 if options.batch is None else options.batch
        require_positive(batch=self.batch)
        self.probabilities = options.probabilities
        self.factor = model.preprocessing.downscale
        self.tiling = plan_tiles(model.net, model.preprocessing, options.tile)
        self.checked: set[Tiling] = set()
        indices = range(len(model.classes))
        own = indices if self.codes.colors else cast(tuple[int, ...], self.codes.values)
        self.values = np.array(own if max(own) <= IGNORE else indices, np.uint8)
        self.table = torch.from_numpy(self.values)

    def classes(self, values: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The class indices of the values of a mask; `IGNORE` for values of no class."""
        table = np.full(IGNORE + 1, IGNORE, np.uint8)
        table[self.values] = np.arange(len(self.values))
        return table[values]

    @property
    def indexed(self) -> bool:
        """Whether masks hold class indices, which a palette makes visible."""
        return self.values.tolist() == list(range(len(self.values)))

    def fitted(self, reader: RegionReader) -> Tiling:
        """How an image is cut, in pixels of the network's input.

        Raises:
            InputError: the tiles do not fit into memory; the message names those that do.
        """
        reader = self._input(reader)
        tiling = self.tiling.fitted(reader.height, reader.width)
        if tiling not in self.checked:  # once, not for every page of a stack
            prep = self.model.preprocessing
            require_memory(original(self.model.net), tiling, prep.channels, self.batch)
            self.checked.add(tiling)
        return tiling

    def rows(
        self, reader: RegionReader, watch: Watch, first: int = 0, page: int = 0, pages: int = 1
    ) -> Iterator[tuple[int, RowOfMasks]]:
        """First pixel row and prediction of each row of tiles, from row `first`.

        Raises:
            DataError: the image cannot be read, or has more bits than the training images.
            InputError: the tiles do not fit into memory.
        """
        tiling, image = self.fitted(reader), self._input(reader)
        rows = tiling.grid(image.height, image.width)[0]
        predicted = tile_rows(image, tiling, self._predict, batch=self.batch, first=first)
        for row, masks in predicted:
            top = row * tiling.tile * self.factor
            size = reader.height - top, reader.width
            yield top, tuple(enlarged(part, self.factor, *size) for part in masks)
            watch(Step("predict", 0, page * rows + row + 1, pages * rows))

    def _input(self, reader: RegionReader) -> RegionReader:
        """An image as the network reads it."""
        prep = self.model.preprocessing
        image = ConvertedReader(reader, prep.channels, prep.bits)
        return ReducedReader(image, self.factor) if self.factor > 1 else image

    def _predict(self, raw: RawImages) -> tuple[Tensor, ...]:
        logits = self.predictor(raw)
        values = self.table.to(logits.device)[logits.argmax(1)]
        return (values, logits.softmax(1).half()) if self.probabilities else (values,)

    def draw(self, path: Path, image: Pixels, classes: NDArray[np.uint8]) -> None:
        """Write an image with its mask drawn over it."""
        mixed = overlay(image, classes, len(self.values), self.model.background)
        with atomic_write(path) as aside:
            Image.fromarray(mixed).save(aside, "PNG")


def count_values(values: NDArray[np.uint8]) -> NDArray[np.int64]:
    """(256,) pixels of each value; unlike numpy's, without eight bytes for each pixel."""
    return torch.bincount(tensor_of(values.ravel()), minlength=IGNORE + 1).numpy()
