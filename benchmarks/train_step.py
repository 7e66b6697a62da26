"""The cost of a training step of each network on this machine, and whether the loss decreases.

    python -m benchmarks.train_step [NAME ...] [--out table.md]

Each network is trained for a few steps on one small batch of real images, in a separate process.
The recipe is the paper's, or the modern one if there is none; the learning rate is scaled with the
batch. The loss is that of the same images, without augmentation and dropout, before and after.
$CANON_DATA must contain ants_bees, mnist, and cifar10 with its unpack.py.
"""

import json
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch

from canon.errors import InputError
from canon.models import build, model_info, names
from canon.recipes import modern, paper
from canon.tasks.classification.loss import ClassificationLoss
from canon.training.loop import fit
from canon.training.recipe import Limits
from canon.training.schedules import Constant
from canon.utils.devices import make_accelerator, to_device
from tests.helpers.training_steps import loss_on, real_batches

STEPS, MORE = 8, 40  # more if momentum or dropout increases the loss at first
HEAD = ("network", "images", "recipe", "step, ms", "peak memory, MB", "steps", "loss before",
        "after")  # fmt: skip


def measure(name: str) -> dict[str, object]:
    """Train one network in this process."""
    published = model_info(name).published
    source, batch = dataset_for(name)
    classes = 2 if source == "ants_bees" else 10
    try:
        recipe = paper(name)
    except InputError:
        recipe = modern(name)
    rate = recipe.lr * batch / recipe.batch if recipe.batch > batch else recipe.lr
    recipe = replace(recipe, batch=batch, lr=rate, schedule=Constant(), average=0.0)
    data = real_batches(source, published.image, published.channels, batch, recipe)
    for steps in (STEPS, MORE):
        net = to_device(build(name, classes=classes), torch.device("cpu"))
        objective = ClassificationLoss.of(net, recipe.images.smoothing)
        before = loss_on(net, objective, data)
        events = fit(net, objective, data, recipe, make_accelerator("cpu"), limits=Limits(steps))
        seconds = [event.seconds for event in events if type(event).__name__ == "Epoch"]
        after = loss_on(net, objective, data)
        if after < before:
            break
    return {
        "network": name,
        "images": f"{batch} of {source}, {published.image} px",
        "recipe": recipe.name,
        "ms": round(1000 * median(seconds[1:])),
        "mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "steps": steps,
        "before": before,
        "after": after,
    }


def dataset_for(name: str) -> tuple[str, int]:
    """The data set to train on, and the number of its images."""
    published = model_info(name).published
    if published.channels == 1:
        return "mnist", 16
    return ("cifar10", 16) if published.image == 32 else ("ants_bees", 4)


def main() -> None:
    """Every network in its own process, then the table."""
    chosen = [word for word in sys.argv[1:] if not word.startswith("--")]
    out = chosen.pop() if "--out" in sys.argv else None
    rows, failed = [], []
    for name in chosen or names("classify"):
        command = [sys.executable, "-m", "benchmarks.train_step", "--one", name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{name}: {done.stderr.strip().splitlines()[-1]}", flush=True)
            failed.append(name)
            continue
        row = json.loads(done.stdout.splitlines()[-1])
        rows.append(row)
        print(*row.values(), "" if row["after"] < row["before"] else "NOT DECREASED", flush=True)
    if out:
        lines = ["| " + " | ".join(HEAD) + " |", "|---|---|---|---:|---:|---:|---:|---:|"]
        for r in rows:
            losses = f"{r['before']:.4g} | {r['after']:.4g}"
            lines.append(f"| `{r['network']}` | {r['images']} | {r['recipe']} | {r['ms']:,} | "
                         f"{r['mb']:,} | {r['steps']} | {losses} |")  # fmt: skip
        lines += [f"| `{name}` | failed |" for name in failed]
        Path(out).write_text("\n".join(lines) + "\n")
    sys.exit(bool(failed) or any(row["after"] >= row["before"] for row in rows))


if __name__ == "__main__":
    if "--one" in sys.argv:
        print(json.dumps(measure(sys.argv[-1])))
    else:
        main()
