"""Check the words that users read: `python tools/words.py` prints file:line: word.

Scans README.md, CHANGELOG.md, CONTRIBUTING.md and docs/ as text, and below src/ the string
literals, docstrings, comments, templates and the names of functions, classes, variables and
parameters. A line with the mark `words: ok` is skipped: use it for a quotation, or for a key of an
old file format.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TEXTS = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/**/*.md", "src/**/*.j2")
MARK = "words: ok"

# CONTRIBUTING.md lists the terms to use instead.
AVOID = (
    r"likewise",
    r"said",
    r"told",
    r"asked",
    r"stands",
    r"beside",
    r"mend(?:s|ed|ing)?",
    r"go(?:es|ing)? on(?! (?:a|the|one|two|several) (?:devices?|GPUs?|CPU)\b)",
    r"gone on",
    r"of which",
    r"what becomes of",
    r"counts? for nothing",
    r"some(?=\s*[.,;:)])",
    r"(?:expected|needs?|free|are) some(?= (?:to|that|of|as)\b)",
)
WORDS = re.compile(r"\b(" + "|".join(AVOID).replace(" ", r"\s+(?:#\s+)?") + r")\b", re.IGNORECASE)
NAMES = {"said", "told", "asked", "stands", "mend", "likewise", "beside"}
STRINGS = {tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}

Piece = tuple[int, str]  # its first line, and its text
Finding = tuple[int, str]  # line and word


def code_pieces(source: str) -> Iterator[Piece]:
    """The strings and the blocks of comments of a Python file."""
    comment: list[str] = []
    begin = end = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in STRINGS or re.fullmatch(r"[\"']\w+[\"']", token.string):
            continue  # a string of one word is a key, not prose
        line = token.start[0]
        if token.type != tokenize.COMMENT:
            formatted = re.match(r"[rR]?[fF]", token.string)  # code in braces, before Python 3.12
            yield line, re.sub(r"\{[^{}\n]*\}", "{}", token.string) if formatted else token.string
        elif comment and line == end + 1:  # a phrase may be broken over two lines of a comment
            comment.append(token.string)
            end = line
        else:
            yield begin, "\n".join(comment)
            comment, begin, end = [token.string], line, line
    yield begin, "\n".join(comment)


def names(source: str) -> Iterator[Finding]:
    """Names of functions, classes, variables and parameters that contain a word to avoid."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                name = node.name
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                pass
            case _:
                continue
        if NAMES & {part.lower() for part in re.findall(r"[A-Z]?[a-z]+", name)}:
            yield node.lineno, name


def findings(path: Path) -> list[Finding]:
    """The words to avoid in a file, by line."""
    source = path.read_text(encoding="utf-8")
    lines = source.splitlines()
    python = path.suffix == ".py"
    found = list(names(source)) if python else []
    # Code within a sentence is no prose: in a changelog it is the old name.
    prose = re.sub(r"`[^`\n]+`", "`code`", source) if path.suffix == ".md" else source
    for first, text in code_pieces(source) if python else [(1, prose)]:
        for match in WORDS.finditer(text):
            line = first + text.count("\n", 0, match.start())
            found.append((line, re.sub(r"\s+(#\s+)?", " ", match[1])))
    return sorted({(line, word) for line, word in found if MARK not in lines[line - 1]})


def main(arguments: list[str]) -> int:
    """Check the given files, or all; 1 if there are findings."""
    files = [Path(name).resolve() for name in arguments]
    if not files:
        files = [path for pattern in TEXTS for path in sorted(ROOT.glob(pattern))]
        files += sorted((ROOT / "src").rglob("*.py"))
    count = 0
    for path in files:
        for line, word in findings(path):
            print(f"{path.relative_to(ROOT) if ROOT in path.parents else path}:{line}: {word}")
            count += 1
    if count:
        print(f"{count} words to avoid; CONTRIBUTING.md lists what to write instead")
    return int(count > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
