"""Every script in examples/ runs, as a user would run it, in an empty folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "examples").glob("*.py"))
SLOW = {  # more than ten seconds
    "fine_tune.py", "receptive_field.py", "segment_a_slide.py", "train_on_a_folder.py",
    "new_paper.py", "own_training_loop.py",
}  # fmt: skip

# What a script prints last, up to the figures.
PRINTED = {
    "fine_tune.py": "from scratch: top-1 ",
    "new_paper.py": "val: top-1 ",
    "new_task.py": "",  # it registers a task; tests/tasks/test_new_task.py trains it
    "own_training_loop.py": "epoch 4/4  train loss ",
    "receptive_field.py": "resnet18: field 435 pixels; ",
    "segment_a_slide.py": "masks/slide.tif: ",
    "train_on_a_folder.py": "new.png circle ",
}


CASES = [
    pytest.param(path, id=path.name, marks=[pytest.mark.slow] if path.name in SLOW else [])
    for path in SCRIPTS
]


@pytest.mark.parametrize("script", CASES)
def test_the_script_runs_without_warnings(script, tmp_path):
    paths = [str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    *_, last = ["", *done.stdout.splitlines()]
    assert last.startswith(PRINTED[script.name])


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_the_docstring_begins_with_one_line_that_is_a_sentence(script):
    first = script.read_text().splitlines()[0]
    assert first.startswith('"""')
    assert first.removesuffix('"""').endswith(".")
