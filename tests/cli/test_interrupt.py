"""Ctrl-C while a network is trained."""

import json
import signal
import subprocess
import time

import pytest

from canon.cli import main
from tests.helpers.commands import CANON


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["training", "evaluating"])
def test_ctrl_c_saves_the_state_and_prints_how_to_resume(tmp_path, moment):
    out = tmp_path / "run"
    flags = ["train", "lenet5-modern", "--epochs", "30", "--out", str(out), "--device", "cpu"]
    process = subprocess.Popen(
        [*CANON, *flags], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not (out / "metrics.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3 if moment == "training" else 0.0)
    process.send_signal(signal.SIGINT)
    text, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    advice = f"interrupted; resume with: canon {' '.join(flags)} --resume"
    assert text.strip().splitlines()[-1] == advice
    assert errors == ""
    assert main([*flags, "--resume"]) == 0
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == list(range(1, 31))
