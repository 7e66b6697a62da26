"""Networks of runs and weights that were written before format 4 of run.json.

Names were given to networks that are closer to their paper. Where the old network has a name, it
is found under that; the others cannot be opened, because their weights would compute something
else.
"""

from typing import Any

DENSE = {"upsampling": "transposed"}  # what FCN's weights of upsampling were before

# The present name and the options of the network that had a name before.
RENAMED: dict[str, tuple[str, dict[str, Any]]] = {
    "inception-v3": ("inception-v3-tv", {}),
    "wide-resnet50-2-tv": ("wide-resnet50-2", {}),
    "wide-resnet101-2-tv": ("wide-resnet101-2", {}),
    "fcn32s": ("fcn32s", DENSE),
    "fcn16s": ("fcn16s", DENSE),
    "fcn8s": ("fcn8s", DENSE),
    "fcn8s-at-once": ("fcn8s-at-once", DENSE),
    "fcn32s-googlenet": ("fcn32s-googlenet", DENSE),
    "fcn32s-channelwise": ("fcn32s", {}),
    "fcn16s-channelwise": ("fcn16s", {}),
    "fcn8s-channelwise": ("fcn8s", {}),
    "fcn32s-fixed": ("fcn32s", {}),
    "fcn16s-fixed": ("fcn16s-released", {}),
    "fcn8s-fixed": ("fcn8s-released", {}),
}

# What is different in the network that has the name now.
PREACT = "the stride or the first activation of its units"
CHANGED = {
    **dict.fromkeys((f"preact-resnet{depth}" for depth in (110, 164, 1001, 50, 101, 152, 200)),
                    PREACT),
    **dict.fromkeys(("wide-resnet50-2", "wide-resnet101-2", "wide-resnet68-2"),
                    "the stride of its bottlenecks"),
    **dict.fromkeys(("se-resnet50-r2", "se-resnet50-r4", "se-resnet50-r8", "se-resnet50-r32"),
                    "the biases of its gates"),
    "bn-inception": "its averages at the border",
    "bn-inception-caffe": "the epsilon of its normalisation",
    "inception-resnet-v2-printed": "the order of rows and columns in its stem",
    "segnet-basic": "its biases and its normalisation of the input",
    "se-bn-inception": "its biases",
    "fcn32s-alexnet": "the order of pooling and normalisation",
}  # fmt: skip


def present_name(model: str) -> str:
    """The present name of the network that had a name before format 4.

    Raises:
        ValueError: its function has changed.
    """
    if model in CHANGED:
        raise ValueError(
            f"it is of an older version of Canon, in which {model} differed in {CHANGED[model]}"
        )
    return RENAMED.get(model, (model, {}))[0]


def present_network(record: dict[str, Any]) -> dict[str, Any]:
    """A record with `model` and `model_args`, of a run or of an ensemble's member.

    Raises:
        ValueError: the function of its network has changed.
    """
    model, args = record["model"], dict(record.get("model_args", {}))
    if "backbone" in args:
        args["backbone"] = present_name(args["backbone"])
    _, options = RENAMED.get(model, (model, {}))
    return record | {"model": present_name(model), "model_args": options | args}
