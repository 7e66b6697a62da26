"""`canon show --what-if`: the cost of a network before and after replacing its convolutions."""

import json
from typing import TYPE_CHECKING

from canon.cli.console import console, show_table

if TYPE_CHECKING:
    from canon.analysis.what_if import WhatIf

HEAD = ["convolution", "output", "multiplications", "instead", "times fewer", "parameters",
        "instead of them"]  # fmt: skip


def show_what_if(
    model: str,
    change: str,
    sides: dict[str, int | None],
    *,
    as_json: bool = False,
    as_csv: bool = False,
) -> None:
    """Print each replaced convolution, and the totals.

    Args:
        model: a registered name.
        change: what replaces every k x k convolution.
        sides: image, channels and classes instead of the paper's.
        as_json: print JSON.
        as_csv: print CSV.
    """
    from canon.analysis.what_if import what_if

    changed = what_if(model, change, **sides)
    rows = _rows(changed)
    if as_json:
        print(json.dumps(_record(model, changed, rows), indent=1))
        return
    if not as_csv:
        size = " x ".join(map(str, changed.before.input))
        console().print(f"{model} with every k x k convolution made {change}, at {size}\n")
    show_table(HEAD, rows, as_csv=as_csv, left=2)
    if changed.kept and not as_csv:
        some = ", ".join(name or "it" for name in changed.kept[:5])
        more = f" and {len(changed.kept) - 5} more" if len(changed.kept) > 5 else ""
        console().print(f"\nleft as they are, where it does not fit: {some}{more}")


def _rows(changed: "WhatIf") -> list[list[object]]:
    rows: list[list[object]] = []
    for saving in changed.savings:
        macs, params = sum(r.macs for r in saving.after), sum(r.params for r in saving.after)
        was = sum(r.macs for r in saving.before), sum(r.params for r in saving.before)
        parts = " + ".join(f"{r.macs:,}" for r in saving.after) if len(saving.after) > 1 else macs
        output = " x ".join(map(str, saving.before[0].output))
        rows.append([saving.name, output, was[0], parts, f"{was[0] / macs:.2f}", was[1], params])
    before, after = changed.before, changed.after
    rows.append(["the whole network", "", before.macs, after.macs,
                 f"{before.macs / after.macs:.2f}", before.params, after.params])  # fmt: skip
    return rows


def _record(model: str, changed: "WhatIf", rows: list[list[object]]) -> dict[str, object]:
    names = ("convolution", "output", "multiplications", "instead", "ratio", "parameters", "after")
    return {
        "model": model,
        "change": changed.change,
        "convolutions": [dict(zip(names, row, strict=True)) for row in rows[:-1]],
        "total": dict(zip(names, rows[-1], strict=True)),
        "kept": list(changed.kept),
    }
