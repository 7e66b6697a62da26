"""The check of images and their masks."""

import json

import numpy as np
import pytest
from PIL import Image

from canon.cli import main
from canon.data import check_data, open_data
from canon.data.targets.mask_codes import MaskCodes
from tests.helpers.mask_pairs import save, save_pair, three_pairs


@pytest.fixture
def pairs(tmp_path):
    return three_pairs(tmp_path)


def test_images_and_pixels_of_each_class_are_counted_by_hand(pairs):
    report = check_data(open_data(pairs))
    assert report.targets.counts == {"train": (2, 2, 1), "test": (0, 1, 1)}
    assert report.targets.pixels == {"train": (3, 2, 2), "test": (0, 3, 2)}
    assert report.targets.ignored_pixels == {"train": 1, "test": 1}
    assert report.images.sides == (1, 2, 2, 4)
    assert report.sound


def test_membranes_are_22_percent_of_the_isbi_pixels(real_data):
    report = check_data(open_data("isbi_em"))
    assert report.sound
    assert report.targets.counts == {"train": (24, 24), "test": (6, 6)}
    dark, light = (sum(split[k] for split in report.targets.pixels.values()) for k in (0, 1))
    assert dark + light == 30 * 512 * 512
    assert dark / (dark + light) == pytest.approx(0.22, abs=0.005)
    assert report.targets.ignored_pixels == {"train": 0, "test": 0}
    assert report.images.formats == {"8-bit grey": 30}


def test_masks_that_do_not_fit_are_named_and_can_be_left_out(pairs):
    save(pairs / "images" / "a.png", np.zeros((4, 1), np.uint8))
    save_pair(pairs, "d", [[9, 9, 0]])
    save_pair(pairs, "e", [[0, 1]])
    save_pair(pairs, "f", [[0, 1]])
    (pairs / "images" / "e.png").write_bytes(b"")
    (pairs / "masks" / "f.png").write_text("text")
    (pairs / "classes.txt").write_text("x\ny\nz")
    (pairs / "train.txt").write_text("a b d e f".replace(" ", "\n"))
    data = open_data(pairs)
    report = check_data(data)
    faults = {str(file.relative_to(pairs)): why for file, why in report.faults.items()}
    assert set(faults) == {"masks/a.png", "masks/d.png", "images/e.png", "masks/f.png"}
    assert "has 1 x 4 pixels, its image 4 x 1; expected" in faults["masks/a.png"]
    assert "contains the unknown value 9 (2 pixels); expected 0" in faults["masks/d.png"]
    assert not report.sound
    assert report.targets.counts["train"] == (1, 1, 1)  # b alone
    assert report.targets.pixels["train"] == (1, 1, 2)
    rest = data.without(set(report.faults))
    assert [file.stem for file in rest.splits["train"].images.files] == ["b"]
    assert check_data(rest).sound


def test_a_second_check_reads_only_changed_pairs(pairs):
    read = []

    def watching(files, total):
        for file in files:
            read.append(f"{file.parent.name}/{file.name}")
            yield file

    data = open_data(pairs)  # which reads the masks
    assert check_data(data, watching).sound
    assert read == ["images/a.png", "images/b.png", "images/c.png"]
    save_pair(pairs, "b", [[0, 2, 2]])
    read.clear()
    assert check_data(data, watching).targets.pixels["train"] == (3, 1, 2)
    assert read == ["images/b.png", "masks/b.png"]


def test_the_same_image_in_two_splits_is_a_duplicate(pairs):
    image = Image.open(pairs / "images" / "a.png")
    save_pair(pairs, "c", [[1, 2, 2, 1]], np.asarray(image))
    report = check_data(open_data(pairs))
    assert report.images.duplicates == ((str(pairs / "images/a.png"), str(pairs / "images/c.png")),)
    assert not report.sound


def test_canon_check_shows_images_and_shares_of_pixels(pairs, capsys):
    assert main(["check", str(pairs)]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: line.split()[1:] for line in lines[:6]}
    assert rows["0"] == ["2", "37.50", "%", "0", "0.00", "%"]
    assert rows["2"] == ["1", "25.00", "%", "1", "33.33", "%"]
    assert rows["ignored"] == ["12.50", "%", "16.67", "%"]
    assert rows["all"] == ["2", "1"]
    assert lines[-1] == "no problems found"
    save(pairs / "images" / "a.png", np.zeros((4, 1), np.uint8))
    assert main(["check", str(pairs), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["images"] == {"train": 2, "test": 1}
    assert found["pixels"] == {"train": [1, 1, 2], "test": [0, 3, 2]}
    assert found["ignored_pixels"] == {"train": 0, "test": 1}
    assert MaskCodes.of(found["masks"]) == MaskCodes((0, 1, 2))
    assert "expected as many" in next(iter(found["faults"].values()))
    assert main(["check", str(pairs)]) == 1
    assert "1 unreadable or invalid:" in capsys.readouterr().out


def test_a_file_of_several_pages_is_a_fault(tmp_path):
    for stem in "ab":
        save_pair(tmp_path, stem, [[0, 1], [1, 0]])
    pages = [Image.fromarray(np.full((2, 2), i, np.uint8)) for i in range(3)]
    (tmp_path / "images" / "a.png").unlink()
    pages[0].save(tmp_path / "images" / "a.tif", save_all=True, append_images=pages[1:])
    report = check_data(open_data(tmp_path))
    (fault,) = report.faults.values()
    assert "a.tif contains 3 images; expected one. Save its pages" in fault
