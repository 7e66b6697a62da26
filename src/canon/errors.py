"""Errors that a caller can correct, and suggestions for misspelled names.

A message is one line with three parts: the wrong value, what is expected, what to do next.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

LOOKALIKES = str.maketrans("ol_", "01-")


class CanonError(Exception):
    """Base of all errors that a caller can correct."""


class InputError(CanonError, ValueError):
    """An invalid name, number, or combination of options."""


class DataError(CanonError):
    """Images or labels that are unreadable, missing, or inconsistent."""


class RunError(CanonError):
    """A run folder that is missing, incomplete, in use, or of another network."""


class WeightsError(CanonError):
    """Weights that cannot be read, or that belong to another network."""


class LostProcessError(CanonError):
    """Another process of the same training has ended."""


class NonFiniteError(CanonError):
    """Training diverged: a loss or a weight is not a finite number."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A suggestion for an unknown name, ` Did you mean 'resnet50'?`, or an empty text."""
    originals = {other.lower().translate(LOOKALIKES): other for other in known}
    key = str(name).lower().translate(LOOKALIKES)
    close = get_close_matches(key, list(originals), n=1, cutoff=0.75)
    return f" Did you mean {originals[close[0]]!r}?" if close else ""


def unknown(kind: str, name: str, known: Iterable[str], listing: str) -> InputError:
    """The error for an unknown name, with the nearest known one and the command that lists all."""
    return InputError(f"no {kind} is named {name!r}.{nearest(name, known)} {listing} shows all.")


def require_positive(**numbers: int) -> None:
    """Raise an InputError for a flag below one."""
    for name, value in numbers.items():
        if value < 1:
            flag = f"--{name.replace('_', '-')}"
            raise InputError(f"{flag} is {value}; expected 1 or more. Pass {flag} 1.")


def require_choice(kind: str, name: str, choices: Sequence[str], verb: str) -> None:
    """Refuse a name that is not among the choices.

    Raises:
        InputError: the message names the nearest.
    """
    if name not in choices:
        raise unknown(kind, name, choices, f"`canon {verb} --help`")
