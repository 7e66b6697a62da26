"""A run that is applied to images row by row of tiles: what it says, as classes and as pictures."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from canon.data.cache import written_aside
from canon.data.dataset import Pixels
from canon.data.masks import IGNORE
from canon.data.pack import tensor_of
from canon.data.reader import to_bits, to_channels
from canon.deploy.memory import fits
from canon.deploy.planes import Plane
from canon.deploy.tiles import Tiling, bands
from canon.fitting import Step
from canon.fitting.dense import Says
from canon.fitting.devices import accelerator, placed
from canon.run.folder import Run
from canon.run.overlays import overlay
from canon.run.tiling import tiling_of
from canon.types import RawImages

Watch = Callable[[Step], None]
Said = tuple[NDArray[Any], ...]  # levels (h, width) uint8, and probabilities (K, h, width) float16


@dataclass
class Fitted:
    """A plane in the channels and bits that a network was trained on."""

    plane: Plane
    channels: int
    bits: int
    height: int = field(init=False)
    width: int = field(init=False)

    def __post_init__(self) -> None:
        self.height, self.width = self.plane.height, self.plane.width

    def read(self, rows: slice, columns: slice) -> Pixels:
        """A region, as `Plane.read`; colour of 16 bits loses the lower ones, as in the reader."""
        pixels = self.plane.read(rows, columns)
        if self.bits == 8 and pixels.dtype == np.uint16 and pixels.shape[2] == 3:
            pixels = (pixels >> 8).astype(np.uint8)
        return to_bits(to_channels(pixels, self.channels), self.bits)


class Mapper:
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
        devices = accelerator(device)
        self.net = placed(run.network(), devices.device).eval()
        self.says = Says(self.net, run.preprocessing, devices)
        self.tiling = tiling_of(run.model, run.facts["numbers"], tile)
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

    def fitted(self, plane: Plane) -> Tiling:
        """How an image is cut.

        Raises:
            InputError: the tiles do not fit the memory; the message names those that do.
        """
        tiling = self.tiling.fitted(plane.height, plane.width)
        if tiling not in self.fitting:  # asked once, not for every page of a stack
            fits(self.net, tiling, self.run.preprocessing.channels, self.batch)
            self.fitting.add(tiling)
        return tiling

    def rows(
        self, plane: Plane, watch: Watch, first: int = 0, page: int = 0, pages: int = 1
    ) -> Iterator[tuple[int, Said]]:
        """First pixel row and what is said, a row of tiles at a time, from `first` on.

        Raises:
            DataError: the image cannot be read, or has more bits than were trained on.
            InputError: the tiles do not fit the memory.
        """
        how, tiling = self.run.preprocessing, self.fitted(plane)
        rows = tiling.grid(plane.height, plane.width)[0]
        given = Fitted(plane, how.channels, how.bits)
        for row, said in bands(given, tiling, self._said, batch=self.batch, first=first):
            yield row * tiling.inner, said
            watch(Step("predict", 0, page * rows + row + 1, pages * rows))

    def _said(self, raw: RawImages) -> tuple[Tensor, ...]:
        scores = self.says(raw)
        levels = self.table[scores.argmax(1)]
        return (levels, scores.softmax(1).half()) if self.probabilities else (levels,)

    def draw(self, path: Path, image: Pixels, classes: NDArray[np.uint8]) -> None:
        """Write an image under the colours of its classes."""
        mixed = overlay(image, classes, len(self.levels), self.run.commonest)
        with written_aside(path) as aside:
            Image.fromarray(mixed).save(aside, "PNG")


def counted(codes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """(256,) how many pixels hold each value; numpy's own makes eight bytes of each pixel first."""
    return torch.bincount(tensor_of(codes.ravel()), minlength=IGNORE + 1).numpy()
