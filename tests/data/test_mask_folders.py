"""Folders of images and masks."""

import json

import numpy as np
import pytest
from PIL import Image

from canon.data import open_data
from canon.data.dataset import validate
from canon.data.targets.mask_codes import MaskCodes
from canon.errors import DataError

RANDOM = np.random.default_rng(0)


def save(file, pixels):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(file)


def make(folder, stems="abcd", values=(0, 1, 2), suffix=".png"):
    """Pairs of random images and masks that hold every value."""
    for stem in stems:
        save(folder / "images" / f"{stem}{suffix}", RANDOM.integers(0, 256, (6, 8)))
        save(folder / "masks" / f"{stem}.png", np.resize(values, (6, 8)))
    return folder


def stems(split):
    return [file.stem for file in split.images.files]


def test_images_and_masks_of_the_same_stem_are_pairs(tmp_path):
    make(tmp_path, "ba", suffix=".jpg")
    make(tmp_path, ["deep/c.1"])
    (tmp_path / "masks" / "notes.md").write_text("x")
    (tmp_path / "extra").mkdir()
    data = open_data(tmp_path)
    assert data.targets.kind == "mask"
    assert data.classes == ("0", "1", "2")
    assert data.targets.codes == MaskCodes((0, 1, 2), (255,))
    (split,) = data.splits.values()
    assert [f.name for f in split.images.files] == ["a.jpg", "b.jpg", "c.1.png"]
    assert [m.relative_to(tmp_path / "masks").as_posix() for m in split.targets.files] == [
        "a.png", "b.png", "deep/c.1.png",
    ]  # fmt: skip
    assert split.targets.strata().tolist() == [0, 0, 0]
    assert [f.name for f in data.ignored] == ["extra", "notes.md"]


def test_split_lists_take_stems_or_file_names_and_leave_the_rest_out(tmp_path):
    make(tmp_path, "abcdef")
    (tmp_path / "train.txt").write_text("# by hand\nc\n\na.png   # blurred\n")
    (tmp_path / "test.txt").write_bytes("\ufeffb\r\n".encode())
    save(tmp_path / "images" / "unpaired.png", [[0]])
    data = open_data(tmp_path)
    assert {name: stems(split) for name, split in data.splits.items()} == {
        "train": ["c", "a"],
        "test": ["b"],
    }
    left = sorted(str(f.relative_to(tmp_path)) for f in data.ignored)
    assert left == [
        "images/d.png", "images/e.png", "images/f.png", "images/unpaired.png",
        "masks/d.png", "masks/e.png", "masks/f.png",
    ]  # fmt: skip


def test_split_folders_may_be_outside_or_inside(tmp_path):
    make(tmp_path / "a" / "train", "abc")
    make(tmp_path / "a" / "valid", "d")
    make(tmp_path / "a" / "test", "e")
    make(tmp_path / "b", ["train/a", "train/b", "Validation/c"])
    expected = {"train": ["a", "b", "c"], "val": ["d"], "test": ["e"]}
    assert {n: stems(p) for n, p in open_data(tmp_path / "a").splits.items()} == expected
    expected = {"train": ["a", "b"], "val": ["c"]}
    assert {n: stems(p) for n, p in open_data(tmp_path / "b").splits.items()} == expected


def test_isbi_is_recognised_with_its_lists(real_data):
    data = open_data("isbi_em")
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 24, "test": 6}
    assert data.targets.codes == MaskCodes((0, 255), ())
    assert data.classes == ("0", "255")
    assert stems(data.splits["test"]) == ["24", "25", "26", "27", "28", "29"]
    assert data.ignored == ()


@pytest.mark.parametrize(
    ("values", "classes", "meant"),
    [
        ((0, 255), ("0", "255"), MaskCodes((0, 255), ())),
        ((0, 1), ("0", "1"), MaskCodes((0, 1), (255,))),
        ((0, 2, 3, 255), ("0", "1", "2", "3"), MaskCodes((0, 1, 2, 3), (255,))),
    ],
)
def test_without_a_class_file_the_values_are_the_classes(tmp_path, values, classes, meant):
    data = open_data(make(tmp_path, values=values))
    assert (data.classes, data.targets.codes) == (classes, meant)


def test_named_classes_and_a_mask_file_read_once_until_it_changes(tmp_path):
    make(tmp_path, values=(0, 255))
    (tmp_path / "classes.txt").write_text("membrane\ncell\n")
    data = open_data(tmp_path)
    assert (data.classes, data.targets.codes) == (("membrane", "cell"), MaskCodes((0, 255), ()))
    save(tmp_path / "masks" / "a.png", np.resize((0, 1, 255), (6, 9)))
    assert open_data(tmp_path).targets.codes == MaskCodes((0, 1), (255,))


def test_colours_need_a_table(tmp_path):
    make(tmp_path, "ab")
    for stem in "ab":
        save(tmp_path / "masks" / f"{stem}.png", [[(255, 0, 0), (0, 0, 0)]] * 2)
    with pytest.raises(DataError, match=r"masks/a\.png is in colour; .* All 2 masks are like that"):
        open_data(tmp_path)
    (tmp_path / "classes.json").write_text(json.dumps({"sky": [0, 0, 0], "car": [255, 0, 0]}))
    data = open_data(tmp_path)
    assert data.classes == ("sky", "car")
    assert data.targets.codes == MaskCodes(((0, 0, 0), (255, 0, 0)), ())


def test_masks_are_selected_and_left_out_with_their_images(tmp_path):
    data = open_data(make(tmp_path, "abcd"))
    split = data.splits["train"]
    chosen = split.select(np.array([2, 0]))
    assert stems(chosen) == [mask.stem for mask in chosen.targets.files] == ["c", "a"]
    rest = data.without({split.images.files[0], split.targets.files[2]})
    assert stems(rest.splits["train"]) == ["b", "d"]
    assert validate(rest) is rest
    with pytest.raises(DataError, match="has 0 train images and 0 masks; expected one pair"):
        validate(data.without(set(split.images.files)))


def no_masks(folder):
    save(make(folder) / "images" / "a.png", [[1]])
    for file in (folder / "masks").iterdir():
        file.unlink()


def no_mask_folder(folder):
    no_masks(folder)
    (folder / "masks").rmdir()


def unpaired(folder):
    make(folder, "abcdefgh")
    for stem in "bcde":
        (folder / "masks" / f"{stem}.png").unlink()
    (folder / "images" / "h.png").unlink()


def two_suffixes(folder):
    save(make(folder) / "images" / "a.bmp", [[1]])


def listing(train, test=None):
    def make_listed(folder):
        make(folder)
        (folder / "images" / "c.png").unlink()
        (folder / "masks" / "d.png").unlink()
        for name, text in (("train", train), ("test", test)):
            if text is not None:
                (folder / f"{name}.txt").write_bytes(text.encode("latin-1"))

    return make_listed


def half_a_split(folder):
    make(folder / "train")
    save(folder / "val" / "images" / "a.png", [[1]])


def only_inner_test(folder):
    make(folder, ["test/a", "val/b"])


def of(values, suffix=".png"):
    return lambda folder: make(folder, values=values)


def one_class_in_training(folder):
    make(folder, "a", values=(0,))
    make(folder, "b", values=(0, 1))
    (folder / "train.txt").write_text("a")
    (folder / "test.txt").write_text("b")


def contradicted(folder):
    make(folder, values=(0, 255))
    (folder / "classes.json").write_text('{"dark": 0, "light": 1, "ignore": 255}')


def blurred(folder):
    make(folder, values=tuple(range(48)))
    save(folder / "masks" / "a.png", np.arange(100, 148).reshape(6, 8))


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (no_masks, "masks is missing or holds no images; expected folders images and masks"),
        (no_mask_folder, "masks is missing or holds no images; expected"),
        (unpaired, r"without a mask \(4: b, c, d, \.\.\.\) and masks without an image \(1: h\)"),
        (two_suffixes, r"a\.bmp and .*a\.png have the same stem; expected one"),
        (listing("a\nz"), r"train\.txt names 'z', which does not exist; expected"),
        (listing("a\nc"), r"train\.txt names 'c', which has no image; expected"),
        (listing("d.png"), r"train\.txt names 'd\.png', which has no mask; expected"),
        (listing("a", "b\na.png"), r"test\.txt names 'a' which is also in train\.txt; expected"),
        (listing("a\na"), r"train\.txt names 'a' twice; expected"),
        (listing("# nothing"), r"train\.txt is empty; expected"),
        (listing("\xff\xfe"), r"train\.txt cannot be read: .*; expected"),
        (listing(None, "a"), r"pairs for test but none for train; expected .* Add train\.txt"),
        (only_inner_test, "pairs for val and test but none for train; expected .*images/train"),
        (half_a_split, "val/masks is missing or holds no images; expected"),
        (of((0,)), "has one class only in its training masks, which hold 0; expected"),
        (of((255,)), "has one class only in its training masks, which hold 255; expected"),
        (one_class_in_training, "has one class only in its training masks, which hold 0; expected"),
        (contradicted, "has one class only in its training masks, which hold 0, 255; expected"),
        (of((0, 128, 255)), r"0, 128, 255, which are not class indices; expected .*classes\.json"),
        (blurred, "the masks contain 96 distinct values, like photographs .*; expected at most 64"),
    ],
)  # fmt: skip
def test_unusable_pairs_are_refused_in_one_line(tmp_path, prepare, message):
    prepare(tmp_path / "set")
    with pytest.raises(DataError, match=message) as caught:
        open_data(tmp_path / "set")
    assert "\n" not in str(caught.value)


def test_a_photograph_in_place_of_a_mask_is_refused(tmp_path):
    make(tmp_path, "a")
    Image.fromarray(np.arange(40_000, dtype=np.uint16).reshape(200, 200)).save(
        tmp_path / "masks" / "a.png"
    )
    with pytest.raises(
        DataError, match=r"a\.png contains 40,000 distinct values, like a photograph"
    ):
        open_data(tmp_path)


def test_class_folders_named_images_beside_others_stay_class_folders(tmp_path):
    for name in ("images", "drawings"):
        save(tmp_path / name / "a.png", [[1]])
    data = open_data(tmp_path)
    assert data.targets.kind == "label"
    assert data.classes == ("drawings", "images")
