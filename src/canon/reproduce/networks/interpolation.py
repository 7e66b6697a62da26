"""Nearest-neighbour, bilinear and bicubic interpolation of a picture by ten."""

import numpy as np
import torch
from scipy.ndimage import map_coordinates
from sklearn.datasets import load_sample_image
from torch.nn import functional as F

from canon.reproduce.charts import images
from canon.reproduce.result import Picture, Result, Row, Work, agreement

FACTOR, SMALL = 10, 42  # and the shorter side of the picture that is enlarged, pixels
MODES = ("nearest", "bilinear", "bicubic")


def run(work: Work) -> Result:
    """Reduce a photograph by ten, enlarge it again, and compare with the original."""
    del work
    photo = torch.from_numpy(load_sample_image("flower.jpg").copy()).permute(2, 0, 1)[None].float()
    photo = photo[..., : 10 * SMALL, 110 : 110 + 10 * SMALL] / 255
    small = F.avg_pool2d(photo, FACTOR)
    larger = {mode: _enlarged(small, mode) for mode in MODES}
    errors = {mode: _psnr(picture, photo) for mode, picture in larger.items()}
    rows = (
        Row("enlarged size", tuple(larger["nearest"].shape[-2:]), (420, 420), "42 x 42 pixels, times 10", expected=True),
        Row("bilinear: largest difference from scipy's map_coordinates", _against_scipy(small, larger["bilinear"]), 0.0, "scipy.ndimage, order 1", 1e-4, expected=True),
        *(Row(f"{mode}: peak signal-to-noise ratio to the original, dB", errors[mode]) for mode in MODES),
    )  # fmt: skip
    shown = {"original": photo, "reduced by ten": small} | larger
    pictures = [(title, picture[0].permute(1, 2, 0).clamp(0, 1).numpy()) for title, picture in shown.items()]  # fmt: skip
    best = max(errors, key=lambda mode: errors[mode])
    conclusion = f"{agreement(rows)} {best.capitalize()} is nearest to the original."
    return Result(
        rows, (Picture("A photograph, reduced and enlarged by ten", images(pictures, 5)),),
        conclusion, "the photograph of a flower that is part of scikit-learn",
    )  # fmt: skip


def _enlarged(small: torch.Tensor, mode: str) -> torch.Tensor:
    corners = None if mode == "nearest" else False
    return F.interpolate(small, scale_factor=FACTOR, mode=mode, align_corners=corners)


def _psnr(picture: torch.Tensor, original: torch.Tensor) -> float:
    return float(-10 * torch.log10(((picture.clamp(0, 1) - original) ** 2).mean()))


def _against_scipy(small: torch.Tensor, larger: torch.Tensor) -> float:
    """Each pixel's centre lies at (i + 1/2)/10 - 1/2 of the small picture."""
    places = (np.arange(FACTOR * small.shape[-1]) + 0.5) / FACTOR - 0.5
    grid = np.meshgrid(places, places, indexing="ij")
    found = map_coordinates(small[0, 0].numpy(), grid, order=1, mode="nearest")
    return float(np.abs(found - larger[0, 0].numpy()).max())
