"""Masks with palettes: indices, or black and white in the order of whatever wrote the file."""

from itertools import chain

import numpy as np
import pytest
from PIL import Image

from canon.data import open_data
from canon.errors import DataError
from tests.helpers.mask_pairs import save

MASK = np.zeros((8, 8), np.uint8)
MASK[2:4] = 1
BLACK, WHITE, RED, BLUE = [0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 0, 255]


def indexed(*colors, mask=MASK):
    """A mask with these colours, in their order, and black up to 256."""
    picture = Image.fromarray(mask, "P")
    picture.putpalette([*chain(*colors), *(256 - len(colors)) * BLACK])
    return picture


def levels(white):
    """A mask of grey levels."""
    return Image.fromarray(MASK * white)


def masks(folder, *pictures):
    """Pairs with these masks; each may have a suffix of its own."""
    for i, one in enumerate(pictures):
        picture, suffix = one if isinstance(one, tuple) else (one, ".png")
        save(folder / "images" / f"{i}.png", np.full((8, 8), i, np.uint8))
        (folder / "masks").mkdir(exist_ok=True)
        picture.save(folder / "masks" / f"{i}{suffix}")
    return folder


def classes(folder):
    train = open_data(folder).splits["train"].targets
    return train.classes, [train[i] for i in range(len(train))]


COLOUR = levels(255).convert("RGB"), ".gif"  # whose writer numbers the colours as they come


@pytest.mark.parametrize(
    "pictures",
    [(COLOUR, levels(255)),
     (indexed(BLACK, WHITE), indexed(WHITE, BLACK, mask=1 - MASK)),
     (indexed(WHITE, BLACK, mask=1 - MASK), levels(255)),
     (indexed(BLACK, WHITE), levels(255), levels(255).convert("1")),
     (COLOUR, (levels(255), ".gif"))],
)  # fmt: skip
def test_black_and_white_are_the_same_in_any_order(tmp_path, pictures):
    _, read = classes(masks(tmp_path, *pictures))
    assert all(np.array_equal(one, MASK) for one in read)


def test_grey_levels_of_a_gif_are_the_values(tmp_path):
    three = MASK.copy()
    three[5:] = 2
    pictures = [(Image.fromarray(three * 100).convert("RGB"), ".gif"), Image.fromarray(three * 100)]
    (tmp_path / "classes.json").write_text('{"a": 0, "b": 100, "c": 200}')
    _, read = classes(masks(tmp_path, *pictures))
    assert all(np.array_equal(one, three) for one in read)


def test_indices_of_palettes_with_other_colours_are_the_values(tmp_path):
    """White is index 1 here by chance, and 255 are ignored pixels."""
    void = MASK.copy()
    void[6:] = 255
    palette = [BLACK, WHITE, RED]
    names, read = classes(masks(tmp_path, indexed(*palette), indexed(*palette, mask=void)))
    assert names == ("0", "1")
    assert np.array_equal(read[0], MASK)
    assert np.array_equal(read[1], void)


def test_ignored_pixels_and_a_class_are_not_the_same_value(tmp_path):
    void = np.where(MASK == 1, 255, 0).astype(np.uint8)
    folder = masks(tmp_path, indexed(BLACK, WHITE), indexed(BLACK, WHITE, mask=void))
    names, read = classes(folder)
    assert names == ("0", "1")
    assert np.array_equal(read[1], void)


def test_palettes_that_differ_are_noted(tmp_path):
    folder = masks(tmp_path, indexed(BLACK, RED, BLUE), indexed(BLACK, BLUE, RED))
    note = "index 1 is (255, 0, 0) in 0.png, (0, 0, 255) in 1.png; classes are the indices"
    assert any(note in one for one in open_data(folder).notes)
    same = masks(tmp_path / "same", indexed(BLACK, RED, BLUE), indexed(BLACK, RED, BLUE))
    assert open_data(same).notes == ()


def test_one_bit_beside_1_and_255_is_refused(tmp_path):
    both = MASK * 255
    both[6:] = 1
    folder = masks(tmp_path, levels(255).convert("1"), Image.fromarray(both))
    with pytest.raises(DataError, match="has one bit per pixel"):
        open_data(folder)
