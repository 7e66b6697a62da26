"""Reduced images and masks, against loops."""

import numpy as np
import pytest

from canon.data.images.reduced import ReducedReader, enlarged, reduced, reduced_mask
from canon.data.images.region import ArrayReader

RANDOM = np.random.default_rng(0)


def by_hand(image, factor):
    height, width, channels = image.shape
    out = np.empty((-(-height // factor), -(-width // factor), channels))
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            rows = np.minimum(range(i * factor, (i + 1) * factor), height - 1)
            columns = np.minimum(range(j * factor, (j + 1) * factor), width - 1)
            out[i, j] = image[np.ix_(rows, columns)].mean((0, 1))
    return out


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(("height", "width"), [(12, 8), (13, 7), (1, 5)])
@pytest.mark.parametrize("factor", [1, 2, 4, 5])
def test_pixels_are_the_means_of_blocks(height, width, factor, dtype):
    image = RANDOM.integers(0, np.iinfo(dtype).max, (height, width, 3), dtype, endpoint=True)
    found = reduced(image, factor)
    assert found.dtype == dtype
    assert np.abs(found - by_hand(image, factor)).max() <= 0.5


def test_white_stays_white():
    assert (reduced(np.full((9, 9, 1), 65535, np.uint16), 4) == 65535).all()
    assert (reduced(np.full((300, 300, 1), 65535, np.uint16), 300) == 65535).all()


@pytest.mark.parametrize("size", [(12, 9), (13, 7), (1, 4)])
def test_regions_are_parts_of_the_whole(size):
    image = RANDOM.integers(0, 255, (*size, 3), np.uint8)
    reader, whole = ReducedReader(ArrayReader(image), 4), reduced(image, 4)
    assert (reader.height, reader.width) == whole.shape[:2]
    for top in range(reader.height):
        for left in range(reader.width):
            region = reader.read(slice(top, reader.height), slice(left, left + 1))
            assert np.array_equal(region, whole[top:, left : left + 1])


def test_a_mask_takes_the_middle_of_each_block_and_is_enlarged_to_its_size():
    mask = np.arange(35, dtype=np.uint8).reshape(5, 7)
    assert reduced_mask(mask, 3).tolist() == [[8, 11, 13], [29, 32, 34]]
    small = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
    assert (
        enlarged(small, 3, 5, 7).tolist()
        == [[1, 1, 1, 2, 2, 2, 3]] * 3 + [[4, 4, 4, 5, 5, 5, 6]] * 2
    )
