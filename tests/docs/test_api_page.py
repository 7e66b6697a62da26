"""The API reference names every public name, and nothing that does not exist."""

import re
from importlib import import_module
from pathlib import Path

import pytest

import canon

ROOT = Path(__file__).parents[2]
NAMES = re.findall(r"^::: (\S+)$", (ROOT / "docs" / "api.md").read_text(), re.MULTILINE)


def test_every_public_name_is_documented():
    assert {f"canon.{name}" for name in canon.__all__} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_name_exists_and_has_a_docstring(name):
    module, _, attribute = name.rpartition(".")
    assert getattr(import_module(module), attribute).__doc__
