"""Open the run in a folder."""

import json
from pathlib import Path

from canon.errors import RunError
from canon.runs.clustering import ClusterRun
from canon.runs.ensemble import EnsembleRun
from canon.runs.folder import RECORD, Run
from canon.runs.migrate import FORMAT, ChangedNetworkError, NewerFormatError
from canon.runs.record import RunRecord


def open_run(path: str | Path) -> Run:
    """The run in a folder, of this or an older format.

    Raises:
        RunError: no such folder, no run.json in it, or one that cannot be read.
    """
    path = Path(path)
    if not path.is_dir():
        raise RunError(
            f"{path} is not a folder; expected the run folder that `canon train` made. "
            "Check the path; `ls runs` shows yours."
        )
    try:
        record = RunRecord.from_json(json.loads((path / RECORD).read_text()))
    except FileNotFoundError:
        raise RunError(
            f"{path} has no {RECORD}; expected a run folder made by `canon train`. Check the path, "
            "or, if training was interrupted at its very start, leave --resume out."
        ) from None
    except NewerFormatError as reason:
        raise RunError(
            f"{path / RECORD}: {reason}; expected format {FORMAT} or older. Update Canon."
        ) from None
    except ChangedNetworkError as reason:
        raise RunError(
            f"{path} cannot be opened: {reason}; expected a run of the present network. Train it "
            "again, or use the version of Canon that is recorded in its run.json."
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as reason:
        raise RunError(
            f"{path / RECORD} is damaged ({_in_words(reason)}); expected what `canon train` wrote. "
            "Restore the file, or train again."
        ) from None
    if record.clustering is not None:
        return ClusterRun(path, record)
    return (EnsembleRun if record.members else Run)(path, record)


def _in_words(reason: Exception) -> str:
    return f"{reason} is missing" if isinstance(reason, KeyError) else str(reason)
