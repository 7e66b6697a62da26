"""`canon show --what-if`: a network's cost before and after its convolutions are replaced."""

import json
from typing import TYPE_CHECKING

from canon.cli.out import console, show_table

if TYPE_CHECKING:
    from canon.cli.show import Command
    from canon.explain.whatif import WhatIf

HEAD = ["convolution", "output", "multiplications", "instead", "times fewer", "parameters",
        "instead of them"]  # fmt: skip


def show_what_if(command: "Command") -> int:
    """Print each replaced convolution, and the totals."""
    from canon.errors import InputError
    from canon.explain import what_if

    c = command
    if c.strict or c.by != "layer":
        raise InputError(
            "--what-if shows one row a convolution; expected neither --strict nor --by with it. "
            "Leave them out."
        )
    changed = what_if(c.model, c.what_if or "", c.image, channels=c.channels, classes=c.classes)
    rows = _rows(changed)
    if not (c.json or c.csv):
        out = console()
        out.print(f"{c.model} with every k x k convolution made {c.what_if}, at "
                  f"{' x '.join(map(str, changed.before.input))}\n")  # fmt: skip
    if c.json:
        print(json.dumps(_record(c.model, changed, rows), indent=1))
        return 0
    show_table(HEAD, rows, as_csv=c.csv, left=2)
    if changed.kept and not c.csv:
        some = ", ".join(name or "it" for name in changed.kept[:5])
        more = f" and {len(changed.kept) - 5} more" if len(changed.kept) > 5 else ""
        console().print(f"\nleft as they are, where it does not fit: {some}{more}")
    return 0


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
