"""The crops of the test protocols, against a calculation by hand."""

import numpy as np
import pytest
import torch
from PIL import Image

from canon.data import Preprocessing
from canon.data.augment.eval_crops import multi_crops, ten_crops, whole_images
from canon.data.images.collection import ArrayImages, FileImages
from canon.data.preprocessing import resize
from canon.errors import DataError

RANDOM = np.random.default_rng(0)


def ramp(height, width):
    """Red is the column, green the row, in pixels."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x, y, 0 * x], -1).astype(np.uint8)


def places(views):
    """Column and row of the first pixel of each view of a ramp that was not scaled."""
    return [tuple(view[0, 0, :2].tolist()) for view in views]


def test_ten_crops_are_the_corners_the_centre_and_their_mirrors():
    """At 28 pixels the square is 32, as 256 is for 224; corners are 4 apart, the centre at 2."""
    (views,) = ten_crops(28)(ramp(32, 32))
    assert views.shape == (10, 28, 28, 3)
    assert places(views[:5]) == [(0, 0), (4, 0), (0, 4), (4, 4), (2, 2)]
    assert torch.equal(views[5:], views[:5].flip(2))
    assert places(views[5:]) == [(27, 0), (31, 0), (27, 4), (31, 4), (29, 2)]


def test_ten_crops_of_a_photo_are_of_its_central_square():
    (views,) = ten_crops(28)(ramp(32, 50))
    assert places(views[:5]) == [(9, 0), (13, 0), (9, 4), (13, 4), (11, 2)]


@pytest.mark.parametrize("upright", [False, True])
def test_multi_crops_are_144_and_lie_where_the_paper_puts_them(upright):
    image = ramp(48, 32) if upright else ramp(32, 48)
    (views,) = multi_crops(28)(image)
    assert views.shape == (144, 28, 28, 3)
    assert torch.equal(views[72:], views[:72].flip(2))
    # The first scale, 256 for 224, is the image itself: squares at 0, 8 and 16 of its longer side.
    for square, start in enumerate((0, 8, 16)):
        crops = views[6 * square : 6 * square + 6]
        expected = [(0, 0), (4, 0), (0, 4), (4, 4), (2, 2)]
        moved = [(x, y + start) if upright else (x + start, y) for x, y in expected]
        assert places(crops[:5]) == moved
        whole = image[start : start + 32] if upright else image[:, start : start + 32]
        assert np.array_equal(crops[5].numpy(), resize(whole[None], 28)[0])


def test_multi_crops_take_four_scales_in_proportion_to_the_input():
    """The last scale: 44 pixels for 28, as 352 for 224; corners 16 apart, the centre at 8."""
    (views,) = multi_crops(28)(ramp(32, 48))
    (large,) = resize(ramp(32, 48)[None], 44)
    assert large.shape == (44, 66, 3)
    last = views[54:60].numpy()
    assert np.array_equal(last[0], large[:28, :28])
    assert np.array_equal(last[3], large[16:, 16:44])
    assert np.array_equal(last[4], large[8:36, 8:36])


def test_a_square_image_has_one_square_instead_of_three_equal_ones():
    (views,) = multi_crops(28)(ramp(32, 32))
    assert len(views) == 48


def test_dense_testing_sees_the_whole_image_and_its_mirror_at_each_scale():
    image = RANDOM.integers(0, 256, (20, 30, 3), np.uint8)
    small, same = whole_images(10, (1.0, 2.0))(image)
    assert small.shape == (2, 10, 15, 3)
    assert np.array_equal(same[0].numpy(), image)
    assert np.array_equal(same[1].numpy(), image[:, ::-1])


def test_an_image_converts_to_the_channels_and_bits_of_a_run_at_its_own_size(tmp_path):
    grey = RANDOM.integers(0, 256, (9, 13), np.uint8)
    Image.fromarray(grey).save(tmp_path / "a.png")
    prep = Preprocessing(8, 3, bits=16)
    found = prep.convert(FileImages.of([tmp_path / "a.png"])[0])
    assert found.dtype == np.uint16
    assert np.array_equal(found, np.repeat(grey[..., None], 3, -1).astype(int) * 257)
    assert np.array_equal(prep.convert(ArrayImages.of(grey[None, ..., None])[0]), found)


def test_an_image_of_more_bits_than_the_run_is_refused_by_name(tmp_path):
    Image.fromarray(np.full((9, 9), 5000, np.uint16)).save(tmp_path / "deep.png")
    images = FileImages.of([tmp_path / "deep.png"])
    with pytest.raises(DataError, match=r"deep\.png: the image has 16 bits"):
        Preprocessing(8, 1).convert(images[0], images.names[0])
