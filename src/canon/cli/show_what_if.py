"""`canon show --what-if`: the cost of a network before and after replacing its convolutions."""

import json
from typing import TYPE_CHECKING

from canon.cli.console import console, show_table

if TYPE_CHECKING:
    from canon.analysis.what_if import WhatIf

HEAD = ["convolution", "output", "MACs", "MACs after", "reduction", "params",
        "params after"]  # fmt: skip


def show_what_if(
    model: str,
    change: str,
    sides: dict[str, int | None],
    *,
    as_json: bool = False,
    as_csv: bool = False,
) -> None:
    """Print each replaced convolution and the totals.

    Args:
        model: a registered name.
        change: the replacement of every k x k convolution, such as `bottleneck=16`.
        sides: image, channels and classes; None means the paper's.
        as_json: print JSON.
        as_csv: print CSV.
    """
    from canon.analysis.what_if import parse_change, what_if

    changed = what_if(model, parse_change(change), **sides)
    rows = _rows(changed)
    if as_json:
        print(json.dumps(_record(model, changed, rows), indent=1))
        return
    if not as_csv:
        size = " x ".join(map(str, changed.before.input))
        console().print(f"{model} with every k x k convolution replaced by {change}, at {size}\n")
    show_table(HEAD, rows, as_csv=as_csv, left=2)
    if changed.not_replaced and not as_csv:
        shown = ", ".join(changed.not_replaced[:5])
        rest = len(changed.not_replaced) - 5
        console().print(f"\nnot replaced: {shown}{f' and {rest} more' if rest > 0 else ''}")


def _rows(changed: "WhatIf") -> list[list[object]]:
    rows: list[list[object]] = []
    for conv in changed.replaced:
        macs, params = sum(r.macs for r in conv.before), sum(r.params for r in conv.before)
        macs_after = sum(r.macs for r in conv.after)
        params_after = sum(r.params for r in conv.after)
        parts = " + ".join(f"{r.macs:,}" for r in conv.after)
        output = " x ".join(map(str, conv.before[0].output))
        rows.append([conv.name, output, macs, parts if len(conv.after) > 1 else macs_after,
                     f"{macs / macs_after:.2f}", params, params_after])  # fmt: skip
    before, after = changed.before, changed.after
    rows.append(["total", "", before.macs, after.macs,
                 f"{before.macs / after.macs:.2f}", before.params, after.params])  # fmt: skip
    return rows


def _record(model: str, changed: "WhatIf", rows: list[list[object]]) -> dict[str, object]:
    names = ("convolution", "output", "macs", "macs_after", "reduction", "params", "params_after")
    return {
        "model": model,
        "change": str(changed.change),
        "convolutions": [dict(zip(names, row, strict=True)) for row in rows[:-1]],
        "total": dict(zip(names, rows[-1], strict=True)),
        "not_replaced": list(changed.not_replaced),
    }
