"""Write the report of a finished run."""

from importlib import import_module
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from torch import nn

from canon.inference.predictor import TorchPredictor
from canon.runs.folder import Run
from canon.tasks.base import Task
from canon.training.interfaces import Metrics


def write_report(
    run: Run,
    task: Task[Any],
    metrics: Metrics,
    pack: Any,
    net: nn.Module,
    accelerator: Accelerator,
) -> Path:
    """Write report.html into a run folder and return its path.

    Drawing is imported here, half a second that only a finished run pays.

    Args:
        run: the run, with its result.
        task: of the run; its section of the page is imported by name.
        metrics: the result.
        pack: the samples that were evaluated.
        net: the network, on its device.
        accelerator: the device.
    """
    render_page = import_module("canon.reports.page").render_page
    section = ""
    if task.section is not None:
        predictor = TorchPredictor(net, run.preprocessing, accelerator)
        model = run.trained_model(net)
        section = import_module(task.section).section(run, model, metrics, pack, predictor)
    return render_page(run, metrics, section, net)
