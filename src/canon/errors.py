"""Errors that a caller can correct, and suggestions for misspelled names.

A message has three parts: what is wrong with the value, what was expected, what to do next.
"""

from collections.abc import Iterable
from difflib import get_close_matches

ALIKE = str.maketrans("ol_", "01-")  # what is easily typed or read for another


class CanonError(Exception):
    """Base of every mistake that the caller can put right; its text is one line."""


class InputError(CanonError, ValueError):
    """A name, a number or a combination of them that cannot be used."""


class DataError(CanonError):
    """Images or labels that cannot be read, are missing, or do not fit together."""


class RunError(CanonError):
    """A run folder that is missing, incomplete, occupied, or of another network."""


class WeightsError(CanonError):
    """Weights that cannot be read, or that belong to another network."""


class NonFiniteError(CanonError):
    """Training diverged: a loss or a weight is not a finite number."""


def nearest(name: str, known: Iterable[str]) -> str:
    """The question after an unknown name, ` Did you mean 'resnet50'?`, or nothing."""
    alike = {one.lower().translate(ALIKE): one for one in known}
    close = get_close_matches(str(name).lower().translate(ALIKE), list(alike), n=1, cutoff=0.6)
    return f" Did you mean {alike[close[0]]!r}?" if close else ""


def unknown(kind: str, name: str, known: Iterable[str], listing: str) -> InputError:
    """The error for a name that is not known, with the nearest one and where all are listed."""
    return InputError(f"no {kind} is named {name!r}.{nearest(name, known)} {listing} shows all.")


def require_positive(**numbers: int) -> None:
    """Raise an InputError for a flag below one."""
    for name, value in numbers.items():
        if value < 1:
            raise InputError(f"--{name} is {value}; expected 1 or more. Pass --{name} 1.")
