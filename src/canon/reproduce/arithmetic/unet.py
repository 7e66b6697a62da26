"""Sizes of U-Net's maps, and the offsets of its crops."""

from canon.analysis import describe
from canon.analysis.drawing.svg import draw
from canon.models import build
from canon.models.unet import UNet
from canon.reproduce.result import Picture, Result, Row, Work, agreement

SOURCE = "Ronneberger et al., MICCAI 2015, Figure 1"

# Figure 1: the side of the map that leaves each level; on the way up, the side of the upsampled
# map, and the pixels that are cropped on each side of the map of the contracting path: half of
# 64 - 56, 136 - 104, 280 - 200 and 568 - 392.
DOWN = (("down0", 568), ("down1", 280), ("down2", 136), ("down3", 64), ("bottom", 28))
UP = (("up3", 56, 52, 4), ("up2", 104, 100, 16), ("up1", 200, 196, 40), ("up0", 392, 388, 88))


def run(work: Work) -> Result:
    """Build the network and follow the sizes."""
    del work
    net, table = build("unet"), describe("unet")
    assert isinstance(net, UNet)
    sides = {row.name: row.output[-1] for row in table.rows}
    ends = {row.name: row.output[-1] for row in table.stages()}
    rows = [Row(f"{name}: side", ends[name], side, SOURCE) for name, side in DOWN]
    for name, larger, side, crop in UP:
        level = net.decoder.get_submodule(f"{name}.crop")
        rows += [
            Row(f"{name}: side after up-convolution", sides[f"{name}.up.enlarge"], larger, SOURCE),
            Row(f"{name}: pixels cropped on each side", level.offset, crop, SOURCE),  # type: ignore[arg-type]
            Row(f"{name}: side", ends[name], side, SOURCE),
        ]
    rows += [
        Row("output", table.rows[-1].output, (2, 388, 388), SOURCE),
        Row("convolutions", table.depth, 23, "section 2"),
    ]
    return Result(tuple(rows), (Picture("U-Net", draw("unet")),), agreement(tuple(rows)))
