"""Open the run in a folder."""

import json
from pathlib import Path

from canon.errors import RunError
from canon.runs.folder import (
    FACTS,
    Run,
)


def open_run(path: str | Path) -> Run:
    """The run in a folder.

    Raises:
        RunError: no such folder, no run.json in it, or one that cannot be read.
    """
    path = Path(path)
    if not path.is_dir():
        raise RunError(
            f"{path} is not a folder; expected the run folder that `canon train` made. "
            "Check the path, `ls runs` shows yours."
        )
    try:
        facts = json.loads((path / FACTS).read_text())
        run = Run(path, facts)
        if not (run.model and run.classes and run.preprocessing.image):
            raise ValueError("no model, classes or preprocessing")  # noqa: TRY301
    except FileNotFoundError:
        raise RunError(
            f"{path} has no {FACTS}; expected a run folder made by `canon train`. Check the path."
        ) from None
    except (ValueError, KeyError, TypeError) as reason:
        raise RunError(
            f"{path / FACTS} is damaged ({type(reason).__name__}: {reason}); expected what "
            "`canon train` wrote. Train again, or restore the file."
        ) from None
    return run
