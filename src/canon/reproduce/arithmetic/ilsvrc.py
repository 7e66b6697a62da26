"""The revolution of depth: layers of the winners of ILSVRC, and their errors.

Depth is counted on the graph that torch records of a forward pass: the largest number of
convolutions and linear layers on a path from the input to the scores. The errors need weights that
were trained on ImageNet, and are those of the challenge.
"""

import torch
from torch.autograd.graph import Node

from canon.analysis import describe
from canon.analysis.charts import DEPTH, revolution_of_depth
from canon.models import build, model_info
from canon.reproduce.result import Picture, Result, Row, Work, agreement

WEIGHTED = ("Convolution", "Addmm", "Mm")  # in the names of torch's backward functions

# Network, layers as printed.
NETWORKS = (
    ("alexnet", 8, "Krizhevsky et al., NIPS 2012"),
    ("vgg19", 19, "Simonyan, Zisserman, ICLR 2015"),
    ("googlenet", 22, "Szegedy et al., CVPR 2015"),
    ("resnet152", 152, "He et al., CVPR 2016"),
)


def run(work: Work) -> Result:
    """Build the networks, and count on their graphs."""
    rows = []
    for done, (name, layers, source) in enumerate(NETWORKS, 1):
        rows.append(Row(f"{name}: layers on the longest path", longest_path(name), layers, source))
        work.watch("counting", done, len(NETWORKS))
    lenet, alexnet = describe("lenet5").params, describe("alexnet").params
    rows.append(Row("AlexNet: parameters, over those of LeNet-5", round(alexnet / lenet), 1000, "course: about 1,000", 50))  # fmt: skip
    printed = model_info("resnet152").published.printed_macs
    assert printed is not None
    rows.append(Row("ResNet-152: multiplications, billions", describe("resnet152").macs / 1e9,
                    printed.value / 1e9, "He et al., Table 1", 0.05))  # fmt: skip
    errors = {entry: error for _, entry, _, error in DEPTH}
    conclusion = (
        f"{agreement(tuple(rows))} While the layers grew from 8 to 152, the top-5 error of the "
        f"challenge fell from {100 * errors['AlexNet']:.3g} to {100 * errors['ResNet']:.3g} %, by "
        f"the results of its organisers; weights trained on ImageNet would be needed to measure it."
    )
    return Result(tuple(rows), (Picture("The revolution of depth", revolution_of_depth()),), conclusion)  # fmt: skip


def longest_path(name: str) -> int:
    """Convolutions and linear layers on the longest path of a network, from its autograd graph."""
    with torch.device("meta"):
        net = build(name)
    published = model_info(name).published
    scores = net.eval()(torch.empty(1, published.channels, *published.size, device="meta"))
    longest: dict[Node | None, int] = {None: 0}
    todo = [scores.grad_fn]
    while todo:  # not by recursion, since graphs are deeper than Python's stack
        node = todo[-1]
        before = [] if node is None else [other for other, _ in node.next_functions]
        if missing := [other for other in before if other not in longest]:
            todo += missing
            continue
        todo.pop()
        if node is not None:
            own = any(word in node.name() for word in WEIGHTED)
            longest[node] = own + max((longest[other] for other in before), default=0)
    return longest[scores.grad_fn]
