"""The keys of other libraries' checkpoints, as rewrite rules.

A dialect is a list of (pattern, replacement), applied in order to each key of a checkpoint, and the
networks that such a checkpoint belongs to.
"""

import re
from dataclasses import dataclass

Rules = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Dialect:
    """The keys that a library uses for certain networks.

    Args:
        library: its name.
        models: registered names of the networks.
        rules: regular expressions and their replacements.
    """

    library: str
    models: tuple[str, ...]
    rules: Rules

    def key(self, foreign: str) -> str:
        """Translate a foreign key to ours."""
        for pattern, replacement in self.rules:
            foreign = re.sub(pattern, replacement, foreign)
        return foreign


ALEXNET: Rules = (
    *((rf"^features\.{place}\.", f"features.conv{i}.0.")
      for i, place in enumerate((0, 3, 6, 8, 10), 1)),
    (r"^classifier\.1\.", "head.fc6.1."),
    (r"^classifier\.4\.", "head.fc7.1."),
    (r"^classifier\.6\.", "head.fc8."),
)  # fmt: skip

A, B, D, E = (1, 1, 2, 2, 2), (2, 2, 2, 2, 2), (2, 2, 3, 3, 3), (2, 2, 4, 4, 4)


def _vgg(depths: tuple[int, ...], parts: int) -> Rules:
    """From a flat list to five stages: `parts` layers per convolution, a pooling per stage."""
    rules, place = [], 0
    for stage, depth in enumerate(depths, 1):
        for i in range(depth * parts):
            rules.append((rf"^features\.{place}\.", f"features.stage{stage}.{i}."))
            place += 1
        place += 1
    fc = ((r"^classifier\.0\.", "head.fc6.0."), (r"^classifier\.3\.", "head.fc7.0."))
    return (*rules, *fc, (r"^classifier\.6\.", "head.fc8."))


_LAYERS: Rules = tuple((rf"^layer{i}\.", f"features.conv{i + 1}_x.") for i in (1, 2, 3, 4))
_BRANCH: Rules = (
    *((rf"(_x\.\d+)\.conv{i}\.", rf"\1.branch.{2 * i - 2}.0.") for i in (1, 2, 3)),
    *((rf"(_x\.\d+)\.bn{i}\.", rf"\1.branch.{2 * i - 2}.1.") for i in (1, 2, 3)),
    (r"\.downsample\.", ".shortcut."),
)
RESNET: Rules = (
    (r"^conv1\.", "features.conv1.0.0."), (r"^bn1\.", "features.conv1.0.1."),
    *_LAYERS, *_BRANCH, (r"^fc\.", "head.fc."),
)  # fmt: skip


def _senet(gate: int) -> Rules:
    """`gate`: position of the gate in a residual branch."""
    stem = ((rf"^layer0\.{theirs}{i}\.", f"features.conv1.{2 * i - 2}.{ours}.")
            for i in (1, 2, 3) for ours, theirs in enumerate(("conv", "bn")))  # fmt: skip
    module = (r"\.se_module\.", f".branch.{gate}.gate.")
    return (*stem, module, *_LAYERS, *_BRANCH, (r"^last_linear\.", "head.fc."))


_CONV_BN: Rules = ((r"\.conv\.(weight|bias)$", r".0.\1"), (r"\.bn\.", ".1."))
GOOGLENET: Rules = (
    (r"^conv1\.", "features.conv1."), (r"^conv2\.", "features.reduce2."),
    (r"^conv3\.", "features.conv2."), (r"^inception", "features.inception"),
    (r"\.branch1\.", ".b1."), (r"\.branch2\.", ".b3."), (r"\.branch3\.", ".b5."),
    (r"\.branch4\.", ".pool."), (r"^fc\.", "head.fc."), *_CONV_BN,
)  # fmt: skip

INCEPTION_V3: Rules = (
    (r"^Conv2d_(\w\w)_\dx\d\.", r"features.conv\1."),
    (r"^Mixed_(7[bc])\.branch3x3_1\.", r"features.mixed\1.b3.0."),
    (r"^Mixed_(7[bc])\.branch3x3_2a\.", r"features.mixed\1.b3.1.row."),
    (r"^Mixed_(7[bc])\.branch3x3_2b\.", r"features.mixed\1.b3.1.column."),
    (r"^Mixed_(7[bc])\.branch3x3dbl_1\.", r"features.mixed\1.deep.0.0."),
    (r"^Mixed_(7[bc])\.branch3x3dbl_2\.", r"features.mixed\1.deep.0.1."),
    (r"^Mixed_(7[bc])\.branch3x3dbl_3a\.", r"features.mixed\1.deep.1.row."),
    (r"^Mixed_(7[bc])\.branch3x3dbl_3b\.", r"features.mixed\1.deep.1.column."),
    (r"^Mixed_(\w\w)\.", r"features.mixed\1."),
    (r"\.branch1x1\.", ".b1."), (r"\.branch_pool\.", ".pool.1."), (r"\.branch3x3\.", ".b3.0."),
    (r"\.branch\dx\ddbl_", ".deep_"), (r"\.branch7x7x3_", ".b7_"), (r"\.branch(\d)x\d_", r".b\1_"),
    *((rf"_{i}\.", f".{i - 1}.") for i in range(1, 6)),
    (r"^AuxLogits\.fc\.", "aux.head.fc."), (r"^AuxLogits\.", "aux."), (r"^fc\.", "head.fc."),
    *_CONV_BN,
)  # fmt: skip

INCEPTION_V4: Rules = (
    (r"^features\.([012])\.", r"features.stem.convs.\1."),
    (r"^features\.3\.", "features.stem.pool."), (r"^features\.5\.", "features.stem.halve."),
    (r"^features\.4\.branch0\.", "features.stem.tall.b3."),
    (r"^features\.4\.branch1\.", "features.stem.tall.b7."),
    (r"^features\.10\.branch0\.", "features.reduction_a.b3."),
    (r"^features\.10\.branch1\.", "features.reduction_a.deep."),
    (r"^features\.18\.branch0\.", "features.reduction_b.b3."),
    (r"^features\.18\.branch1\.", "features.reduction_b.b7."),
    *((rf"^features\.{i}\.", f"features.inception_a.{i - 6}.") for i in range(6, 10)),
    *((rf"^features\.{i}\.", f"features.inception_b.{i - 11}.") for i in range(11, 18)),
    *((rf"^features\.{i}\.", f"features.inception_c.{i - 19}.") for i in range(19, 22)),
    (r"\.branch1_0\.", ".b3.0."), (r"\.branch1_1a\.", ".b3.1.row."),
    (r"\.branch1_1b\.", ".b3.1.column."), (r"\.branch2_([012])\.", r".deep.0.\1."),
    (r"\.branch2_3a\.", ".deep.1.row."), (r"\.branch2_3b\.", ".deep.1.column."),
    (r"\.branch0\.", ".b1."), (r"(inception_a\.\d)\.branch1\.", r"\1.b3."),
    (r"\.branch1\.", ".b7."), (r"\.branch2\.", ".deep."), (r"\.branch3\.", ".pool."),
    (r"^last_linear\.", "head.fc."), *_CONV_BN,
)  # fmt: skip

INCEPTION_RESNET_V2: Rules = (
    (r"^conv2d_1a\.", "features.stem.convs.0."), (r"^conv2d_2a\.", "features.stem.convs.1."),
    (r"^conv2d_2b\.", "features.stem.convs.2."), (r"^conv2d_3b\.", "features.stem.more.0."),
    (r"^conv2d_4a\.", "features.stem.more.1."), (r"^conv2d_7b\.", "features.end.1."),
    (r"^mixed_5b\.branch0\.", "features.stem.mixed5b.b1."),
    (r"^mixed_5b\.branch1\.", "features.stem.mixed5b.b5."),
    (r"^mixed_5b\.branch2\.", "features.stem.mixed5b.deep."),
    (r"^mixed_5b\.branch3\.", "features.stem.mixed5b.pool."),
    (r"^mixed_6a\.branch0\.", "features.reduction_a.b3."),
    (r"^mixed_6a\.branch1\.", "features.reduction_a.deep."),
    (r"^mixed_7a\.branch0\.", "features.reduction_b.b3."),
    (r"^mixed_7a\.branch1\.", "features.reduction_b.other."),
    (r"^mixed_7a\.branch2\.", "features.reduction_b.deep."),
    (r"^repeat\.", "features.inception_a."), (r"^repeat_1\.", "features.inception_b."),
    (r"^repeat_2\.", "features.inception_c."), (r"^block8\.", "features.end.0."),
    (r"\.conv2d\.", ".up."), (r"\.branch0\.", ".branches.b1."),
    (r"(inception_b\.\d+)\.branch1\.", r"\1.branches.b7."), (r"\.branch1\.", ".branches.b3."),
    (r"\.branch2\.", ".branches.deep."), (r"^classif\.", "head.fc."), *_CONV_BN,
)  # fmt: skip

XCEPTION: Rules = (
    *((rf"^conv{i}\.weight", f"features.conv{i}.0.0.weight") for i in (1, 2)),
    *((rf"^bn{i}\.", f"features.conv{i}.0.1.") for i in (1, 2)),
    *((rf"^conv{i + 1}\.", f"features.exit{i}.0.0.") for i in (2, 3)),
    *((rf"^bn{i + 1}\.", f"features.exit{i}.0.1.") for i in (2, 3)),
    (r"^block1\.rep\.0\.", "features.entry1.branch.0.0."),
    (r"^block1\.rep\.1\.", "features.entry1.branch.0.1."),
    (r"^block1\.rep\.3\.", "features.entry1.branch.2.0."),
    (r"^block1\.rep\.4\.", "features.entry1.branch.2.1."),
    (r"^block([123])\.", r"features.entry\1."), (r"^block12\.", "features.exit1."),
    *((rf"^block{i}\.", f"features.middle.{i - 4}.") for i in range(4, 12)),
    *((rf"\.rep\.{i}\.", f".branch.{i}.0.") for i in (1,)),
    (r"\.rep\.2\.", ".branch.1.1."), (r"\.rep\.4\.", ".branch.3.0."),
    (r"\.rep\.5\.", ".branch.3.1."), (r"\.rep\.7\.", ".branch.5.0."),
    (r"\.rep\.8\.", ".branch.5.1."), (r"\.skip\.", ".project.0."), (r"\.skipbn\.", ".project.1."),
    (r"\.conv1\.weight", ".depthwise.weight"), (r"^fc\.", "head.fc."),
)  # fmt: skip

RESNETV2: Rules = (
    (r"^stem\.conv\.", "features.conv1.0."),
    *((rf"^stages\.{i}\.blocks\.", f"features.conv{i + 2}_x.") for i in range(4)),
    (r"\.downsample\.conv\.", ".project."), (r"\.norm1\.", ".act.0."),
    (r"\.conv1\.w", ".branch.0.w"),
    (r"\.norm2\.", ".branch.1.0."), (r"\.conv2\.", ".branch.2."), (r"\.norm3\.", ".branch.3.0."),
    (r"\.conv3\.", ".branch.4."), (r"^norm\.", "features.act.0."),
)  # fmt: skip

_TV = "torchvision"
DIALECTS = (
    Dialect(_TV, ("alexnet-tv",), ALEXNET),
    *(Dialect(_TV, (f"{name}{end}",), _vgg(depths, parts))
      for name, depths in (("vgg11", A), ("vgg13", B), ("vgg16", D), ("vgg19", E))
      for end, parts in (("", 2), ("-bn", 3))),
    Dialect(_TV, ("googlenet-tv",), GOOGLENET),
    Dialect(_TV, ("inception-v3-tv",), INCEPTION_V3),
    Dialect(_TV, ("resnet18", "resnet34", "resnet50-tv", "resnet101-tv", "resnet152-tv",
                  "wide-resnet50-2", "wide-resnet101-2"), RESNET),
    Dialect("timm", ("inception-v4",), INCEPTION_V4),
    Dialect("timm", ("inception-resnet-v2",), INCEPTION_RESNET_V2),
    Dialect("timm", ("xception",), XCEPTION),
    Dialect("timm", ("se-resnet18-timm", "se-resnet34-timm"), _senet(4)),
    Dialect("timm", ("se-resnet50", "se-resnet101", "se-resnet152", "se-resnext50-32x4d",
                     "se-resnext101-32x4d", "senet154"), _senet(5)),
    Dialect("timm", ("preact-resnet50-timm",), RESNETV2),
)  # fmt: skip
