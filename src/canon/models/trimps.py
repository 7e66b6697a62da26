"""The winner of ILSVRC 2016: Trimps-Soushen, ILSVRC and COCO workshop at ECCV 2016; see PAPER.

The ensemble reached 2.991 % top-5 error on the test set.

Differences from the paper: there is none, only slides. They name five networks, all available here:
Inception-v3, Inception-v4, Inception-ResNet-v2, pre-activation ResNet-200, and a wide ResNet of 68
layers. Never published were the weights of the fusion (more accurate networks are reported to have
higher ones), the training, and the last member's shape: the paper on wide ResNets has none of 68
layers, the slides call it WRN-68-3, a review of them WRN-68-2. `wide-resnet68-2` is therefore a
reading, not a reconstruction: bottlenecks twice as wide, in 3, 4, 12 and 3 blocks, which make 68
layers.
"""

from canon.models.resnet import ResNet
from canon.models.wide_resnet import WideBottleneck
from canon.registry import Errors, Paper, Published, PublishedEnsemble, register, register_ensemble

PAPER = Paper(
    authors="Trimps-Soushen",
    title="Good Practices for Deep Feature Fusion",
    venue="ILSVRC and COCO workshop at ECCV",
    year=2016,
    identifier="image-net.org/challenges/LSVRC/2016/results",
)


@register(
    "wide-resnet68-2", paper=PAPER, block=WideBottleneck, depths=(3, 4, 12, 3),
    published=Published(89_355_048, 15_405_678_592, layers=68),
)  # fmt: skip
class WideResNet68(ResNet):
    """A wide bottleneck ResNet of 68 layers; its shape is a guess, see the module.

    Takes what ResNet takes.

    Shape: (N, 3, 224, 224) -> (N, K); any square from 33 pixels.
    """


TRIMPS_SOUSHEN = register_ensemble(
    PublishedEnsemble(
        name="trimps-soushen",
        paper=PAPER,
        members=("inception-v3", "inception-v4", "inception-resnet-v2", "preact-resnet200",
                 "wide-resnet68-2"),
        errors=Errors(None, 0.02991, "ILSVRC-2016 test"),
    )
)  # fmt: skip
