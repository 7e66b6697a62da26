"""A residual block with zero weights is the identity: adding one does no harm."""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from canon.layers import init
from canon.layers.residual import option_a, plain
from canon.layers.stages import eval_mode
from canon.models.resnet import Basic
from canon.reproduce.charts import bars
from canon.reproduce.result import Picture, Result, Row, Work, agreement
from canon.reproduce.training.curves import TrainedClassifier, settings, train_classifier

SOURCE = "He et al., CVPR 2016, section 1"
BLOCKS = 4  # that are added
STEPS, BATCH, RATE = 60, 64, 0.01  # of further training


def run(work: Work) -> Result:
    """Train ResNet-20, add blocks, and measure before and after further training."""
    model = train_classifier(
        settings("resnet20", "digits", recipe="paper", image=8, epochs=5, batch=64, lr=0.02,
                 augment="none", val=0.3), work,
    )  # fmt: skip
    zero, none, random = (_deeper(model.net, kind) for kind in ("zero", "plain", "random"))
    before = _logits(model.net, model)
    change = float((_logits(zero, model) - before).abs().max())
    loss, error = _loss(model.net, model), _error(model.net, model)
    after = {}
    for i, (name, net) in enumerate({"as it is": model.net, f"{BLOCKS} zero blocks": zero}.items()):
        after[name] = _loss(_further(net, model), model)
        work.watch("further training", i + 1, 2)
    rows = (
        Row(f"{BLOCKS} residual blocks with zero weights: largest change of a score", change, 0.0, SOURCE, 1e-6),
        Row("test error of ResNet-20, %", 100 * error),
        Row(f"with {BLOCKS} residual blocks of zero weights, %", 100 * _error(zero, model), 100 * error, "the row above", 1e-9, expected=True),
        Row(f"with {BLOCKS} plain blocks of zero weights, %", 100 * _error(none, model)),
        Row(f"with {BLOCKS} residual blocks of random weights (He), %", 100 * _error(random, model)),
        Row("training loss, nats", loss),
        Row(f"after {STEPS} more steps, without more blocks", after["as it is"]),
        Row(f"after {STEPS} more steps, with {BLOCKS} zero blocks", after[f"{BLOCKS} zero blocks"]),
    )  # fmt: skip
    errors = {"ResNet-20": error, "and 4 zero residual blocks": _error(zero, model),
              "and 4 random residual blocks": _error(random, model),
              "and 4 zero plain blocks": _error(none, model)}  # fmt: skip
    chart = bars(list(errors), [100 * value for value in errors.values()], "test error, %")
    harmless = after[f"{BLOCKS} zero blocks"] <= loss
    conclusion = (
        f"{agreement(rows)} Plain blocks with zero weights destroy the network. Further training "
        f"with the additional blocks {'lowers' if harmless else 'does NOT lower'} the training "
        "loss."
    )
    conditions = f"built-in digits of 8 x 8 pixels, seed {model.seed}, 5 epochs"
    return Result(rows, (Picture("Test error with additional blocks", chart),), conclusion, conditions)  # fmt: skip


def _deeper(net: nn.Module, kind: str) -> nn.Module:
    """A copy with blocks at the end of the last stage, whose branches are zero or random."""
    deeper = copy.deepcopy(net)
    stage = deeper.get_submodule("features.stage3")
    assert isinstance(stage, nn.Sequential)
    for i in range(BLOCKS):
        block = Basic(64, 64, 1, plain if kind == "plain" else option_a)
        init.he(block, i)
        if kind != "random":
            last = block.branch[-1][-1]  # type: ignore[index]
            nn.init.zeros_(last.weight)  # the scale of its normalisation; the shift is zero
        stage.append(block)
    return deeper


def _logits(net: nn.Module, model: TrainedClassifier, split: str = "val") -> Tensor:
    with eval_mode(net):
        return net(model.images[split])


def _error(net: nn.Module, model: TrainedClassifier) -> float:
    return float((_logits(net, model).argmax(1) != model.labels["val"]).float().mean())


def _loss(net: nn.Module, model: TrainedClassifier) -> float:
    return float(F.cross_entropy(_logits(net, model, "train"), model.labels["train"]))


def _further(net: nn.Module, model: TrainedClassifier) -> nn.Module:
    """A copy after more steps of gradient descent, on the same batches for every network."""
    net = copy.deepcopy(net).train()
    optimizer = torch.optim.SGD(net.parameters(), RATE, momentum=0.9)
    order, x, y = torch.Generator().manual_seed(0), model.images["train"], model.labels["train"]
    for _ in range(STEPS):
        batch = torch.randint(len(x), (BATCH,), generator=order)
        loss = F.cross_entropy(net(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net
