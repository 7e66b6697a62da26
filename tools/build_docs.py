"""Build the documentation site: `python tools/build_docs.py` writes site/.

README.md becomes the first page, each script of examples/ a section of one page. Links are changed
to match, since the pages are also read in the repository. A site that loads a font, script or
stylesheet from another host is an error.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES, SITE = ROOT / "build" / "docs", ROOT / "site"
MOVED = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md",
         "CHANGELOG.md": "changelog.md"}  # fmt: skip
ONLY_HERE = ("CITATION.cff", "LICENSE", "SECURITY.md", "CODE_OF_CONDUCT.md")
FOREIGN = re.compile(
    r"<(?:link|script|img|iframe)\b[^>]*?\b(?:src|href)=\"?((?:https?:)?//[^\s\">]+)"
)


def link(match: re.Match[str]) -> str:
    """A link of the repository as a link of the site."""
    target, _, anchor = match[1].partition("#")
    target = target.removeprefix("../").removeprefix("docs/")
    if target.startswith("examples/"):
        target, anchor = "examples.md", target.removeprefix("examples/").replace(".", "")
    target = MOVED.get(target, target)
    if target in ONLY_HERE:
        return ""
    return f"]({target}#{anchor})" if anchor else f"]({target})"


def page(text: str) -> str:
    """A Markdown page with the links of the site."""
    return re.sub(r"\]\((?!https?:|#)([^)]+)\)", link, text)


def examples() -> str:
    """One page with all example scripts."""
    sections = ["# Examples", "Complete scripts. Each creates its own small dataset."]
    for path in sorted((ROOT / "examples").glob("*.py")):
        code = path.read_text(encoding="utf-8")
        sections += [f"## {path.name}", f"```python\n{code}```"]
    return "\n\n".join(sections) + "\n"


def copy_pages() -> None:
    """Write the pages of the site to build/docs/."""
    shutil.rmtree(PAGES, ignore_errors=True)
    shutil.copytree(ROOT / "docs", PAGES)
    for path in PAGES.glob("*.md"):
        path.write_text(page(path.read_text(encoding="utf-8")), encoding="utf-8")
    for source, name in MOVED.items():
        (PAGES / name).write_text(page((ROOT / source).read_text(encoding="utf-8")), "utf-8")
    (PAGES / "examples.md").write_text(examples(), encoding="utf-8")


def foreign() -> list[str]:
    """Everything that a page of the site would load from another host."""
    found = []
    for path in sorted(SITE.rglob("*.html")):
        for tag in re.finditer(FOREIGN, path.read_text(encoding="utf-8")):
            if 'rel="canonical"' not in tag[0] and "rel=canonical" not in tag[0]:
                found.append(f"{path.relative_to(SITE)}: {tag[1]}")
    return found


def main() -> int:
    """Build the site; 1 if it would load anything from elsewhere."""
    copy_pages()
    shutil.rmtree(SITE, ignore_errors=True)
    zensical = Path(sys.executable).with_name("zensical")
    subprocess.run([zensical, "build", "--clean", "--strict"], cwd=ROOT, check=True)
    for found in (elsewhere := foreign()):
        print(f"loaded from another host: {found}")
    print(f"site: {SITE / 'index.html'}")
    return int(bool(elsewhere))


if __name__ == "__main__":
    sys.exit(main())
