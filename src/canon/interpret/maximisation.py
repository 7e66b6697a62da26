"""Activation maximisation: the image that a channel or a class responds to most."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from math import pi

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from canon.interpret.outputs import Score, explained, recorded
from canon.layers.stages import stage_named
from canon.types import Images

OPEN = 16  # first steps in which rectifiers pass all gradients
SMALL = 64  # side in pixels up to which images are neither scaled nor turned by much
# Square root of the covariance of colours of natural images (ImageNet), by rows, over the largest
# length of a column: Olah, Mordvintsev, Schubert, Distill 2017, `lucid/optvis/param/color.py`.
COLORS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))


class ChannelScore(nn.Module):
    """The mean of one channel of a stage.

    Args:
        net: the network.
        stage: by name.
        channel: of its output.

    Shape: (N, C, H, W) -> (N,)
    """

    def __init__(self, net: nn.Module, stage: str, channel: int) -> None:
        super().__init__()
        self.net, self.module, self.channel = net, stage_named(net, stage), channel

    def forward(self, x: Images) -> Tensor:
        with recorded(self.module) as outputs:
            self.net(x)
        return outputs[-1][:, self.channel].flatten(1).mean(1)


def maximised(
    net: nn.Module,
    score: Score,
    shape: tuple[int, int, int],
    *,
    mean: tuple[float, ...] = (0.0,),
    std: tuple[float, ...] = (1.0,),
    steps: int = 256,
    lr: float = 0.05,
    seed: int = 0,
) -> Tensor:
    """The image that maximises a score, by gradient ascent on its Fourier coefficients.

    Olah, Mordvintsev, Schubert, "Feature Visualization", Distill 2017: colours are decorrelated,
    coefficients scaled by one over their frequency, and the image is shifted, scaled and turned at
    random in each step. Images of up to 64 pixels are only shifted a little and turned by up to 5
    degrees, since larger changes leave little of them. In the first 16 steps, gradients pass
    rectifiers unchanged.

    Args:
        net: from images to what is scored; its modes are restored.
        score: of its outputs.
        shape: (C, H, W) of the image.
        mean: of each channel of the network's input, as a fraction of white.
        std: of each channel, as a fraction of white.
        steps: of Adam.
        lr: of Adam.
        seed: of the first image and of the changes.

    Returns:
        (C, H, W), fractions of white.
    """
    random = torch.Generator().manual_seed(seed)
    channels, height, width = shape
    size = (1, channels, height, width // 2 + 1, 2)
    device = next((p.device for p in net.parameters()), torch.device("cpu"))
    spectrum = (0.01 * torch.randn(size, generator=random)).to(device).requires_grad_()
    scale = _scale(height, width).to(device)
    center, spread = (
        torch.tensor(v, device=device).expand(channels)[:, None, None] for v in (mean, std)
    )
    optimizer = torch.optim.Adam([spectrum], lr=lr)
    with explained(net), ExitStack() as first:
        first.enter_context(_open_rectifiers(net))
        for step in range(steps):
            if step == OPEN:
                first.close()
            image = _image(spectrum, scale, (height, width))
            x = (_changed(image, random) - center) / spread
            loss = -score(net(x)).sum()
            spectrum.grad = torch.autograd.grad(loss, spectrum)[0]
            optimizer.step()
        return _image(spectrum, scale, (height, width)).detach()[0].cpu()


@contextmanager
def _open_rectifiers(net: nn.Module) -> Iterator[None]:
    """Gradients pass all rectifiers, so that channels that are zero at first can grow."""
    rectifiers = [m for m in net.modules() if isinstance(m, nn.ReLU)]
    hooks = [m.register_full_backward_hook(lambda _, __, after: after) for m in rectifiers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _scale(height: int, width: int) -> Tensor:
    """(H, W // 2 + 1) weight of each frequency: one over it, as in natural images."""
    rows, columns = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None]
    frequency = (rows.square() + columns.square()).sqrt()
    return (height * width) ** 0.5 / frequency.clamp(min=1 / max(height, width))


def _image(spectrum: Tensor, scale: Tensor, size: tuple[int, int]) -> Tensor:
    """(1, C, H, W) fractions of white."""
    x = torch.fft.irfft2(torch.view_as_complex(spectrum) * scale, s=size) / 4
    if x.shape[1] == 3:
        colors = torch.tensor(COLORS, device=x.device)
        x = torch.einsum("nchw,dc->ndhw", x, colors / colors.norm(dim=0).max())
    return x.sigmoid()


def _changed(image: Tensor, random: torch.Generator) -> Tensor:
    """The image shifted, scaled and turned at random; reflected where it ends."""
    side = min(image.shape[-2:])
    small = side <= SMALL
    draws = 2 * torch.rand(4, generator=random) - 1
    angle = draws[0] * (5 if small else 10) * pi / 180
    zoom = 1.0 if small else 1 + 0.1 * draws[1]
    shift = draws[2:] * (2 * max(1.0, side / 16) / side)
    cos, sin = zoom * angle.cos(), zoom * angle.sin()
    rows = torch.stack([torch.stack([cos, -sin, shift[0]]), torch.stack([sin, cos, shift[1]])])
    grid = F.affine_grid(rows[None].to(image.device), list(image.shape), align_corners=False)
    return F.grid_sample(image, grid, padding_mode="reflection", align_corners=False)
