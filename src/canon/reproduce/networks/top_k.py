"""Top-1 and top-5: on one prediction, and on a test set."""

import numpy as np
import torch
from matplotlib.figure import Figure
from sklearn.metrics import top_k_accuracy_score

from canon.analysis.charts import ACCENT, INK, SOFT
from canon.interpret.pictures import Floats
from canon.layers.stages import eval_mode
from canon.reproduce.charts import tidy
from canon.reproduce.result import Picture, Result, Row, Work, agreement
from canon.reproduce.training.curves import settings, train_classifier

PLACES = (1, 2, 3, 5)


def run(work: Work) -> Result:
    """Train LeNet-5 for three epochs on few digits, and count by hand and with scikit-learn."""
    model = train_classifier(settings("lenet5-modern", "digits", epochs=3, val=0.5), work)
    x, labels = model.images["val"], model.labels["val"]
    with eval_mode(model.net):
        logits = model.net(x)
    order = logits.argsort(1, descending=True)
    probabilities = logits.softmax(1).numpy()
    rows = []
    for k in PLACES:
        hits = (order[:, :k] == labels[:, None]).any(1).float().mean()
        expected = top_k_accuracy_score(labels.numpy(), probabilities, k=k)
        rows.append(Row(f"top-{k} accuracy, %", 100 * float(hits), 100 * float(expected), "scikit-learn's top_k_accuracy_score", 1e-3, expected=True))  # fmt: skip
    wrong = (order[:, 0] != labels) & (order[:, :5] == labels[:, None]).any(1)
    shown = int(torch.nonzero(wrong)[0]) if wrong.any() else 0
    chart = _chart(x[shown, 0].numpy(), probabilities[shown], int(labels[shown]))
    title = "A prediction that is wrong in top-1 and right in top-5"
    if not wrong.any():
        title = "A prediction"
    conclusion = (
        f"{agreement(tuple(rows))} {int(wrong.sum())} of {len(labels)} images are wrong in top-1 "
        "and right in top-5."
    )
    conditions = f"lenet5-modern, three epochs on half of the built-in digits, seed {model.seed}"
    return Result(tuple(rows), (Picture(title, chart),), conclusion, conditions)


def _chart(image: Floats, probabilities: Floats, label: int) -> Figure:
    figure = Figure(figsize=(7, 2.8), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 2))
    left.imshow(image, cmap="gray")
    left.set_title(f"true class: {label}", color=INK, fontsize=10)
    left.set_axis_off()
    first = np.argsort(-probabilities)[:5]
    colors = [ACCENT if number == label else SOFT for number in first]
    right.barh(range(5)[::-1], 100 * probabilities[first], color=colors)
    right.set_yticks(range(5)[::-1], [str(number) for number in first])
    tidy(right, "probability, %", "five likeliest classes")
    return figure
