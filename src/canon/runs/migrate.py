"""Older formats of run.json and metrics.jsonl, as the current one."""

from typing import Any

from canon.weights.earlier import present_network

FORMAT = 5  # of run.json; a change that older code cannot read raises it


class NewerFormatError(ValueError):
    """A run.json that a newer version of Canon wrote."""


class ChangedNetworkError(ValueError):
    """A run of a network whose function has changed since."""


# What format 2 calls the keys of format 1, which had no number.
TOP = {"numbers": "model_args", "asked": "config"}
CONFIG = {
    "minutes": "time_limit",
    "up": "upsampling",
    "separation": "border_weight",
    "dice": "dice_weight",
}
RECIPE = {
    "optimiser": "optimizer",
    "normalisation": "normalization",
    "warping": "deformation",
    "weighting": "class_weights",
    "separation": "border_weight",
    "dice": "dice_weight",
}

# Fields of the flat recipe of format 2 by their place in format 3.
CLASSIFICATION = ("augmentation", "smoothing", "image", "border", "crop", "protocol", "scales")
SEGMENTATION = ("deformation", "class_weights", "border_weight", "dice_weight")
PARTS = ("momentum", "alpha", "eps", "steps", "factor", "every", "warmup")


def migrate(content: dict[str, Any]) -> dict[str, Any]:
    """The content of a run.json in the current format.

    Raises:
        NewerFormatError: a newer version wrote it.
        ChangedNetworkError: its network has changed since.
    """
    number = content.get("format", 1)
    if number > FORMAT:
        raise NewerFormatError(f"format {number} is newer than this version of Canon reads")
    record = format_2(content) if number < 2 else content
    record = format_3(record) if number < 3 else record
    record = format_4(record) if number < 4 else record
    return format_5(record) if number < 5 else record


def format_2(content: dict[str, Any]) -> dict[str, Any]:
    """Format 1, which has no number: keys are renamed, and the record names its task."""
    record = _renamed(content, TOP)
    data = dict(record["data"])
    masks, pixels = data.pop("masks", None), data.pop("pixels", {})
    targets = {"kind": "label"} if masks is None else {"kind": "mask"} | masks
    record |= {
        "task": "classify" if masks is None else "segment",
        "data": data | {"targets": targets, "pixels": pixels},
        "config": _renamed(record.get("config", {}), CONFIG),
        "recipe": _recipe(record.get("recipe", {})),
        "model_args": _renamed(record.get("model_args", {}), CONFIG),
        "members": [_renamed(member, TOP) for member in record.get("members", [])],
    }
    if "weights" in record:
        record["weights"] = _renamed(record["weights"], {"from": "source"})
    return record


def format_3(content: dict[str, Any]) -> dict[str, Any]:
    """Format 2, whose recipe is one flat table."""
    flat, task = content.get("recipe"), content["task"]
    return content | {"recipe": nested(flat, task) if flat else None}


def format_4(content: dict[str, Any]) -> dict[str, Any]:
    """Format 3, in which some networks had other names."""
    try:
        members = [present_network(member) for member in content.get("members", [])]
        record = content if members else present_network(content)
    except ValueError as reason:
        raise ChangedNetworkError(str(reason)) from None
    config = record.get("config", {})
    if config.get("model") == content.get("model"):
        config = config | {"model": record.get("model")}
    return record | {"format": 4, "members": members, "config": config}


def format_5(content: dict[str, Any]) -> dict[str, Any]:
    """Format 4, whose digests of images in memory depended on the working directory."""
    return content | {"format": 5, "data": content.get("data", {}) | {"digests": {}}}


def nested(flat: dict[str, Any], task: str) -> dict[str, Any]:
    """A flat recipe, divided into optimizer, schedule and images."""

    def take(*names: str, **renamed: str) -> dict[str, Any]:
        pairs = {name: name for name in names} | renamed
        return {new: flat[old] for new, old in pairs.items() if old in flat}

    optimizers = {
        "sgd": {"kind": "sgd"} | take("momentum"),
        "nesterov": {"kind": "sgd", "nesterov": True} | take("momentum"),
        "adamw": {"kind": "adamw"},
        "rmsprop": {"kind": "rmsprop"} | take("alpha", "eps", "momentum"),
        "levenberg": {"kind": "diagonal-lm"},
    }
    schedules = {
        "constant": {},
        "step": take(factors="steps"),
        "exponential": take("every", rate="factor"),
        "cosine": take("warmup"),
        "plateau": {},
    }
    images = (
        {"kind": "segmentation"} | take(*SEGMENTATION)
        if task == "segment"
        else {"kind": "classification"} | take(*CLASSIFICATION)
    )
    moved = {*SEGMENTATION, *CLASSIFICATION, *PARTS}
    rest = {name: value for name, value in flat.items() if name not in moved}
    schedule = {"kind": flat["schedule"]} | schedules[flat["schedule"]]
    parts = {"optimizer": optimizers[flat["optimizer"]], "schedule": schedule}
    return rest | parts | {"images": images}


def _recipe(content: dict[str, Any]) -> dict[str, Any]:
    recipe = _renamed(content, RECIPE)
    if "augmentation" in recipe:
        recipe["augmentation"] = _renamed(recipe["augmentation"], {"colour": "color"})
    return recipe


def _renamed(content: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    renamed = {names.get(name, name): value for name, value in content.items()}
    if renamed.get("upsampling") == "nails":
        renamed["upsampling"] = "bed-of-nails"
    return renamed


def migrate_line(line: dict[str, Any]) -> dict[str, Any]:
    """A line of metrics.jsonl in the current format."""
    if "scores" not in line:
        return line
    scores = line.pop("scores")
    if "mean_iou" in scores:
        monitored = {"name": "mean IoU", "value": scores["mean_iou"], "interval": None}
    else:
        low, high = scores["top1_interval"]
        interval = [1 - high, 1 - low]
        monitored = {"name": "error", "value": 1 - scores["top1"], "interval": interval}
    return line | {"metrics": scores, "monitored": monitored | {"unit": "fraction"}}
