"""What an exported file says about itself, as text by name."""

import json
from typing import Any

from canon.data.preprocessing import Preprocessing
from canon.errors import DataError

FORMAT = 1  # of the metadata; a change that older code cannot read raises it


def metadata_text(
    record: dict[str, Any], prep: Preprocessing, *, input: str, input_name: str, license: str
) -> dict[str, str]:
    """The metadata of a file.

    Args:
        record: what run.json holds of the network and its data.
        prep: the preprocessing in the record.
        input: what the input is, in words.
        input_name: its name in the graph.
        license: of the weights, as far as it is known.
    """
    normalization = {"mean": prep.mean, "std": prep.std, "white": prep.white}
    return {
        "canon_format": str(FORMAT),
        "model": record["model"],
        "task": record["task"],
        "classes": json.dumps(record["data"]["classes"]),
        "input": input,
        "input_name": input_name,
        "normalization": json.dumps(normalization),
        "license": license,
        "run": json.dumps(record),
    }


def recorded_run(text: dict[str, str], name: str) -> dict[str, Any]:
    """What run.json held of the network in a file.

    Args:
        text: the metadata.
        name: of the file, for messages.

    Raises:
        DataError: the file was not written by Canon, or by a newer version, or is damaged.
    """
    if "canon_format" not in text:
        raise DataError(
            f"{name} has no metadata of Canon; expected a file written by `canon export`. Export "
            "the network with it."
        )
    try:
        if int(text["canon_format"]) > FORMAT:
            raise DataError(
                f"{name} was written by a newer version of Canon; expected format {FORMAT} or "
                "older. Update Canon."
            )
        record = json.loads(text["run"])
        return dict(record)
    except (ValueError, KeyError, TypeError, RecursionError) as reason:
        raise damaged(name, reason) from None


def damaged(name: str, reason: Exception) -> DataError:
    """The error for metadata that cannot be read."""
    return DataError(
        f"the metadata of {name} is damaged ({reason}); expected what `canon export` wrote. "
        "Export the network again."
    )
