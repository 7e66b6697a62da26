"""Help, and what it takes to print it."""

import re
import subprocess
import sys

import pytest

from canon.cli import VERBS, main


def test_help_names_every_verb(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(re.search(rf"^  {verb} +\S", text, re.MULTILINE) for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_its_flags(verb, capsys):
    with pytest.raises(SystemExit) as stop:
        main([verb, "--help"])
    assert stop.value.code == 0
    assert f"usage: canon {verb}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--help"], ""),
        (["train", "--help"], ""),
        (["train", "lenet5", "--epoch", "3"], "Did you mean --epochs?"),
        (["train", "unet", "--upsampling", "sideways"], "sideways"),
    ],
)
def test_help_and_mistakes_in_a_flag_do_not_import_torch(argv, message):
    script = f"""
import sys
from canon.cli import main
try:
    main({argv!r})
except SystemExit:
    pass
sys.exit("torch" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert message in done.stderr


def test_importing_canon_does_not_import_torch():
    script = "import sys, canon; canon.__all__; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
