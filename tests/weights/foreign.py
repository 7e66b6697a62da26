"""State dicts in the keys of another library."""

import torch

from canon.models import build
from canon.weights.key_rules import DIALECTS
from canon.weights.translate import rename_keys

INVERSE = {f"features.conv{i + 1}_x.": f"layer{i}." for i in range(1, 5)}
INVERSE |= {f"branch.{2 * i - 2}.0.": f"conv{i}." for i in (1, 2, 3)}
INVERSE |= {f"branch.{2 * i - 2}.1.": f"bn{i}." for i in (1, 2, 3)}
INVERSE |= {"features.conv1.0.0.": "conv1.", "features.conv1.0.1.": "bn1."}
INVERSE |= {"shortcut.": "downsample.", "head.fc.": "fc."}


def foreign(name: str, model: str, **numbers) -> dict[str, torch.Tensor]:
    """A state dict in another library's keys, made by asking each rule for its inverse."""
    dialect = next(d for d in DIALECTS if model in d.models)
    assert dialect.library == name
    ours = build(model, **numbers).state_dict()
    theirs = {}
    for key, tensor in ours.items():
        other = key
        for ours_is, theirs_is in INVERSE.items():
            other = other.replace(ours_is, theirs_is)
        theirs[other] = tensor
    assert rename_keys(theirs, dialect.key).keys() == ours.keys()
    return theirs
