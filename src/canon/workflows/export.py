"""Export a network as a file that runs without Canon, checked on real images."""

from dataclasses import dataclass
from pathlib import Path

from canon.deploy.engine import require_engine
from canon.deploy.engines import open_engine
from canon.deploy.files import FORMATS, Format, FormatInfo
from canon.deploy.metadata import metadata_text
from canon.deploy.parity import Parity
from canon.deploy.program import Program
from canon.deploy.script import write_script
from canon.errors import InputError, RunError, require_choice, require_positive
from canon.runs.exported import public_record
from canon.runs.folder import Run
from canon.utils.files import atomic_path
from canon.utils.progress import Progress, Watch
from canon.workflows.export_check import check_engine, check_images, require_no_crash
from canon.workflows.export_subject import Subject, export_subject

IMAGES = 200  # that an export is checked on


class ParityError(RunError):
    """An engine that does not compute what the network computes; no file is written."""


@dataclass(frozen=True)
class Exported:
    """An exported file.

    Args:
        path: of the file or folder.
        parity: how it compares with the network in torch.
        checked_on: the images of the check, in words.
        outputs: names of its outputs.
        script: a program that uses the file without Canon; None for other formats than ONNX.
        notes: what a user should know.
    """

    path: Path
    parity: Parity
    checked_on: str
    outputs: tuple[str, ...]
    script: Path | None = None
    notes: tuple[str, ...] = ()


def export(
    subject: Run | str | Path,
    format: Format = "onnx",
    *,
    out: str | Path | None = None,
    logits: bool = False,
    weights: str | Path | None = None,
    data: str | None = None,
    images: int = IMAGES,
    overwrite: bool = False,
    sizes: dict[str, int | None] | None = None,
    progress: Progress | None = None,
    watch: Watch | None = None,
) -> Exported:
    """Export a run or a registered network, and check the file on images.

    The graph holds the preprocessing: it takes uint8 pixels of the stored size, (N, H, W, C), and
    gives probabilities or class maps. Batch normalisation is folded into the layers before it.

    Args:
        subject: a run, its folder, or the name of a network.
        format: `torch`, `onnx`, `openvino` or `ncnn`.
        out: the file; None means RUN/export/MODEL with the suffix of the format, or MODEL with it
            in the current folder.
        logits: export the network alone, from normalised images to logits.
        weights: of a network without a run: a file, or a name from `canon list weights`.
        data: images to check the file on; None means those that the run held out.
        images: how many of them, at most.
        overwrite: replace an older file.
        sizes: classes, channels and image of a network without a run.
        progress: wraps the files while they are read.
        watch: called after each batch of the check.

    Raises:
        InputError: an unknown format, an engine that is not installed, or a network that the
            format does not take.
        RunError: the file exists.
        ParityError: the file gives other results than the network; it is not written.
    """
    require_choice("format", format, [*FORMATS], "export")
    require_positive(images=images)
    require_engine(format)
    found = export_subject(subject, weights, sizes or {})
    target = _target(found, FORMATS[format], out, overwrite)
    chosen = check_images(found.run, data, images, progress)
    program = found.program(logits=logits)
    with atomic_path(target) as temporary:
        FORMATS[format].write(program, temporary, _metadata(found, program))
        if FORMATS[format].crashes:
            require_no_crash(format, temporary, program)
        engine = open_engine(format, temporary)
        parity = check_engine(found.run, found.net, engine, program.input, chosen, watch)
        if faults := parity.faults():
            raise ParityError(
                f"{target} would differ from the network in torch: {'; '.join(faults)}. Nothing "
                "was written. Pass another --format."
            )
        del engine  # some hold their file
    record, script = found.run.record, None
    if format == "onnx" and not logits and found.trained:
        script = write_script(target, record.task, record.preprocessing)
    return Exported(target, parity, chosen.title, program.outputs, script, found.notes(program))


def _target(found: Subject, format: FormatInfo, out: str | Path | None, overwrite: bool) -> Path:
    target = found.folder / f"{found.run.model}{format.suffix}" if out is None else Path(out)
    if target.suffix != format.suffix:
        raise InputError(
            f"--out is {target}; expected a name that ends in {format.suffix} for this format. "
            "Rename it."
        )
    if target.exists() and not overwrite:
        raise RunError(
            f"{target} exists already; expected a new file. Pass another --out, or --overwrite."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _metadata(found: Subject, program: Program) -> dict[str, str]:
    record = found.run.record
    return metadata_text(
        public_record(record), record.preprocessing, input=found.input(program),
        input_name=program.input, license=found.license,
    )  # fmt: skip
