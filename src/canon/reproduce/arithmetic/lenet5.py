"""Shapes, parameters and connections of LeNet-5."""

from math import prod

from canon.analysis import LayerRow, describe
from canon.analysis.drawing.svg import draw
from canon.reproduce.result import Picture, Result, Row, Work, agreement

SOURCE = "LeCun et al., Proceedings of the IEEE 1998, section II.B"

# Section II.B: output, trainable parameters and connections of each layer.
TABLE = (
    ("c1", (6, 28, 28), 156, 122_304),
    ("s2", (6, 14, 14), 12, 5_880),
    ("c3", (16, 10, 10), 1_516, 151_600),
    ("s4", (16, 5, 5), 32, 2_000),
    ("c5", (120, 1, 1), 48_120, 48_120),
    ("f6", (84,), 10_164, 10_164),
)


def run(work: Work) -> Result:
    """Build the network and count."""
    del work
    table = describe("lenet5")
    stages = {row.name: row for row in table.stages()}
    rows = []
    for name, shape, params, connections in TABLE:
        stage = stages[name]
        rows += [
            Row(f"{name.upper()}: output", stage.output, shape, SOURCE),
            Row(f"{name.upper()}: parameters", stage.params, params, SOURCE),
            Row(f"{name.upper()}: connections", _connections(name, stage), connections, SOURCE),
        ]
    rows.append(Row("trainable parameters", table.params, 60_000, SOURCE))
    pictures = (Picture("LeNet-5", draw("lenet5")),)
    return Result(tuple(rows), pictures, agreement(tuple(rows)))


def _connections(name: str, stage: LayerRow) -> int:
    """Products and biases; of a subsampling, the four values of each sum and the bias."""
    outputs = prod(stage.output)
    return 5 * outputs if name[0] == "s" else stage.macs + outputs
