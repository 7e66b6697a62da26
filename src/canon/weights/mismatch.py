"""Why a checkpoint does not fit a network."""

from canon import models
from canon.errors import WeightsError
from canon.weights.read import Checkpoint, State

Shapes = dict[str, tuple[int, ...]]


def differences(ours: Shapes, theirs: Shapes) -> list[str]:
    """What is missing, extra or of another shape, some of each kind first."""
    missing = [f"{k} is missing" for k in ours if k not in theirs]
    extra = [f"{k} is not in the network" for k in theirs if k not in ours]
    shaped = [f"{k} is {' x '.join(map(str, theirs[k]))} instead of {' x '.join(map(str, ours[k]))}"
              for k in ours if k in theirs and ours[k] != theirs[k]]  # fmt: skip
    # Few are shown, and a strange prefix is both missing and extra.
    others = extra[:1] + shaped[:1]
    return missing[: 5 - len(others)] + others + missing[5 - len(others) :] + extra[1:] + shaped[1:]


def invalid_values(state: State, own: State) -> list[str]:
    """Tensors of the right shape whose numbers cannot be weights."""
    faults = []
    for key, tensor in state.items():
        if tensor.is_floating_point() != own[key].is_floating_point():
            faults.append(f"{key} is {tensor.dtype} instead of {own[key].dtype}")
        elif not tensor.isfinite().all():
            faults.append(f"{key} has values that are not finite")
    return faults


def mismatch_error(checkpoint: Checkpoint, name: str, faults: list[str]) -> WeightsError:
    """The error that names at most five of the faults, and counts the others."""
    if len(faults) == 1 and faults[0].startswith("head.") and " instead of " in faults[0]:
        side = models.model_info(name).published.image
        return WeightsError(
            f"{checkpoint.source} holds weights of {name} for images of another size: {faults[0]}; "
            f"expected those of this one. Pass --image {side}, if they are the paper's."
        )
    more = f" and {len(faults) - 5} more" if len(faults) > 5 else ""
    return WeightsError(
        f"{checkpoint.source} does not hold the weights of {name}: {'; '.join(faults[:5])}{more}; "
        "expected the same keys and shapes. Use the network that it was trained as."
    )
