"""Mistakes in flags: the framed message of tyro as one line in Canon's words."""

import re

INT = re.compile(r"\bINT\b|int\(\)")
FLOAT = re.compile(r"\bFLOAT\b|\bfloat\b")


def one_line(box: str, verb: str) -> str:
    """What is wrong, what was expected, and what to do next."""
    lines = [re.sub(r"^[│|]|[│|]$", "", line.strip()).strip() for line in box.splitlines()[1:]]
    inside = [line.strip("╭╮╰╯─+-") and line for line in lines]
    sections = "\n".join(inside).strip().split("\n\n")
    complaint, *rest = [re.sub(r"\s+", " ", section) for section in sections]
    complaint = complaint.partition(" Got errors:")[0].rstrip(".")
    meant = [flag for part in rest if "Perhaps" in part for flag in re.findall(r"--[\w-]+", part)]
    question = f" Did you mean {' or '.join(dict.fromkeys(meant))}?" if meant else ""
    return f"{_plain(complaint)}.{question} `canon {verb} --help` shows the flags."


def _plain(complaint: str) -> str:
    """The complaint in Canon's words: what is wrong, and what was expected."""
    if found := re.fullmatch(r"Missing from canon \w+: (\S+) (.*?)\.? \(required\)", complaint):
        return f"{found[1]} is missing; expected {found[2]}"
    if found := re.match(r"Missing value for argument '(\S+)'", complaint):
        return f"{found[1]} has no value; expected one"
    if found := re.match(r"invalid choice ('.*?') for argument '(\S+)'\. .*\((.*)\)$", complaint):
        choices = re.findall(r"'(.*?)'", found[3])
        if "None" in choices:  # an optional value, whose choices tyro lists in no fixed order
            choices = sorted(choice for choice in choices if choice != "None")
        *others, last = choices
        return f"{_flag(found[2])} is {found[1]}; expected {', '.join(others)} or {last}"
    if found := re.match(r"Error parsing (\S+): (.*?)('[^']*')\]?$", complaint):
        for kind, expected in ((INT, "a whole number"), (FLOAT, "a number")):
            if kind.search(found[2]):
                return f"{_flag(found[1])} is {found[3]}; expected {expected}"
    return complaint


def _flag(name: str) -> str:
    """A flag as it is written, or a positional argument as the help calls it."""
    return name if name.startswith("-") else name.upper()
