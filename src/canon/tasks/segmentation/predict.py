"""The masks of pictures, stacks and images larger than memory."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from canon.data.images.listing import name_outputs
from canon.errors import DataError, InputError, require_choice
from canon.inference.predictor import Predictor
from canon.runs.folder import TrainedModel
from canon.tasks.base import PredictOptions
from canon.tasks.segmentation.mask_files import MaskPrediction, write_masks
from canon.tasks.segmentation.mask_predictor import MaskPredictor
from canon.utils.progress import Watch

FORMATS = ("png", "tif", "zarr")


def predict(
    model: TrainedModel,
    predictor: Predictor,
    paths: Sequence[Path],
    options: PredictOptions,
    watch: Watch,
) -> Iterator[MaskPrediction]:
    """Write a mask for each file, zarr folder, and image in a folder.

    The same call continues where an interrupted one stopped.

    Raises:
        DataError: a path that does not exist, or an unreadable image that may not be skipped.
        InputError: no folder for masks, masks that exist already, or a tile that does not fit into
            memory.
    """
    if options.out is None:
        raise InputError("masks need a folder; expected out. Pass --out masks.")
    if options.format is not None:
        require_choice("format of masks", options.format, FORMATS, "predict")
    named = name_outputs(paths, options.out)
    masks = MaskPredictor(model, predictor, options)
    options.out.mkdir(parents=True, exist_ok=True)
    for path, name in named:
        try:
            yield write_masks(masks, options.out, options, path, name, watch)
        except DataError as reason:
            if not options.skip_bad:
                raise
            yield MaskPrediction(path, None, faults=(str(reason),))
