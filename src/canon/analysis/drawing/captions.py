"""The captions of a stage in a drawing: its kind, and what is in it."""

from collections.abc import Iterator, Sequence
from typing import Literal

from torch import nn

from canon.analysis.description import Description, LayerRow, short, sides
from canon.layers.residual import Block
from canon.utils.tables import short_count

Number = Literal["field", "parameters", "multiplications"]

HIDDEN = (nn.Flatten, nn.Unflatten, nn.Dropout, nn.Dropout2d, nn.Identity)


def note_of(module: nn.Module, rows: list[LayerRow]) -> str | None:
    """A word for what is not drawn by itself; empty for what is not named; None if it is drawn."""
    if isinstance(module, HIDDEN) or not rows:
        return ""
    kinds = {row.kind for row in rows}
    if kinds <= {"LocalResponseNorm", "LRN", "CaffeLRN"}:
        return "LRN"
    if kinds <= {"BatchNorm2d", "ReLU", "Flatten", "Dropout", "Identity", "ELU"}:
        return "BN, ReLU" if len(kinds) > 1 else {"BatchNorm2d": "BN"}.get(next(iter(kinds)), "")
    return None


def kind_of(rows: list[LayerRow]) -> str:
    """What a stage does mostly: convolution, pooling, linear, enlarging or other."""
    kinds = [row.kind for row in rows]
    if any("Transpose" in k or "Unpool" in k or k in ("Upsample", "BedOfNails") for k in kinds):
        return "enlarging"
    if any(k in ("Linear", "RBF") for k in kinds) and not any("Conv" in k for k in kinds):
        return "linear"
    if any(row.kernel is not None and row.macs for row in rows):
        return "convolution"
    return "pooling" if any("Pool" in k or k == "Subsample" for k in kinds) else "other"


def captions_of(name: str, module: nn.Module, rows: list[LayerRow]) -> Iterator[str]:
    """What is in a stage: repeated units once, with their number."""
    children = dict(module.named_children())
    if is_repeated(module):
        last = f"{short(name)}.{[*children][-1]}"  # the first often has a projection besides
        own = [row for row in rows if row.name == last or row.name.startswith(f"{last}.")]
        yield from filter(None, (_convs(own),))
        yield f"× {len(children)} {'residual ' if is_residual(module) else ''}blocks"
        return
    if (branches := branches_of(module)) > 2:
        yield f"{branches} branches"
    else:
        yield from filter(None, (_convs(rows),))
    pools = [row for row in rows if "MaxPool" in row.kind or row.kind in ("AvgPool2d", "LpPool2d")]
    pools = [row for row in pools if row.kernel and row.stride and max(row.stride) > 1]
    strides = [
        max(row.stride) for row in rows if row.macs and row.stride and "Transpose" not in row.kind
    ]
    if pools and pools[0].kernel and pools[0].stride:
        yield f"{_window(pools[0])} pool, / {max(pools[0].stride)}"
    elif max(strides, default=1) > 1:
        yield f"stride {max(strides)}"


def branches_of(module: nn.Module) -> int:
    """Branches of a stage that lie side by side; 1 for a sequence."""
    if isinstance(module, nn.Sequential):
        return 1
    return max(1, sum(isinstance(child, nn.Sequential) for child in module.children()))


def numbers_of(row: LayerRow, table: Description, names: Sequence[Number]) -> Iterator[str]:
    """Lines with the numbers of a stage; those that are zero are left out."""
    for name in names:
        if name == "field":
            size = sides(table.seen(row.field)[0])
            yield "sees the image" if row.field.whole else f"sees {size} px"
        elif value := row.params if name == "parameters" else row.macs:
            yield f"{short_count(value)} {'params' if name == 'parameters' else 'mults'}"


def is_repeated(module: nn.Module) -> bool:
    """Whether a stage is a series of equal units of several layers each."""
    children = list(module.children())
    same = isinstance(module, nn.Sequential) and len({type(child) for child in children}) == 1
    return same and len(children) > 1 and any(children[0].children())


def is_residual(module: nn.Module) -> bool:
    """Whether a stage is residual blocks: their branch is added to a shortcut."""
    unit = list(module.children())[-1] if is_repeated(module) else module
    if isinstance(unit, Block):
        return unit.shortcut is not None
    if isinstance(unit, nn.Sequential):
        return False
    names = {name for name, _ in unit.named_children()}
    return "branch" in names or {"branches", "up"} <= names


def _convs(rows: list[LayerRow]) -> str:
    """The convolutions in a row: "3×3 conv × 2", "1×1 3×3 1×1"; their number if they are many."""
    sizes = [_window(row) for row in rows if row.kernel and row.macs]
    if not sizes:
        return ""
    if len(set(sizes)) == 1:
        return f"{sizes[0]} conv" + (f" × {len(sizes)}" if len(sizes) > 1 else "")
    return " ".join(sizes) if len(sizes) <= 3 else f"{len(sizes)} convs"


def _window(row: LayerRow) -> str:
    assert row.kernel is not None
    return f"{row.kernel[0]}×{row.kernel[1]}"
