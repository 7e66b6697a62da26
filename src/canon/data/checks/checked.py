"""Open a dataset and check it: refuse or leave out what cannot be read."""

from canon.data import DataReport, Dataset, check_data, open_data
from canon.data.dataset import validate
from canon.errors import DataError
from canon.utils.progress import Progress


def open_checked(
    source: str, skip_bad: bool, progress: Progress | None
) -> tuple[Dataset, DataReport]:
    """A set whose every file has been read once, without the bad ones if they may be skipped.

    Raises:
        DataError: a file is unreadable and may not be skipped.
    """
    data = open_data(source)
    report = check_data(data, progress)
    if not report.faults:
        return data, report
    if not skip_bad:
        first, *others = report.faults.values()
        more = f" ({len(others)} more: `canon check {source}` lists them)" if others else ""
        raise DataError(f"{first}{more} Or pass --skip-bad to leave them out.")
    return validate(data.without(set(report.faults))), report
