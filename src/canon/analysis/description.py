"""The rows of a layer table, and their totals."""

from dataclasses import dataclass

from canon.analysis.intervals import ReceptiveField
from canon.analysis.receptive_field import Sides


@dataclass(frozen=True)
class LayerRow:
    """One layer or one stage, for one image.

    Args:
        name: module path, without `features.`, `decoder.` and `head.`.
        stage: its named stage.
        kind: its class.
        output: C x H x W, or the number of features.
        kernel: height and width of the window in pixels; None without a window.
        stride: vertical and horizontal, in pixels; None without a window.
        padding: vertical and horizontal, in pixels on each side; None without a window.
        params: trainable parameters.
        macs: multiply-accumulates, biases excluded.
        activation_bytes: of the output in float32.
        field: the receptive field of an output.
        exact: the fractional output side, if it is not an integer.
        unseen: pixels at the right or lower edge outside all windows.
        unseen_share: fraction of the input pixels outside all windows, in [0, 1].
    """

    name: str
    stage: str
    kind: str
    output: tuple[int, ...]
    kernel: Sides | None
    stride: Sides | None
    padding: Sides | None
    params: int
    macs: int
    activation_bytes: int
    field: ReceptiveField
    exact: float | None = None
    unseen: int = 0
    unseen_share: float = 0.0


@dataclass(frozen=True)
class Description:
    """The layer table of a network at one image size, with totals.

    Args:
        input: C x H x W.
        rows: the layers, in the order of execution.
        field: the receptive field of the last feature map, or of the score map if there is one.
        ends: output shape and receptive field of each named stage.
    """

    input: tuple[int, ...]
    rows: tuple[LayerRow, ...]
    field: ReceptiveField
    ends: dict[str, tuple[tuple[int, ...], ReceptiveField]]

    @property
    def params(self) -> int:
        """Trainable parameters."""
        return sum(row.params for row in self.rows)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of convolutions and linear layers for one image."""
        return sum(row.macs for row in self.rows)

    @property
    def activation_bytes(self) -> int:
        """Bytes of all outputs in float32, for one image."""
        return sum(row.activation_bytes for row in self.rows)

    @property
    def depth(self) -> int:
        """Number of layers with multiply-accumulates, on all paths."""
        return sum(row.macs > 0 for row in self.rows)

    def seen(self, field: ReceptiveField) -> tuple[Sides, tuple[float, float], tuple[float, float]]:
        """Size, jump and offset of a receptive field in pixels, each (height, width).

        A field of the whole image has the size of the image.
        """
        spans = field.height, field.width
        jump = spans[0].jump, spans[1].jump
        if field.whole:
            height, width = self.input[-2:]
            return (height, width), jump, ((height - 1) / 2, (width - 1) / 2)
        return (spans[0].size, spans[1].size), jump, (spans[0].offset, spans[1].offset)

    def stages(self) -> tuple[LayerRow, ...]:
        """One row per stage, or per layer of a module without stages: totals, output and field."""
        names = dict.fromkeys(row.stage for row in self.rows)
        parts = {name: [row for row in self.rows if row.stage == name] for name in names}
        ends = {name: (rows[-1].output, rows[-1].field) for name, rows in parts.items()} | self.ends
        return tuple(_total(name, rows, *ends[name]) for name, rows in parts.items())


def _total(
    name: str, rows: list[LayerRow], output: tuple[int, ...], field: ReceptiveField
) -> LayerRow:
    return LayerRow(
        name=name,
        stage=name,
        kind=f"{len(rows)} modules" if len(rows) > 1 else rows[0].kind,
        output=output,
        kernel=rows[0].kernel if len(rows) == 1 else None,
        stride=rows[0].stride if len(rows) == 1 else None,
        padding=rows[0].padding if len(rows) == 1 else None,
        params=sum(row.params for row in rows),
        macs=sum(row.macs for row in rows),
        activation_bytes=sum(row.activation_bytes for row in rows),
        field=field,
        unseen_share=rows[0].unseen_share if len(rows) == 1 else 0.0,
    )


def short(name: str) -> str:
    """The name of a layer without the prefix of its part of the network."""
    return name.removeprefix("features.").removeprefix("decoder.").removeprefix("head.")


def sides(pair: tuple[float, float] | None) -> str | None:
    """Height and width as text, a single number if they are equal."""
    if pair is None:
        return None
    return f"{pair[0]:g}" if pair[0] == pair[1] else f"{pair[0]:g} x {pair[1]:g}"
