"""Every Python example in the documentation runs, and every command in it is one."""

import re
import shlex
from pathlib import Path

import pytest

import canon
from canon.cli import VERBS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


LONG = ("clustering.md", "deployment.md", "generation.md")  # they train, or measure engines


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.name, marks=[pytest.mark.slow] if page.name in LONG else [])
        for page in PAGES
        if EXAMPLE.search(page.read_text())
    ],
)
def test_python_examples_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for example in EXAMPLE.findall(page.read_text()):
        exec(compile(example, str(page), "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_commands_have_real_verbs_and_flags(page):
    import importlib

    for block in SHELL.findall(page.read_text()):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] != ["canon"]:
                continue
            assert words[1] in VERBS
            command = importlib.import_module(f"canon.cli.{words[1]}").Command
            flags = {word[2:].replace("-", "_") for word in words if word.startswith("--")}
            assert flags <= set(command.__dataclass_fields__), line


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_and_pictures_exist(page):
    for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_every_registered_network_is_reachable_from_the_readme():
    readme = (ROOT / "README.md").read_text()
    roots = {re.match(r"[a-z]+", name)[0] for name in canon.names()}
    assert all(root in readme for root in roots)
