"""What mask files hold, and what class files say of it."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from PIL import Image

from canon.data.sources.class_table import read_class_table
from canon.data.targets.mask_codes import MaskCodes
from canon.data.targets.mask_histogram import mask_histograms
from canon.data.targets.masks import read_mask
from canon.data.types import IGNORE
from canon.errors import DataError

INDICES = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
THREE = MaskCodes((0, 1, 2))
PALETTE = ((0, 0, 0), (200, 0, 0), (0, 0, 90))
COLOURS = MaskCodes(PALETTE, ((255, 255, 255),))


def palette(indices):
    picture = Image.fromarray(indices).convert("L")
    picture.putpalette(sum(PALETTE, ()))
    return picture


def rgb(indices):
    return Image.fromarray(np.array(PALETTE, np.uint8)[indices])


def with_alpha(picture, alpha):
    picture.putalpha(Image.fromarray(np.full(picture.size[::-1], alpha, np.uint8)))
    return picture


@pytest.mark.parametrize(
    ("picture", "values"),
    [
        (Image.fromarray(INDICES), THREE),
        (palette(INDICES), THREE),
        (Image.fromarray(INDICES.astype(np.uint16)), THREE),
        (Image.fromarray(INDICES.astype(np.int32)), THREE),
        (Image.fromarray(INDICES.astype(np.uint16) * 300), MaskCodes((0, 300, 600))),
        (Image.fromarray(np.repeat(INDICES[..., None], 3, -1)), THREE),  # grey saved as RGB
        (with_alpha(Image.fromarray(INDICES), 255), THREE),
        (rgb(INDICES), COLOURS),
        (palette(INDICES), COLOURS),
        (with_alpha(rgb(INDICES), 255), COLOURS),
    ],
    ids=["L", "P", "I;16", "I", "I;16 far apart", "grey RGB", "LA", "RGB", "P in colour", "RGBA"],
)
def test_every_kind_of_mask_gives_the_same_classes(tmp_path, picture, values):
    file = tmp_path / "a.tiff"
    picture.save(file)
    found = read_mask(file, values)
    assert found.dtype == np.uint8
    assert np.array_equal(found, INDICES)


def test_black_and_white_of_one_bit_is_0_and_1(tmp_path):
    Image.fromarray(np.array([[False, True]])).save(tmp_path / "a.png")
    assert read_mask(tmp_path / "a.png", MaskCodes((0, 1))).tolist() == [[0, 1]]


def test_a_palette_with_a_transparent_colour_is_read_as_its_indices(tmp_path):
    palette(INDICES).save(tmp_path / "a.png", transparency=bytes([0, 255, 255]))
    assert np.array_equal(read_mask(tmp_path / "a.png", THREE), INDICES)
    assert np.array_equal(read_mask(tmp_path / "a.png", COLOURS), INDICES)


def test_ignored_values_become_255_whatever_they_are(tmp_path):
    Image.fromarray(np.array([[7, 255, 9]], np.uint8)).save(tmp_path / "a.png")
    found = read_mask(tmp_path / "a.png", MaskCodes((255, 7), ignore=(9,)))
    assert found.tolist() == [[1, 0, IGNORE]]
    Image.fromarray(np.full((1, 1, 3), 255, np.uint8)).save(tmp_path / "b.png")
    assert read_mask(tmp_path / "b.png", COLOURS).tolist() == [[IGNORE]]


@pytest.mark.parametrize(
    ("picture", "values", "message"),
    [
        (
            Image.fromarray(np.array([[0, 7, 7, 9]], np.uint8)),
            THREE,
            r"bad\.tiff contains the unknown values 7, 9 \(3 pixels\); expected 0, 1, 2 "
            r"\(ignored: 255\)",
        ),
        (
            Image.fromarray(np.array([[(200, 0, 0), (1, 2, 3)]], np.uint8)),
            COLOURS,
            r"the unknown value \(1, 2, 3\) \(1 pixel\); expected \(0, 0, 0\), \(200, 0, 0\), "
            r"\(0, 0, 90\) \(ignored: \(255, 255, 255\)\)",
        ),
        (rgb(INDICES), THREE, r"is in colour; .*palette indices or grey.* or add a classes\.json"),
        (with_alpha(rgb(INDICES), 100), COLOURS, "has transparent pixels; expected"),
        (Image.fromarray(INDICES.astype(np.int32) - 1), THREE, "mode I; .*expected"),
        (Image.fromarray(INDICES.astype(np.float32)), THREE, "mode F; .*expected"),
        (Image.fromarray(INDICES.astype(np.uint16)), COLOURS, "mode I;16; .*expected"),
    ],
    ids=["values", "colours", "RGB", "alpha", "negative", "floating", "16 bits"],
)
def test_an_unusable_mask_is_refused_in_one_line(tmp_path, picture, values, message):
    picture.save(tmp_path / "bad.tiff")
    with pytest.raises(DataError, match=message) as caught:
        read_mask(tmp_path / "bad.tiff", values)
    assert "\n" not in str(caught.value)


def test_a_mask_that_is_no_image_is_refused_as_an_image_is(tmp_path):
    (tmp_path / "a.png").write_text("text")
    with pytest.raises(DataError, match=r"a\.png is not a readable image"):
        read_mask(tmp_path / "a.png", THREE)
    with pytest.raises(DataError, match="does not exist"):
        read_mask(tmp_path / "b.png", THREE)


@pytest.mark.parametrize("values", [THREE, MaskCodes((0, 255), ()), COLOURS])
def test_values_survive_json(values):
    assert MaskCodes.of(json.loads(json.dumps(asdict(values)))) == values


def test_a_histogram_counts_each_value_and_each_class(tmp_path):
    Image.fromarray(np.array([[0, 0, 2], [2, 2, 255]], np.uint8)).save(tmp_path / "a.png")
    (tally,) = mask_histograms(str(tmp_path), [tmp_path / "a.png"], colors=False).values()
    assert (tally.height, tally.width, tally.codes) == (2, 3, (0, 2, 255))
    assert tally.pixels == (2, 3, 1)
    assert tally.by_class(THREE) == {0: 2, 2: 3, IGNORE: 1}
    assert tally.unknown(MaskCodes((0, 1), ())) == {2: 3, 255: 1}


def write(folder, name, text):
    (folder / name).write_text(text if isinstance(text, str) else json.dumps(text))


@pytest.mark.parametrize(
    ("name", "text", "names", "values"),
    [
        ("classes.txt", "sky\ncar\n\n", ("sky", "car"), MaskCodes((0, 1))),
        ("classes.json", ["sky", "car"], ("sky", "car"), MaskCodes((0, 1))),
        ("classes.json", {"sky": 7, "car": 0}, ("sky", "car"), MaskCodes((7, 0))),
        ("classes.json", {"sky": 255, "car": 0}, ("sky", "car"), MaskCodes((255, 0), ())),
        ("classes.json", {"a": 1, "b": 0, "ignore": 9}, ("a", "b"), MaskCodes((1, 0), (9,))),
        ("classes.json", {"a": 1, "b": 0, "ignore": [9, 255, 8]}, ("a", "b"),
         MaskCodes((1, 0), (9, 255, 8))),
        ("classes.json", {"a": [1, 2, 3], "b": [0, 0, 0]}, ("a", "b"),
         MaskCodes(((1, 2, 3), (0, 0, 0)), ())),
        ("classes.json", {"a": [1, 2, 3], "b": [0, 0, 0], "ignore": [9, 9, 9]}, ("a", "b"),
         MaskCodes(((1, 2, 3), (0, 0, 0)), ((9, 9, 9),))),
    ],
)  # fmt: skip
def test_class_files_give_names_and_values(tmp_path, name, text, names, values):
    write(tmp_path, name, text)
    table = read_class_table(tmp_path)
    assert table.names == names
    assert table.resolved({0, 1, 2}) == values


@pytest.mark.parametrize("text", ["dark\nlight", {"dark": 0, "light": 1}])
def test_of_two_classes_in_black_and_white_masks_white_is_the_second(tmp_path, text):
    write(tmp_path, "classes.txt" if isinstance(text, str) else "classes.json", text)
    table = read_class_table(tmp_path)
    assert table.resolved({0, 255}) == MaskCodes((0, 255), ())
    assert table.resolved({0, 1, 255}) == MaskCodes((0, 1), (255,))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("classes.txt", "a\n\nb", "a class without a name"),
        ("classes.txt", "a\nb\na", "has the class 'a' twice"),
        ("classes.txt", "a", "classes.txt is 1; expected 2 to 255"),
        ("classes.txt", "\n".join(map(str, range(256))), "classes.txt is 256; expected"),
        ("classes.json", "{", "is not valid JSON"),
        ("classes.json", {"ignore": 3}, r"classes\.json is 0; expected 2 to 255"),
        ("classes.json", '{"a": 0, "a": 1}', "'a' occurs twice"),
        ("classes.json", {"a": 0, "b": 0}, "has the value 0 twice"),
        ("classes.json", {"a": 0, "b": 1, "ignore": 1}, "has the value 1 twice"),
        ("classes.json", {"a": 0, "b": -1}, "gives a class the value -1"),
        ("classes.json", {"a": 0, "b": True}, "gives a class the value true"),
        ("classes.json", {"a": 0, "b": "1"}, 'gives a class the value "1"'),
        (
            "classes.json",
            {"a": [0, 0, 0], "b": [0, 0, 256]},
            r"gives a class the value \[0, 0, 256",
        ),
        ("classes.json", {"a": [0, 0, 0], "b": [0, 0]}, r"gives a class the value \[0, 0\]"),
        ("classes.json", {"a": 0, "b": [0, 0, 0]}, "some classes a colour and others a number"),
        (
            "classes.json",
            {"a": 0, "b": 1, "ignore": [[1, 2, 3]]},
            "ignores a value of another kind",
        ),
        ("classes.json", {"a": 0, "b": 1, "ignore": {"c": 2}}, "gives a class the value"),
        ("classes.json", "3", "contains 3; expected a list of names"),
        ("classes.json", [1, 2], "a class without a name"),
    ],
)
def test_an_unusable_class_file_is_refused_in_one_line(tmp_path, name, text, message):
    write(tmp_path, name, text)
    with pytest.raises(DataError, match=message) as caught:
        read_class_table(tmp_path)
    assert "\n" not in str(caught.value)
    assert "expected" in str(caught.value)


def test_two_class_files_or_one_that_is_no_text_are_refused(tmp_path):
    (tmp_path / "classes.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(DataError, match=r"cannot be read: .*UTF-8"):
        read_class_table(tmp_path)
    write(tmp_path, "classes.json", ["a", "b"])
    with pytest.raises(DataError, match=r"has classes\.txt and classes\.json; expected only one"):
        read_class_table(tmp_path)
