"""The command line: one file per command. Only this floor prints.

The module of a command holds `Command`, a frozen dataclass whose fields are the flags, and `run`.
It is imported when it is called, and imports torch only in `run`, so that help and mistakes in
a flag take no time.
"""

import contextlib
import errno
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import tyro

from canon.cli.console import between_processes, is_main_process, peer_ended
from canon.cli.mistakes import one_line
from canon.errors import CanonError, LostProcessError, nearest
from canon.utils.files import in_cache

VERBS = {
    "list": "list models, ensembles, datasets, recipes and weights",
    "show": "show the layer table of a network: sizes, parameters, cost, receptive field",
    "conv": "work out one convolution: output size, cost, other forms, number by number",
    "compare": "compare networks and runs: cost, receptive field, error, with charts",
    "check": "read every image of a dataset and report problems",
    "train": "train a network on a folder of images, evaluate it and write a report",
    "cluster": "cluster images without labels into folders, with a report",
    "evaluate": "evaluate the network of a run on its own or other data",
    "ensemble": "combine the networks of several runs into an ensemble",
    "predict": "predict the classes, masks or clusters of images with the network of a run",
    "export": "export a network as a file that runs without Canon, checked on images",
    "bench": "measure engines for a network on this machine, and choose the fastest",
    "explain": "explain what a network looks at and what it has learned, as pictures",
    "generate": "draw pictures with a trained generator",
    "reproduce": "reproduce figures and claims of the papers, and compare them",
    "app": "serve a local page: change layers, show images to networks, compare networks",
    "embed": "write the codes of images: of a clustering, an auto-encoder, or any stage",
}
CONFIG = (tyro.conf.FlagCreatePairsOff, tyro.conf.PositionalMetavarFromFieldName)
HELP, VERSION = ("-h", "--help", "help"), ("-V", "--version")


def main(argv: Sequence[str] | None = None) -> int:
    """Run `canon`. Returns 0 when done, 1 for a failed check, 2 for a mistake in the call."""
    # Not list(...): that name is the module of a command here, once it is imported.
    given = [*(sys.argv[1:] if argv is None else argv)]
    if not given or given[0] in HELP:
        print(_usage())
        return 0
    if given[0] in VERSION:
        print(f"canon {import_module('importlib.metadata').version('canon-nets')}")
        return 0
    if not is_main_process():  # of several: the first one speaks for all
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):  # consoles of other encodings, names in no encoding
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(given[0], given[1:])
    except (CanonError, OSError, KeyboardInterrupt, MemoryError, RuntimeError) as failure:
        return _explain(failure)


def _run(verb: str, flags: Sequence[str]) -> int:
    if verb not in VERBS:
        raise CanonError(
            f"no command is named {verb!r}.{nearest(verb, VERBS)} `canon --help` shows all."
        )
    module = import_module(f"canon.cli.{verb}")
    command = parse(module.Command, verb, flags)
    if getattr(command, "json", False) and getattr(command, "csv", False):
        raise CanonError("--json and --csv cannot be combined. Pass one of them.")
    return module.run(command)


def _explain(failure: BaseException) -> int:
    """Print an expected error as one line; anything else is a bug and is raised."""
    match failure:
        case CanonError():
            text, code = str(failure), 2
        case KeyboardInterrupt():
            text, code = "interrupted.", 130
        case BrokenPipeError():  # the reader of a pipe has closed it
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        case OSError():
            text, code = _system_error(failure), 2
        case _ if between_processes(failure):
            text, code = _lost(failure), 2
        case _ if isinstance(failure, MemoryError) or "memory" in str(failure).lower():
            text, code = "out of memory. Pass a smaller --batch or --image, or --accumulate 2.", 2
        case _:
            raise failure
    alone = isinstance(failure, LostProcessError) or between_processes(failure)
    if text and (alone or is_main_process()):
        print(f"canon: {text}", file=sys.stderr)
    return code


def parse(command: type[Any], verb: str, flags: Sequence[str]) -> Any:
    """The command with its flags.

    Raises:
        CanonError: a mistake in a flag, in one line.
    """
    boxed = io.StringIO()
    try:
        with contextlib.redirect_stderr(boxed):
            return tyro.cli(command, prog=f"canon {verb}", args=flags, config=CONFIG)
    except SystemExit as stop:
        if not stop.code:
            raise
        raise CanonError(one_line(boxed.getvalue(), verb)) from None


def _lost(failure: BaseException) -> str:
    """Why the processes cannot communicate; nothing if another one has ended and printed why."""
    first = str(failure).strip().partition("\n")[0]
    return "" if peer_ended(failure) else f"the processes cannot communicate: {first}"


def _system_error(failure: OSError) -> str:
    where = failure.filename2 or failure.filename
    at = f"{where}: " if where else ""
    if failure.errno == errno.ENOSPC:
        other = (
            "set CANON_CACHE to a folder on another disk"
            if where and in_cache(where)
            else "pass --out on another disk"
        )
        return f"{at}no space left to write. Free disk space, or {other}."
    if failure.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{at}not permitted to read or write. Pass another path or change its rights."
    return f"{at}{failure.strerror or failure}. Check the path."


def _usage() -> str:
    width = max(map(len, VERBS))
    lines = [f"  {verb:<{width}}  {about}" for verb, about in VERBS.items()]
    return "\n".join(
        ["canon COMMAND ...: the canon of convolutional networks", "", *lines, "",
         "`canon COMMAND --help` shows the flags. `canon train lenet5` trains on built-in digits."]
    )  # fmt: skip
