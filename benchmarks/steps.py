"""What a training step of each network costs on this machine, and whether it learns.

    python -m benchmarks.steps [NAME ...] [--out table.md]

Each network trains for a few steps on one small batch of real images by its own recipe (its
paper's, or the modern one where no paper trains it) in a process of its own. The rate is scaled to
the batch in proportion. The loss is that of the same images, without augmentation and dropout,
before and after. $CANON_DATA must hold ants_bees, mnist, and cifar10 with its unpack.py.
"""

import json
import os
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import torch

from canon.data import Preprocessing, open_data
from canon.data.augment.image_batches import ImageBatches
from canon.data.packs.images import build_image_pack
from canon.errors import InputError
from canon.models import build, model_info, names
from canon.recipes import modern, paper
from canon.runs.plan import with_normalization
from canon.tasks.classification.loss import ClassificationLoss
from canon.training.loop import fit
from canon.training.recipe import Limits
from canon.utils.devices import make_accelerator, to_device
from canon.utils.files import cache_dir

STEPS, MORE = 8, 40  # more where momentum or dropout first carry the loss upwards
HEAD = ("network", "images", "recipe", "step, ms", "peak memory, MB", "steps", "loss before",
        "after")  # fmt: skip


def measured(name: str) -> dict[str, object]:
    """Train one network in this process."""
    published = model_info(name).published
    source, batch = chosen(name)
    classes = 2 if source == "ants_bees" else 10
    try:
        recipe = paper(name)
    except InputError:
        recipe = modern(name)
    rate = recipe.lr * batch / recipe.batch if recipe.batch > batch else recipe.lr
    recipe = replace(recipe, batch=batch, lr=rate, schedule="constant", average=0.0)
    data = batches(source, published.image, published.channels, batch, recipe)
    for steps in (STEPS, MORE):
        net = to_device(build(name, classes=classes), torch.device("cpu"))
        task = ClassificationLoss.of(net, classes, recipe.smoothing)
        before = loss(net, task, data)
        events = fit(net, task, data, recipe, Limits(steps), make_accelerator("cpu"))
        seconds = [event.seconds for event in events if type(event).__name__ == "Epoch"]
        after = loss(net, task, data)
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


def chosen(name: str) -> tuple[str, int]:
    """The set to train on, and how many of its images."""
    published = model_info(name).published
    if published.channels == 1:
        return "mnist", 16
    return ("cifar10", 16) if published.image == 32 else ("ants_bees", 4)


def batches(source: str, image: int, channels: int, count: int, recipe):
    """The first images of each class of a set, as training batches."""
    where = Path(os.environ["CANON_DATA"], source)
    part = open_data(cifar(where) if source == "cifar10" else where).parts["train"]
    kinds = np.unique(part.labels)
    places = [np.flatnonzero(part.labels == k)[: -(-count // len(kinds))] for k in kinds]
    part = part.select(np.sort(np.concatenate(places)[:count]))
    border, crop = (2, 1.0) if source == "mnist" else (0, 1.0 if image == 32 else recipe.crop)
    how = Preprocessing(image, channels, border=border, crop=crop)
    pack = build_image_pack(part, how)
    how = with_normalization(how, recipe, None, *pack.statistics())
    return ImageBatches(pack, how, recipe.augmentation)


def cifar(folder: Path) -> Path:
    """CIFAR-10 as an npz, unpacked once into the cache."""
    path = cache_dir() / "cifar10.npz"
    if not path.is_file():
        subprocess.run([sys.executable, folder / "unpack.py", path], check=True)
    return path


def loss(net, task, data) -> float:
    """Of the images as they are, with the statistics of the batch and without dropout."""
    net.train()
    for module in net.modules():
        if isinstance(module, torch.nn.Dropout):
            module.eval()
    images, labels = data.evaluation(torch.arange(len(data)))
    momenta = {m: m.momentum for m in net.modules() if hasattr(m, "momentum")}
    with torch.no_grad():
        for module in momenta:
            module.momentum = 0.0  # looking must not move the running statistics
        value = float(task.losses(net(images), labels, 0.0).mean())
        for module, momentum in momenta.items():
            module.momentum = momentum
    return value


def main() -> None:
    """Every network in its own process, then the table."""
    asked = [word for word in sys.argv[1:] if not word.startswith("--")]
    out = asked.pop() if "--out" in sys.argv else None
    rows, failed = [], []
    for name in asked or names("classify"):
        command = [sys.executable, "-m", "benchmarks.steps", "--one", name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{name}: {done.stderr.strip().splitlines()[-1]}", flush=True)
            failed.append(name)
            continue
        row = json.loads(done.stdout.splitlines()[-1])
        rows.append(row)
        print(*row.values(), "" if row["after"] < row["before"] else "NOT LOWER", flush=True)
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
        print(json.dumps(measured(sys.argv[-1])))
    else:
        main()
