"""`canon export`: a network as a file that runs without Canon."""

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from canon.cli.console import progress_bars
from canon.cli.flags import Switch, flag

if TYPE_CHECKING:
    from canon.workflows.export import Exported


@dataclass(frozen=True)
class Command:
    """Export a network as a file that runs without Canon, and check it on images.

    The file takes pixels and gives probabilities or class maps: resizing and cropping to a square
    is all that is left to do. Batch normalisation is folded into the layers before it. The check
    runs the file on images that the run held out; if its results differ from those of the network
    in torch, no file is written and the exit status is 1.

    Args:
        run: a run folder, or the name of a network.
        format: onnx for ONNX Runtime and most others, torch for a program of torch.export.
        out: the file to write.
        logits: export the network alone, from normalised images to logits.
        weights: weights of a network without a run: a file, or a name from `canon list weights`.
        data: other images to check the file on.
        images: check the file on this many images at most.
        classes: classes of a network without a run.
        channels: channels of a network without a run.
        image: side in pixels of the images of a network without a run.
        overwrite: replace an older file.
        json: print JSON.
    """

    run: tyro.conf.Positional[str]
    format: Literal["onnx", "torch", "openvino", "ncnn"] = "onnx"
    out: Annotated[Path | None, flag("FILE", "RUN/export/MODEL with the format's suffix")] = None
    logits: Switch = False
    weights: Annotated[str | None, flag("FILE|NAME", "initial weights")] = None
    data: Annotated[str | None, flag("DATA", "the data that the run was trained on")] = None
    images: Annotated[int, flag("N", "200")] = 200
    classes: Annotated[int | None, flag("K", "the paper's")] = None
    channels: Annotated[int | None, flag("C", "the paper's")] = None
    image: Annotated[int | None, flag("SIDE", "the paper's")] = None
    overwrite: Switch = False
    json: Switch = False


def run(command: Command) -> int:
    """Write the file and print the check; 1 if the check fails."""
    from canon.workflows.export import ParityError, export

    c = command
    with progress_bars() as bars:
        try:
            made = export(
                c.run, c.format, out=c.out, logits=c.logits, weights=c.weights, data=c.data,
                images=c.images, overwrite=c.overwrite, progress=bars.reading,
                sizes={"classes": c.classes, "channels": c.channels, "image": c.image},
                watch=lambda step: bars.at("checking", step.done, step.batches),
            )  # fmt: skip
        except ParityError as reason:
            print(f"canon: {reason}", file=sys.stderr)
            return 1
    if c.json:
        found = asdict(made) | {"path": str(made.path), "script": str(made.script or "")}
        print(json.dumps(found, indent=1))
    else:
        _print(made)
    return 0


def _print(made: "Exported") -> None:
    parity, size = made.parity, _bytes(made.path)
    print(f"{made.path}: {size / 2**20:.1f} MiB, outputs {', '.join(made.outputs)}")
    print(f"checked on {made.checked_on} against the network in torch:")
    print(
        f"  difference: median {parity.median:.1e}, 99 % below {parity.p99:.1e}, "
        f"largest {parity.largest:.1e}"
    )
    if parity.agreement is not None:
        ties = f" and {parity.ties:.4%} ties" if parity.ties else ""
        print(f"  equal decisions: {parity.agreement:.4%}{ties}")
    if parity.before is not None and parity.after is not None:
        print(f"  {parity.metric}: {parity.before:.4f} in torch, {parity.after:.4f} exported")
    for note in made.notes:
        print(f"note: {note}")
    if made.script is not None:
        print(f"use it without Canon: python {made.script} IMAGE")


def _bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
