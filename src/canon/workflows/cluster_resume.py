"""The clustering to resume, and its configuration."""

from pathlib import Path

from canon.errors import InputError, RunError
from canon.runs.cluster_config import ClusterConfig
from canon.runs.clustering import ClusterRun
from canon.runs.open import open_run
from canon.runs.resume import unchanged

FREE = {"out", "device", "resume", "copy"}  # what a resumed clustering may change


def recorded_run(config: ClusterConfig) -> ClusterRun:
    """The clustering to resume.

    Raises:
        InputError: no folder is given.
        RunError: the folder holds no clustering.
    """
    if config.out is None:
        raise InputError("--resume needs the run folder; expected --out. Pass --out runs/NAME.")
    run = open_run(config.out)
    if not isinstance(run, ClusterRun):
        raise RunError(
            f"{config.out} is no clustering; expected a folder that `canon cluster` made. Resume "
            "it with `canon train`."
        )
    return run


def resumed_config(run: ClusterRun, config: ClusterConfig) -> ClusterConfig:
    """The recorded configuration, if no setting that is given differs.

    Raises:
        InputError: one differs.
    """
    recorded = unchanged(config, ClusterConfig(), run, FREE, "clustering")
    session = {"out": config.out, "resume": True, "device": config.device, "copy": config.copy}
    if not isinstance(config.data, (str, Path)):
        session["data"] = config.data
    return ClusterConfig(**recorded | session)
