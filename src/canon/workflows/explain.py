"""Explain a trained network: what it looks at, what it has learned."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from torch import Tensor, nn

from canon.analysis.intervals import ReceptiveField
from canon.data.images.listing import find_images
from canon.errors import InputError, require_choice
from canon.interpret import attributions
from canon.interpret.class_activation import cam, enlarged, field_of, grad_cam, layer_cam
from canon.interpret.outputs import Score, class_score, last_maps, predicted, stage_outputs
from canon.layers.stages import eval_mode
from canon.runs.folder import Run, TrainedModel
from canon.types import Images
from canon.utils.devices import make_accelerator, to_device
from canon.utils.progress import Step, Watch
from canon.workflows.explain_inputs import (
    Bytes,
    Floats,
    class_number,
    explainable,
    inputs,
    require_classes,
)

MAPS: dict[str, Callable[..., Tensor]] = {
    "grad-cam": grad_cam,
    "layer-cam": layer_cam,
}
PIXELS: dict[str, Callable[[nn.Module, Images, Score], Tensor]] = {
    "occlusion": attributions.occlusion,
    "saliency": attributions.saliency,
    "integrated-gradients": attributions.integrated_gradients,
    "guided-backprop": attributions.guided_backprop,
    "deconvnet": attributions.deconvnet,
}
METHODS = (*MAPS, "cam", *PIXELS)


@dataclass(frozen=True)
class Explanation:
    """Why a network gives a class to one image.

    Args:
        path: the file.
        method: how it was explained.
        stage: the stage whose maps it is made from; None for methods of pixels.
        name: the class that is explained.
        score: its probability; for segmentation, the share of the pixels that have it.
        image: (H, W, 3) what the network sees.
        values: (H, W), or (H, W, C) for backprojections; larger speaks more for the class.
    """

    path: Path
    method: str
    stage: str | None
    name: str
    score: float
    image: Bytes
    values: Floats


def explain(
    network: Run | str | Path,
    paths: str | Path | Iterable[str | Path],
    *,
    method: str = "grad-cam",
    stage: str | None = None,
    target: str | int | None = None,
    weights: str | None = None,
    device: str = "auto",
    watch: Watch = lambda _: None,
) -> Iterator[Explanation]:
    """Explain the class of each image, or of the pixels of each image.

    Args:
        network: a run, its folder, or a registered name.
        paths: a file, a folder of images, or several of them.
        method: one of `METHODS`.
        stage: whose maps are looked at, for grad-cam and layer-cam; None means the last with maps.
        target: the class that is explained, by name or number; None means the predicted one.
        weights: for a registered name.
        device: where to run.
        watch: called after each image.

    Raises:
        DataError: a path that does not exist, or an unreadable image.
        InputError: an unknown method, stage or class, or one that the network does not allow.
    """
    require_choice("method", method, METHODS, "explain")
    if stage is not None and method not in MAPS:
        raise InputError(
            f"--stage is for {' and '.join(MAPS)}, but --method is {method}, which explains "
            "pixels. Leave --stage out."
        )
    model = explainable(network, weights)
    require_classes(model)
    net = to_device(model.net, make_accelerator(device).device)
    several = [paths] if isinstance(paths, (str, Path)) else list(paths)
    files = [file for path in several for file in find_images(Path(path))]

    field = cache(partial(field_of, net))
    for done, file in enumerate(files, 1):
        image, x = inputs(model, file)
        x = x.to(next(net.parameters()).device)
        if stage is None and (method == "cam" or method in MAPS):
            stage = last_maps(net, x)
        number, score, values = _attributed(model, net, x, method, stage, target, field)
        name = model.classes[number] if number < len(model.classes) else str(number)
        yield Explanation(file, method, stage, name, score, image, values)
        watch(Step("predict", 0, done, len(files)))


def _attributed(
    model: TrainedModel,
    net: nn.Module,
    x: Images,
    method: str,
    stage: str | None,
    target: str | int | None,
    field: Callable[[str, tuple[int, int], int], ReceptiveField],
) -> tuple[int, float, Floats]:
    """The number of the class that is explained, its score, and the values of the pixels."""
    with eval_mode(net):
        outputs = net(x).float()
    number = predicted(outputs) if target is None else class_number(model, target).to(x.device)
    score, size = class_score(number), (x.shape[-2], x.shape[-1])
    score(outputs)  # refuses a class out of range
    if stage is not None:
        of_class = method == "cam"
        maps = cam(net, x, number) if of_class else MAPS[method](net, x, score, stage)
        values = enlarged(maps, size, field(stage, size, x.shape[1]))
    else:
        values = PIXELS[method](net, x, score)
    array = values[0].cpu().numpy()
    if method == "saliency":
        array = array.max(0)  # the largest of the channels, section 3.1 of the paper
    elif method == "integrated-gradients":
        array = array.sum(0)
    elif array.ndim == 3:
        array = array.transpose(1, 2, 0)
    return int(number), _share(outputs, int(number)), array


def _share(outputs: Tensor, number: int) -> float:
    if outputs.dim() == 2:
        return float(outputs.softmax(1)[0, number])
    return float((outputs.argmax(1) == number).float().mean())


def feature_maps(
    network: Run | TrainedModel | str | Path, path: str | Path, *, weights: str | None = None
) -> tuple[Bytes, dict[str, Floats]]:
    """What the network sees of an image, (H, W, 3), and the maps of every stage.

    Args:
        network: a run, its folder, or a registered name; or what `explainable` gives.
        path: the image.
        weights: for a registered name.

    Returns:
        The image, and (C, h, w) for each stage with maps of more than one pixel, in the order of
        execution.

    Raises:
        DataError: the image cannot be read.
        InputError: no network.
    """
    model = explainable(network, weights)
    image, x = inputs(model, Path(path))
    found = stage_outputs(model.net, x)
    maps = {name: y for name, y in found.items() if y.dim() == 4 and y.shape[-2:].numel() > 1}
    return image, {name: y[0].float().numpy() for name, y in maps.items()}
