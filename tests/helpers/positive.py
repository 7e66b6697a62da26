"""Networks whose gradients show every path."""

import torch
from torch import nn

from canon.analysis.intervals import FieldIntervals
from canon.layers.init import fan_in
from canon.models.lenet5 import TableConv


def linear(net: nn.Module) -> nn.Module:
    """The same paths with positive weights, averages for maxima, and no saturation."""
    source = torch.Generator().manual_seed(0)
    for name, module in list(net.named_modules()):
        if isinstance(module, nn.MaxPool2d):
            shape = module.kernel_size, module.stride, module.padding
            same = nn.AvgPool2d(*shape, ceil_mode=module.ceil_mode)
        elif isinstance(module, nn.ConstantPad2d):
            same = nn.ZeroPad2d(module.padding)
        elif isinstance(module, nn.Sigmoid):
            same = nn.Identity()
        else:
            continue
        parent, _, last = name.rpartition(".")
        setattr(net.get_submodule(parent), last, same)
    for module in net.modules():
        if isinstance(module, nn.Conv2d | TableConv) or hasattr(module, "fans"):
            fan = fan_in(module) if isinstance(module, nn.Conv2d) else 25
            with torch.no_grad():
                module.weight.uniform_(0.5, 1.5, generator=source).div_(fan)
                if module.bias is not None:
                    module.bias.zero_()
    return net.eval().double()


def seen_pixels(span: FieldIntervals, output: int, pixels: int) -> tuple[int, int]:
    """The pixels inside an image that an output sees, from the first to one past the last."""
    start, end = span.at(output)
    return max(0, start), min(pixels, end)
