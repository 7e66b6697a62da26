"""`canon explain`: what a network looks at in an image, and what it has learned."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from canon.cli.console import progress_bars, show_table
from canon.cli.flags import flag
from canon.errors import InputError
from canon.utils.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from canon.cli.console import ProgressBars

Method = Literal[
    "grad-cam", "layer-cam", "cam", "occlusion", "saliency", "integrated-gradients",
    "guided-backprop", "deconvnet", "feature-maps", "filters", "patches", "maximise",
    "gradients",
]  # fmt: skip
OF_NETWORKS = ("filters", "patches", "maximise", "gradients")  # which need no image


@dataclass(frozen=True)
class Command:
    """Explain the class that a network gives to images, or what the network has learned.

    Of images: a heat map of the pixels that speak for the class, or the feature maps of each stage
    (feature-maps). Of the network itself: its filters, the image patches that excite each channel
    most (patches), the image that does (maximise), or the size of activations and gradients at
    each stage (gradients). Pictures are written into --out. The methods
    from occlusion to deconvnet, and patches, need pip install 'canon-nets[explain]'.

    Args:
        network: a run folder, or a name from `canon list models` with --weights.
        paths: images, and folders of images.
        out: the folder for pictures.
        method: grad-cam, layer-cam, cam, occlusion, saliency, integrated-gradients,
            guided-backprop, deconvnet, feature-maps, filters, patches, maximise or gradients.
        stage: the stage that is looked at (`canon show MODEL --by stage` lists them).
        target: the class that is explained, by name or number.
        channel: channels of the stage, for patches and maximise.
        data: the images that patches are cut from.
        weights: for a name: a file, or a name from `canon list weights`.
        device: auto, cpu, cuda, cuda:N or mps.
    """

    network: tyro.conf.Positional[str]
    paths: Annotated[tyro.conf.Positional[tuple[Path, ...]], flag("[IMAGE ...]")] = ()
    out: Annotated[Path, flag("DIR", "explained")] = Path("explained")
    method: Annotated[Method, flag("NAME", "grad-cam")] = "grad-cam"
    stage: Annotated[str | None, flag("STAGE", "the last one with maps; filters: the first")] = None
    target: Annotated[str | None, flag("CLASS", "the predicted class")] = None
    channel: Annotated[tuple[int, ...], flag("N", "the first 16")] = ()
    data: Annotated[str | None, flag("DATA", "the data that the run was trained on")] = None
    weights: Annotated[str | None, flag("NAME|FILE", "those of the run")] = None
    device: Annotated[str, flag("NAME", "auto")] = "auto"


def run(command: Command) -> int:
    """Write the pictures."""
    c = command
    if c.method in OF_NETWORKS and c.paths:
        raise InputError(
            f"--method {c.method} shows the network, not an image; expected no paths, got "
            f"{c.paths[0]}. Leave the paths out, or pass --method grad-cam."
        )
    if c.method not in OF_NETWORKS and not c.paths:
        raise InputError(
            f"no image to explain; expected paths. Pass files or folders, or --method "
            f"{', '.join(OF_NETWORKS)}."
        )
    for name, figure in _figures(command):
        print(write_figure(c.out, name, figure))
    return 0


def write_figure(folder: Path, name: str, figure: "Figure") -> Path:
    """Write a figure as NAME.png into a folder, which is made if there is none."""
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_write(folder / f"{name}.png") as temporary:
        figure.savefig(temporary, dpi=130, format="png")
    return folder / f"{name}.png"


def _figures(command: Command) -> "Iterator[tuple[str, Figure]]":
    """The pictures, each with its file name without the suffix."""
    with progress_bars() as bars:
        if command.method in OF_NETWORKS:
            yield _of_network(command, bars)
        else:
            yield from _of_images(command, bars)


def _of_network(command: Command, bars: "ProgressBars") -> "tuple[str, Figure]":
    from canon.workflows import explain_network
    from canon.workflows import explain_pictures as drawn

    c = command
    if c.method == "filters":
        return drawn.filters(*explain_network.learned_filters(c.network, c.stage, c.weights))
    if c.method == "gradients":
        _alone(c)
        return _gradients(c.network, c.weights)
    chosen: dict[str, Any] = {
        "stage": c.stage,
        "channels": c.channel,
        "weights": c.weights,
        "device": c.device,
    }
    if c.method == "patches":
        found = explain_network.strongest_patches(
            c.network, c.data, **chosen,
            watch=lambda step: bars.at("looking for patches", step.done, step.batches),
        )  # fmt: skip
        return drawn.patches(*found)
    images = explain_network.maximised_channels(
        c.network, target=c.target, **chosen,
        watch=lambda step: bars.at("maximising", step.done, step.batches),
    )  # fmt: skip
    return drawn.maximised(*images)


def _alone(command: Command) -> None:
    """Refuse flags that the gradients of all stages do not read."""
    usual = Command("")
    for name in ("stage", "target", "channel", "data", "device"):
        if getattr(command, name) != getattr(usual, name):
            raise InputError(
                f"--{name} does not fit --method gradients, which measures all stages on the CPU; "
                f"expected none. Leave --{name} out."
            )


def _gradients(network: str, weights: str | None) -> "tuple[str, Figure]":
    """Print the sizes by stage; the chart by layer."""
    from canon.interpret.signal import by_stage
    from canon.workflows.explain_depth import signal_sizes
    from canon.workflows.explain_pictures import signals_by_layer

    layers = signal_sizes(network, weights=weights)
    rows = [
        (one.name, *(f"{n:.3g}" for n in (one.activation, one.gradient, one.weight_gradient)))
        for one in by_stage(layers)
    ]
    show_table(["stage", "activations", "gradients", "gradients of the weights"], rows)
    print("root mean squares, in one batch")
    return "gradients", signals_by_layer({Path(network).name: layers})


def _of_images(command: Command, bars: "ProgressBars") -> "Iterator[tuple[str, Figure]]":
    from canon.data.images.listing import name_outputs
    from canon.workflows import explain
    from canon.workflows import explain_pictures as drawn
    from canon.workflows.explain_inputs import explainable

    c = command
    names = dict(name_outputs(c.paths, c.out))
    if c.method == "feature-maps":
        model = explainable(c.network, c.weights)
        for path, name in names.items():
            maps = explain.feature_maps(model, path)
            yield f"{name}-{c.method}", drawn.feature_maps(path, *maps)
        return
    for one in explain.explain(
        c.network, names, method=c.method, stage=c.stage, target=c.target, weights=c.weights,
        device=c.device, watch=lambda step: bars.at("explaining", step.done, step.batches),
    ):  # fmt: skip
        bars.print(f"{one.path}: {one.name} {100 * one.score:.1f} %")
        yield f"{names[one.path]}-{c.method}", drawn.explanation(one)
