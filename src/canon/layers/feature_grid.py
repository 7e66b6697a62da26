"""Positions of feature map values in the image: offsets of skips and crops.

Along a side, the receptive field of value i of a map is centred at start + i step pixels. The
centres of the image's pixels have the coordinates 0, 1, 2, ...
"""

from dataclasses import dataclass

from torch import nn

Windowed = nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d


@dataclass(frozen=True)
class Grid:
    """The positions of a map's values along a side.

    Args:
        start: of the first value, in pixels.
        step: from one value to the next, in pixels.
    """

    start: float = 0.0
    step: float = 1.0

    def window(self, kernel: int, stride: int, padding: int) -> "Grid":
        """After a convolution or a pooling."""
        return Grid(self.start + ((kernel - 1) / 2 - padding) * self.step, self.step * stride)

    def enlarged(self, kernel: int, stride: int, padding: int = 0) -> "Grid":
        """After a transposed convolution; interpolation by a factor S is one of kernel S."""
        step = self.step / stride
        return Grid(self.start - ((kernel - 1) / 2 - padding) * step, step)

    def through(self, part: nn.Module) -> "Grid":
        """After all windows of a part, one after another.

        Branches that are padded to keep their size move nothing, so their order does not matter.
        """
        grid = self
        for layer in part.modules():
            if isinstance(layer, Windowed):
                numbers = (layer.kernel_size, layer.stride, layer.padding)
                kernel, stride, padding = (n if isinstance(n, int) else int(n[0]) for n in numbers)
                grid = grid.window(kernel, stride, padding)
        return grid

    def offset(self, wanted: "Grid") -> int:
        """Values to crop at the start, so that this map begins where another of its step does.

        Fractions are rounded down: some interpolations lie between two values.
        """
        return int((wanted.start - self.start) // self.step)
