"""The rows of a layer table, and the totals that follow from them."""

from dataclasses import dataclass

from canon.analysis.intervals import ReceptiveField
from canon.analysis.receptive_field import Sides


@dataclass(frozen=True)
class LayerRow:
    """One layer, or one stage, for one image.

    Args:
        name: where it stands, without `features.` and `head.`.
        stage: the named stage it belongs to.
        kind: its class.
        output: C x H x W, or the number of features.
        kernel: sides of the window in pixels, height and width; None without a window.
        stride: steps of the window, likewise.
        padding: pixels added on each side, likewise.
        params: trainable numbers.
        macs: multiply-accumulates, biases excluded.
        activation_bytes: of the output in float32.
        field: the receptive field of an output.
        exact: the output side as a fraction, where it is not a whole number.
        unseen: pixels at the right or the lower edge that no window covers.
        unseen_share: of all input pixels, those that no window covers, a fraction in [0, 1].
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
        rows: the layers, in the order in which they are called.
        field: the receptive field of the features, before anything is averaged or classified; of
            the scores, where there is a map of them.
        ends: the output and the field of each named stage.
    """

    input: tuple[int, ...]
    rows: tuple[LayerRow, ...]
    field: ReceptiveField
    ends: dict[str, tuple[tuple[int, ...], ReceptiveField]]

    @property
    def params(self) -> int:
        """Trainable numbers."""
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
        """Layers with weights that multiply, wherever they stand."""
        return sum(row.macs > 0 for row in self.rows)

    def seen(self, field: ReceptiveField) -> tuple[Sides, tuple[float, float], tuple[float, float]]:
        """Size, jump and offset of a receptive field in pixels, height and width each.

        One that covers the whole image has the image's size.
        """
        spans = field.height, field.width
        jump = spans[0].jump, spans[1].jump
        if field.whole:
            height, width = self.input[-2:]
            return (height, width), jump, ((height - 1) / 2, (width - 1) / 2)
        return (spans[0].size, spans[1].size), jump, (spans[0].offset, spans[1].offset)

    def stages(self) -> tuple[LayerRow, ...]:
        """One row a named stage, or layer of a module without stages: sums, output and field."""
        names = dict.fromkeys(row.stage for row in self.rows)
        parts = {name: [row for row in self.rows if row.stage == name] for name in names}
        ends = {name: (rows[-1].output, rows[-1].field) for name, rows in parts.items()} | self.ends
        return tuple(_summed(name, rows, *ends[name]) for name, rows in parts.items())


def _summed(
    name: str, rows: list[LayerRow], output: tuple[int, ...], field: ReceptiveField
) -> LayerRow:
    return LayerRow(
        name=name,
        stage=name,
        kind=f"{len(rows)} layers" if len(rows) > 1 else rows[0].kind,
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
    """The name of a layer without the part of the network that it stands in."""
    return name.removeprefix("features.").removeprefix("decoder.").removeprefix("head.")


def sides(pair: tuple[float, float] | None) -> str | None:
    """Height and width as text, written once if they are the same."""
    if pair is None:
        return None
    return f"{pair[0]:g}" if pair[0] == pair[1] else f"{pair[0]:g} x {pair[1]:g}"
