"""A third task in one file: everything works with it, and nothing else was changed for it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

EXAMPLE = Path(__file__).parents[2] / "examples" / "new_task.py"
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import new_task
from canon.cli import main
flags = ["--epochs", "8", "--out", "run", "--device", "cpu"]
assert main(["train", "lenet5-number", "squares", *flags]) == 0
assert main(["evaluate", "run", "--json"]) == 0
assert main(["predict", "run", "small.png", "large.png", "--out", "areas.csv"]) == 0
assert main(["compare", "run"]) == 0
assert main(["train", "lenet5-number", "digits"]) == 2
assert main(["train", "lenet5-number", "squares", *flags, "--resume"]) == 0
"""


def test_a_task_of_one_file_trains_evaluates_predicts_compares_and_reports(tmp_path):
    for name, side in (("small", 6), ("large", 24)):
        square = np.pad(np.full((side, side), 230, np.uint8), (28 - side) // 2)
        Image.fromarray(square).save(tmp_path / f"{name}.png")
    command = [sys.executable, "-c", PROGRAM, EXAMPLE.parent]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "val mean absolute error" in done.stdout
    assert "lenet5-number is a regression network, but digits contains class labels" in done.stderr
    lines = (tmp_path / "areas.csv").read_text().splitlines()
    small, large = (float(line.split(",")[1]) for line in lines[1:])
    assert lines[0] == "file,number"
    assert large > small + 0.2  # true areas are 0.05 and 0.73
    page = (tmp_path / "run" / "report.html").read_text()
    assert "mean absolute error on val" in page


def test_the_example_has_at_most_80_lines():
    assert len(EXAMPLE.read_text().splitlines()) <= 80
