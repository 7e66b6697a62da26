"""The table and the plot of measured engines, from what `benchmarks.engines --out` wrote.

    python -m benchmarks.report docs/performance/latency.json

Prints the table in Markdown and writes docs/pictures/engines-GOAL.png.
"""

import json
import sys
from math import exp, log
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

ENGINES = ("torch", "torch.compile", "ONNX Runtime", "OpenVINO", "ncnn")
PICTURES = Path(__file__).parents[1] / "docs" / "pictures"


def main():
    record = json.loads(Path(sys.argv[1]).read_text())
    rows, goal = record["networks"], record["goal"]
    print(_table(rows))
    ratios = [row["times the peer"][0] for row in rows]
    print(f"\ngeometric mean: {exp(sum(map(log, ratios)) / len(ratios)):.2f} times the peer")
    print(f"most over the best by hand: {max(row['over best by hand'][0] for row in rows):.3f}")
    print(f"matrix product: {record['sgemm GFLOP/s']} GFLOP/s")
    _plot(rows, goal, PICTURES / f"engines-{goal}.png")


def _table(rows):
    head = ["network", "peer", *ENGINES, "Canon", "its choice", "times the peer", "GFLOP/s"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        ms = [row["ms"].get(name) for name in ("peer", *ENGINES, "Canon")]
        low, high = row["times the peer"][1:]
        ratio = f"{row['times the peer'][0]:.2f} ({low:.2f} to {high:.2f})"
        cells = [f"`{row['network']}`", *("" if m is None else f"{m:.1f}" for m in ms),
                 row["chosen"], ratio, f"{row['GFLOP/s']:.0f}"]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _plot(rows, goal, path):
    """For each network, how many times as fast as the peer each engine is."""
    figure, axes = plt.subplots(figsize=(9, 0.42 * len(rows) + 1.2), layout="constrained")
    marks = dict(zip((*ENGINES, "Canon"), "osD^vx", strict=True))
    for engine, mark in marks.items():
        places = [i for i, row in enumerate(rows) if engine in row["ms"]]
        base = [rows[i]["ms"].get("peer", rows[i]["ms"]["torch"]) for i in places]
        speed = [b / rows[i]["ms"][engine] for i, b in zip(places, base, strict=True)]
        ours = engine == "Canon"
        axes.scatter(speed, places, marker=mark, label=engine, s=70 if ours else 30,
                     color="black" if ours else None, zorder=3 if ours else 2)  # fmt: skip
    axes.axvline(1.0, color="grey", linewidth=0.8)
    axes.set_yticks(range(len(rows)), [row["network"] for row in rows])
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    axes.set_xlabel(f"times as fast as the network of torchvision or timm ({goal})")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    figure.savefig(path, dpi=110)
    print(f"\n{path}")


if __name__ == "__main__":
    main()
