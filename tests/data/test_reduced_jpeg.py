"""JPEGs decoded at a fraction of their size, and resizing in whole numbers."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from canon.data.images.reader import read_image
from canon.data.preprocessing import Preprocessing, resize


def photo(path, width, height, seed=0):
    """A smooth picture with edges, as a JPEG."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (height // 20 + 1, width // 20 + 1, 3), np.uint8)
    Image.fromarray(small).resize((width, height), Image.BICUBIC).save(path, quality=92)
    return path


@pytest.mark.parametrize(("width", "height", "least", "shape"), [
    (800, 640, 100, (160, 200)),  # a quarter: an eighth would leave 80
    (800, 640, 80, (80, 100)),
    (800, 640, 400, (640, 800)),
    (800, 642, 100, (321, 400)),  # 642 is not divisible by 4
    (801, 640, 100, (640, 801)),
])  # fmt: skip
def test_a_jpeg_is_decoded_at_the_smallest_exact_fraction(tmp_path, width, height, least, shape):
    path = photo(tmp_path / "a.jpg", width, height)
    assert read_image(path, least).shape[:2] == shape
    assert read_image(path).shape[:2] == (height, width)


def test_other_files_are_decoded_whole(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGB", (800, 640)).save(path)
    assert read_image(path, 100).shape == (640, 800, 3)


def test_the_stored_square_is_that_of_the_whole_image(tmp_path):
    prep = Preprocessing(64, 3, crop=0.875)
    path = photo(tmp_path / "a.jpg", 1200, 800)
    difference = np.abs(prep.read(path).astype(int) - prep.fit(read_image(path)))
    assert difference.mean() < 1.0
    assert np.quantile(difference, 0.99) <= 4


@pytest.mark.parametrize("channels", [1, 3])
def test_reducing_in_whole_numbers_is_exact_to_one_level(channels):
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (1, 90, 131, channels), np.uint8)
    x = torch.from_numpy(image).permute(0, 3, 1, 2).float()
    whole = F.interpolate(x, (40, 58), mode="bilinear", antialias=True)
    expected = whole.round().clamp(0, 255).permute(0, 2, 3, 1).numpy()
    found = resize(image, 40)
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - expected).max() <= 1
    assert (found == expected).mean() > 0.7
