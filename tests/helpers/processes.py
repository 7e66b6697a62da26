"""Running a script as one process and as two that share its work."""

import json
import os
import subprocess
import sys
from pathlib import Path

import torch

# A process of several now and then aborts in torch's threads when it exits: see `canon.__main__`.
LEAVE = """
import os
from canon.utils.devices import leave_group

leave_group()
sys.stdout.flush()
os._exit(0)
"""


def on_one_and_two_processes(script: str, folder: Path) -> list[tuple[list, dict]]:
    """What a script prints as JSON and saves to the path it is given, by one process and by two."""
    (folder / "script.py").write_text(script + LEAVE)
    results = []
    for count in (1, 2):
        path = folder / f"{count}.pt"
        command = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={count}",
                   "--standalone", folder / "script.py", path]  # fmt: skip
        environment = os.environ | {
            "ACCELERATE_USE_CPU": "1",
            "PYTHONPATH": str(Path.cwd()),
            "OMP_NUM_THREADS": "1",
        }
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
        results.append(
            (json.loads(done.stdout.splitlines()[-1]), torch.load(path, weights_only=True))
        )
    return results
