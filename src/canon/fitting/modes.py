"""How a network stands while it trains: what is in training mode, and whether it draws."""

from torch import nn


def training_mode(net: nn.Module) -> None:
    """Training mode, except for frozen parts: their statistics are not to move either."""
    net.train()
    for module in net.modules():
        params = list(module.parameters(recurse=False))
        if params and not any(p.requires_grad for p in params):
            module.eval()


def draws(net: nn.Module) -> bool:
    """Whether a forward pass in training mode is random."""
    return any(isinstance(m, nn.Dropout) and m.p > 0 for m in net.modules())
