"""How much of an epoch with a clustering loss goes into finding its targets again.

    python -m benchmarks.cluster_targets [METHOD ...]

8,000 images of 28 x 28 pixels, $CANON_DATA/mnist or noise; CPU seconds of the process, in which
the first epoch is left out.
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from unittest.mock import patch

import numpy as np

from canon.data.sources.open import open_data
from canon.runs.cluster_config import ClusterConfig
from canon.tasks.clustering import starts
from canon.tasks.clustering.job import PhaseEpoch
from canon.tasks.clustering.losses import objectives
from canon.workflows.cluster import cluster_events

METHODS = ("dec", "idec", "dcec", "dec-da", "idec-da", "dcec-da", "aljalbout", "aljalbout-kmeans",
           "self-label")  # fmt: skip
EPOCHS = {"aljalbout-kmeans": 12, "self-label": 8}  # targets are not found in every epoch


def images() -> np.ndarray:
    folder = Path(os.environ.get("CANON_DATA", "")) / "mnist"
    if folder.is_dir():
        return open_data(folder).splits["train"].images.pixels[:8000]
    return np.random.default_rng(0).integers(0, 256, (8000, 28, 28), np.uint8)


def measure(method: str, pixels: np.ndarray) -> tuple[float, float]:
    """Median CPU seconds of an epoch, and the share of all epochs that targets take."""
    spent, ends = [0.0], []
    with tempfile.TemporaryDirectory() as folder:
        config = ClusterConfig(
            pixels, k=10, method=method, pretraining_epochs=1, epochs=EPOCHS.get(method, 4),
            out=Path(folder) / "run", device="cpu",
        )  # fmt: skip
        with timed(spent):
            for event in cluster_events(config):
                if isinstance(event, PhaseEpoch) and event.phase == "training":
                    ends.append((time.process_time(), spent[0]))
    times, targets = np.array(ends).T
    return median(np.diff(times)), float((targets[-1] - targets[0]) / (times[-1] - times[0]))


@contextmanager
def timed(spent: list[float]) -> Iterator[None]:
    """Add the time of `begin_epoch` of all objectives to the first entry of a list."""

    def wrapped(plain):
        def begin_epoch(*args):
            start = time.process_time()
            plain(*args)
            spent[0] += time.process_time() - start

        return begin_epoch

    with ExitStack() as patches:
        for kind in (objectives.Hardening, objectives.KMeansLoss, objectives.Classification):
            patches.enter_context(patch.object(kind, "begin_epoch", wrapped(kind.begin_epoch)))
        yield


def main() -> None:
    pixels = images()
    starts.mixture = partial(starts.mixture, starts=1)
    for method in sys.argv[1:] or METHODS:
        seconds, share = measure(method, pixels)
        print(f"{method:18} epoch {seconds:6.2f} s CPU, targets {share:5.1%} of it", flush=True)


if __name__ == "__main__":
    main()
