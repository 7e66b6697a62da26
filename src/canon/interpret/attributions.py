"""Attributions to pixels, by Captum: saliency, integrated gradients, occlusion, backprojections."""

import warnings
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from torch import Tensor, nn

from canon.errors import InputError
from canon.interpret.outputs import Score, Scored, explained
from canon.types import Images

STEPS = 50  # of the integral
CHUNK = 16  # images at a time


def _captum() -> Any:
    """The package.

    Raises:
        InputError: the extra `explain` is not installed.
    """
    if find_spec("captum") is None:
        raise InputError(
            "captum is not installed; expected it for attributions to pixels. Run pip install "
            "'canon-nets[explain]', or pass --method grad-cam."
        )
    return import_module("captum.attr")


def _attributed(net: nn.Module, call: Callable[[], Tensor]) -> Tensor:
    with explained(net), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of hooks that it sets and removes
        return call().detach()


def _of_pixels(name: str, net: nn.Module, x: Images, score: Score) -> Tensor:
    """What a class of Captum that needs the image alone attributes to each pixel and channel."""
    method = getattr(_captum(), name)(Scored(net, score))
    return _attributed(net, lambda: method.attribute(x.detach().clone().requires_grad_()))


def saliency(net: nn.Module, x: Images, score: Score) -> Tensor:
    """The size of the gradient of the score with respect to each pixel and channel.

    Simonyan, Vedaldi, Zisserman, "Deep Inside Convolutional Networks", ICLR workshop 2014.

    Args:
        net: the network; its modes are restored.
        x: (N, C, H, W) images.
        score: what is explained.

    Returns:
        (N, C, H, W), not negative.

    Raises:
        InputError: Captum is not installed.
    """
    return _of_pixels("Saliency", net, x, score)


def integrated_gradients(
    net: nn.Module, x: Images, score: Score, baseline: Images | None = None, steps: int = STEPS
) -> Tensor:
    """Gradients averaged on the way from a baseline to the image, times their difference.

    Sundararajan, Taly, Yan, "Axiomatic Attribution for Deep Networks", ICML 2017, equation 1. They
    add up to the difference of the scores of image and baseline.

    Args:
        net: the network; its modes are restored.
        x: (N, C, H, W) images.
        score: what is explained.
        baseline: (N, C, H, W); None means zeros, the mean colour of normalised images.
        steps: of the integral.

    Returns:
        (N, C, H, W), of either sign.

    Raises:
        InputError: Captum is not installed.
    """
    method = _captum().IntegratedGradients(Scored(net, score))
    arguments = {"baselines": baseline, "n_steps": steps, "internal_batch_size": CHUNK}
    return _attributed(net, lambda: method.attribute(x.detach().requires_grad_(), **arguments))


def occlusion(
    net: nn.Module, x: Images, score: Score, window: int | None = None, stride: int | None = None
) -> Tensor:
    """How much the score falls where a square of the image is replaced by zeros.

    Zeiler, Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, section 4.2.

    Args:
        net: the network; its modes are restored.
        x: (N, C, H, W) images.
        score: what is explained.
        window: side of the square in pixels; None means a quarter of the image.
        stride: between squares in pixels; None means a quarter of the window.

    Returns:
        (N, H, W): the mean over the squares that cover a pixel.

    Raises:
        InputError: Captum is not installed, or the window is larger than the image.
    """
    side, channels = min(x.shape[-2:]), x.shape[1]
    window = window or max(1, side // 4)
    if not 0 < window <= side:
        raise InputError(
            f"the window has {window} pixels, but the image {side}; expected 1 to {side}. Pass a "
            "smaller window."
        )
    stride = stride or max(1, window // 4)
    method = _captum().Occlusion(Scored(net, score))
    squares = {"sliding_window_shapes": (channels, window, window),
               "strides": (channels, stride, stride), "perturbations_per_eval": CHUNK}  # fmt: skip
    return _attributed(net, lambda: method.attribute(x, **squares)).sum(1) / channels


def guided_backprop(net: nn.Module, x: Images, score: Score) -> Tensor:
    """Gradients that pass rectifiers only where they and the activations are positive.

    Springenberg et al., "Striving for Simplicity: The All Convolutional Net", ICLR workshop 2015.
    Arguments, result and errors are those of `saliency`; of either sign.
    """
    return _of_pixels("GuidedBackprop", net, x, score)


def deconvnet(net: nn.Module, x: Images, score: Score) -> Tensor:
    """The projection of a score to the pixels: unpooling by switches, rectifying, filters turned.

    Zeiler, Fergus, ECCV 2014, section 2.1. Arguments, result and errors are those of `saliency`; of
    either sign.
    """
    return _of_pixels("Deconvolution", net, x, score)
