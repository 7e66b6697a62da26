"""The task of each network."""

from typing import Any

from canon.errors import InputError
from canon.models import model_info
from canon.tasks.base import Task
from canon.tasks.classification.task import Classification
from canon.tasks.clustering.task import Clustering
from canon.tasks.generation.task import Generation
from canon.tasks.reconstruction.task import Reconstruction
from canon.tasks.segmentation.task import Segmentation

TASKS: dict[str, Task[Any]] = {}


def register_task(task: Task[Any]) -> Task[Any]:
    """Add a task under its name; networks registered with that name are trained by it."""
    TASKS[task.name] = task
    return task


register_task(Classification())
register_task(Segmentation())
register_task(Reconstruction())
register_task(Clustering())
register_task(Generation())


def task_named(name: str) -> Task[Any]:
    """The task of that name.

    Raises:
        InputError: no task has it.
    """
    if name not in TASKS:
        raise InputError(
            f"no task is named {name!r}; expected one of {', '.join(TASKS)}. Import the module "
            "that registers it."
        )
    return TASKS[name]


def task_of(model: str) -> Task[Any]:
    """The task that a registered network is trained for."""
    return task_named(model_info(model).task)
