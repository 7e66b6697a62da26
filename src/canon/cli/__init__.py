"""The command line: one file per verb. Only this floor prints.

A verb's module holds `Command`, a frozen dataclass whose fields are the flags, and `run`. It is
imported when its verb is called, and imports torch only in `run`, so that help and mistakes in a
flag are answered at once.
"""

import contextlib
import errno
import io
import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import tyro

from canon.errors import CanonError, nearest

VERBS = {
    "list": "models, data sets and recipes by name",
    "show": "the layer table of a network: sizes, parameters, multiplications, memory",
    "compare": "networks and runs side by side: cost, receptive field, error; with pictures",
    "check": "look at every image of a data set before training",
    "train": "from a folder of images to a trained, evaluated, documented network",
    "evaluate": "measure a trained run on its own or other data",
    "ensemble": "fuse trained runs into one by the weighted mean of their probabilities",
    "predict": "name the classes of files and folders with a trained run",
}
CONFIG = (tyro.conf.FlagCreatePairsOff, tyro.conf.PositionalMetavarFromFieldName)
HELP, VERSION = ("-h", "--help", "help"), ("-V", "--version")


def main(argv: Sequence[str] | None = None) -> int:
    """Run `canon`. Returns 0 for done, 1 for a failed check, 2 for a mistake of the caller's."""
    # Not list(...): that name is the module of a verb here, once it is imported.
    given = [*(sys.argv[1:] if argv is None else argv)]
    if not given or given[0] in HELP:
        print(_usage())
        return 0
    if given[0] in VERSION:
        print(f"canon {import_module('importlib.metadata').version('canon-nets')}")
        return 0
    try:
        return _run(given[0], given[1:])
    except (CanonError, OSError, KeyboardInterrupt, MemoryError, RuntimeError) as failure:
        return _excused(failure)


def _run(verb: str, flags: Sequence[str]) -> int:
    if verb not in VERBS:
        raise CanonError(
            f"no verb is named {verb!r}.{nearest(verb, VERBS)} `canon --help` shows all."
        )
    module = import_module(f"canon.cli.{verb}")
    command = parsed(module.Command, verb, flags)
    if getattr(command, "json", False) and getattr(command, "csv", False):
        raise CanonError("--json and --csv are two forms of one output; expected one. Drop one.")
    return module.run(command)


def _excused(failure: BaseException) -> int:
    """One line for what a caller can put right; anything else is a bug and is raised."""
    match failure:
        case CanonError():
            said, code = str(failure), 2
        case KeyboardInterrupt():
            said, code = "stopped.", 130
        case BrokenPipeError():  # the reader of a pipe has had enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        case OSError():
            said, code = _of_the_system(failure), 2
        case _ if isinstance(failure, MemoryError) or "memory" in str(failure).lower():
            said, code = "out of memory. Pass a smaller --batch or --image, or --accumulate 2.", 2
        case _:
            raise failure
    print(f"canon: {said}", file=sys.stderr)
    return code


def parsed(command: type[Any], verb: str, flags: Sequence[str]) -> Any:
    """The command that the flags spell.

    Raises:
        CanonError: a mistake in them, in one line.
    """
    boxed = io.StringIO()
    try:
        with contextlib.redirect_stderr(boxed):
            return tyro.cli(command, prog=f"canon {verb}", args=flags, config=CONFIG)
    except SystemExit as stop:
        if not stop.code:
            raise
        raise CanonError(_one_line(boxed.getvalue(), verb)) from None


def _one_line(box: str, verb: str) -> str:
    """The complaint and the suggestions in a framed message, drawn in lines or in ASCII."""
    lines = [re.sub(r"^[│|]|[│|]$", "", line.strip()).strip() for line in box.splitlines()[1:]]
    inside = [line.strip("╭╮╰╯─+-") and line for line in lines]
    sections = "\n".join(inside).strip().split("\n\n")
    complaint, *rest = [re.sub(r"\s+", " ", section) for section in sections]
    complaint = complaint.partition(" Got errors:")[0].rstrip(".")
    meant = [flag for part in rest if "Perhaps" in part for flag in re.findall(r"--[\w-]+", part)]
    question = f" Did you mean {' or '.join(dict.fromkeys(meant))}?" if meant else ""
    return f"{complaint}.{question} `canon {verb} --help` shows the flags."


def _of_the_system(failure: OSError) -> str:
    where = failure.filename2 or failure.filename
    at = f"{where}: " if where else ""
    if failure.errno == errno.ENOSPC:
        return f"{at}no space left to write. Free some, or pass --out on another disk."
    if failure.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{at}not permitted to read or write. Pass another path or change its rights."
    return f"{at}{failure.strerror or failure}. Check the path."


def _usage() -> str:
    width = max(map(len, VERBS))
    lines = [f"  {verb:<{width}}  {told}" for verb, told in VERBS.items()]
    return "\n".join(
        ["canon VERB ...: the canon of convolutional networks", "", *lines, "",
         "`canon VERB --help` shows the flags. `canon train lenet5` trains on built-in digits."]
    )  # fmt: skip
