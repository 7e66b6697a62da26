"""Train mode that keeps frozen layers in eval mode."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from canon.errors import InputError


def set_train_mode(net: nn.Module) -> None:
    """Training mode, except for frozen parts: their statistics are not to move either."""
    net.train()
    for module in net.modules():
        params = list(module.parameters(recurse=False))
        if params and not any(p.requires_grad for p in params):
            module.eval()


@contextmanager
def explain_small_batches() -> Iterator[None]:
    """Say what to do where a batch is too small to be normalised over.

    Raises:
        InputError: one image, whose maps have one place.
    """
    try:
        yield
    except ValueError as reason:
        if "more than 1 value per channel" not in str(reason):
            raise
        raise InputError(
            "batch normalisation has one value to normalise over: one image at a time, with maps "
            "of one pixel; expected two or more. Pass a larger --batch or a smaller --accumulate."
        ) from None


def uses_dropout(net: nn.Module) -> bool:
    """Whether a forward pass in training mode is random."""
    return any(isinstance(m, nn.Dropout) and m.p > 0 for m in net.modules())
