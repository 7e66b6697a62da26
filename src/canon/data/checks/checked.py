"""Open a dataset and check it: refuse or leave out what cannot be read."""

from canon.data.checks.report import DataReport, check_data
from canon.data.dataset import Dataset, validate
from canon.data.sources.open import Source, open_data
from canon.data.targets.base import Targets
from canon.errors import DataError
from canon.utils.progress import Progress


def open_checked(
    source: Source,
    *,
    skip_bad: bool = False,
    progress: Progress | None = None,
    known: Targets | None = None,
    labels: bool = True,
) -> tuple[Dataset, DataReport]:
    """Open a dataset and read its every file once.

    Args:
        source: what `open_data` takes.
        skip_bad: leave unusable files out.
        progress: wraps the files while they are read, given how many there are.
        known: targets of the run to evaluate, as for `open_data`.
        labels: whether labels are required, as for `open_data`.

    Raises:
        DataError: a file is unusable, and `skip_bad` is not given.
    """
    data = open_data(source, known=known, labels=labels)
    report = check_data(data, progress)
    if not report.faults:
        return data, report
    if not skip_bad:
        first, *others = report.faults.values()
        more = f" ({len(others)} more: `canon check {data.source}` lists them)" if others else ""
        raise DataError(f"{first}{more} Or pass --skip-bad to leave them out.")
    return validate(data.without(set(report.faults)), to_train=labels and known is None), report
