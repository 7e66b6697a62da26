"""The masks of pictures, stacks and images larger than memory."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from canon.data.images.listing import name_outputs
from canon.errors import DataError, InputError, unknown
from canon.runs.folder import Run
from canon.runs.open import open_run
from canon.tasks.segmentation.mask_files import MaskPrediction, OutputOptions, write_masks
from canon.tasks.segmentation.mask_predictor import MaskPredictor
from canon.utils.progress import Watch

FORMATS = ("png", "tif", "zarr")


def predict_masks(
    run: Run | str | Path,
    paths: Iterable[str | Path],
    out: str | Path,
    *,
    form: str | None = None,
    tile: int | None = None,
    overlay: bool = False,
    probabilities: bool = False,
    batch: int = 1,
    resume: bool = False,
    skip_bad: bool = False,
    device: str = "auto",
    watch: Watch = lambda _: None,
) -> Iterator[MaskPrediction]:
    """Write what a run says of every pixel of files, and of all images below folders.

    Args:
        run: of a network that gives each pixel a class, or its folder.
        paths: files, zarr folders, and folders of images.
        out: the folder that masks are written to.
        form: `png`, `tif` or `zarr`; None takes PNG for pictures, and the image's own otherwise.
        tile: side of what is kept of a tile, in pixels; None takes what suits the network.
        overlay: write the image under the colours of its classes, too.
        probabilities: write those of all classes, too.
        batch: tiles at a time.
        resume: leave images alone whose masks are there. One that was begun is gone on with anyway.
        skip_bad: leave unreadable images and pages out, instead of stopping after the others.
        device: where to run.
        watch: told of each row of tiles.

    Raises:
        DataError: a path that does not exist, or an unreadable image, unless it may be skipped.
        InputError: masks that are there already, or a tile that does not fit the memory.
    """
    run = run if isinstance(run, Run) else open_run(run)
    how = OutputOptions(Path(out), form, overlay, probabilities, resume, skip_bad)
    _check(run, form, batch)
    files = name_outputs(paths, how.out)
    mapper = MaskPredictor(run, device, tile, batch, probabilities)
    how.out.mkdir(parents=True, exist_ok=True)
    for path, name in files:
        try:
            yield write_masks(mapper, how, path, name, watch)
        except DataError as reason:
            if not skip_bad:
                raise
            yield MaskPrediction(path, None, faults=(str(reason),))


def _check(run: Run, form: str | None, batch: int) -> None:
    if run.values is None:
        raise InputError(
            f"{run.model} gives each image a class, not each pixel; expected a run of a network "
            "such as unet-same. Use canon.predict."
        )
    if batch < 1:
        raise InputError(f"--batch is {batch}; expected 1 or more. Pass --batch 1.")
    if form not in (None, *FORMATS):
        raise unknown("form of masks", str(form), FORMATS, "`canon predict --help`")
