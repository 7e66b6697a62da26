"""Print the sizes of src/canon: lines by floor, long files and functions, ResNet's code."""

import ast
import io
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

CANON = Path(__file__).resolve().parents[1] / "src" / "canon"
FILE, FUNCTION, FOLDER = 250, 40, 14  # limits: lines, lines, files
PUBLISHED = {"Published", "Printed", "Errors"}  # return types of helpers for published numbers

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
SKIPPED = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
           tokenize.ENDMARKER}  # fmt: skip


def lines_of(path: Path) -> int:
    """Lines of a file."""
    return len(path.read_text(encoding="utf-8").splitlines())


def docstring_lines(node: ast.AST) -> set[int]:
    """Lines of the docstrings of a definition and of the definitions in it."""
    lines: set[int] = set()
    for inner in ast.walk(node):
        if isinstance(inner, Definition) and ast.get_docstring(inner) is not None:
            text = inner.body[0]
            lines |= set(range(text.lineno, (text.end_lineno or text.lineno) + 1))
    return lines


def definitions(path: Path) -> dict[str, Definition]:
    """Functions and classes at the top of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, Definition)}


def code_lines(path: Path, node: Definition) -> int:
    """Lines of a definition with code: no decorators, docstrings, comments or empty lines."""
    used: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
        if token.type not in SKIPPED:
            used |= set(range(token.start[0], token.end[0] + 1))
    inside = set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(used & inside - docstring_lines(node))


def names_in(node: Definition) -> set[str]:
    """Names that a definition uses, outside its decorators and annotations of its result."""
    bare = [*ast.iter_child_nodes(node)]
    parts = [part for part in bare if part not in node.decorator_list]
    return {n.id for part in parts for n in ast.walk(part) if isinstance(n, ast.Name)}


def resnet() -> Iterator[tuple[str, int]]:
    """The definitions of ResNet and the shared parts that they use, with their lines of code."""
    own = CANON / "models" / "resnet.py"
    shared = [CANON / "layers" / name for name in ("residual.py", "stages.py")]
    todo = []
    for name, node in definitions(own).items():
        returns = getattr(node, "returns", None)
        published = isinstance(returns, ast.Name) and returns.id in PUBLISHED
        if name != "CifarResNet" and not published:
            todo.append((own, name, node))
    known = {name: (path, name, node) for path in shared for name, node in definitions(path).items()
             if path.name == "residual.py" or name == "average_head"}  # fmt: skip
    seen: set[str] = set()
    while todo:
        path, name, node = todo.pop(0)
        if name not in seen:
            seen.add(name)
            yield name, code_lines(path, node)
            todo += [known[used] for used in sorted(names_in(node) & set(known))]


def long_functions(path: Path) -> Iterator[str]:
    """Functions over the limit, with and without their docstrings."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION:
                bare = lines - len(docstring_lines(node))
                yield f"{path.relative_to(CANON)}:{node.lineno} {node.name} {lines} ({bare})"


def show(title: str, rows: list[str]) -> None:
    """Print a list under its title and length."""
    print("\n".join([f"\n{title}: {len(rows) or 'none'}", *(f"  {row}" for row in rows)]))


def main() -> None:
    """Print the tables."""
    files = sorted(CANON.rglob("*.py"))
    floors: Counter[str] = Counter()
    folders: Counter[Path] = Counter()
    for path in files:
        parts = path.relative_to(CANON).parts
        floors[parts[0] if len(parts) > 1 else "(modules)"] += lines_of(path)
        folders[path.parent] += path.name != "__init__.py"
    print(f"lines in {len(files)} files of src/canon")
    for floor, lines in [*floors.most_common(), ("total", floors.total())]:
        print(f"  {floor:<12}{lines:>8,}")
    sizes = {path.relative_to(CANON): lines_of(path) for path in files}
    show("files over 250 lines", [f"{path} {n}" for path, n in sizes.items() if n > FILE])
    functions = [line for path in files for line in long_functions(path)]
    show("functions over 40 lines, and without docstring", functions)
    wide = {f.relative_to(CANON): n for f, n in folders.items() if n > FOLDER}
    show("folders over 14 files", [f"{f} {n}" for f, n in wide.items() if f.name != "models"])
    parts_of_resnet = list(resnet())
    show("definitions of ResNet", [f"{name} {n}" for name, n in parts_of_resnet])
    print(f"ResNet: {sum(n for _, n in parts_of_resnet)} lines of code")


if __name__ == "__main__":
    main()
