"""What is reported of pairs, and how they are packed."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from canon.cli import main
from canon.data import check_data, open_data
from canon.data.packs.masks import MaskPack, build_mask_pack
from canon.data.targets.mask_codes import MaskCodes
from canon.data.types import IGNORE
from canon.errors import DataError

RANDOM = np.random.default_rng(0)


def save(file, pixels):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels)).save(file)


def pair(folder, stem, mask, image=None):
    mask = np.array(mask, np.uint8)
    if image is None:
        image = RANDOM.integers(0, 256, mask.shape, np.uint8)
    save(folder / "images" / f"{stem}.png", image)
    save(folder / "masks" / f"{stem}.png", mask)


@pytest.fixture
def pairs(tmp_path):
    """Three pairs of several sizes, one of them to test on."""
    pair(tmp_path, "a", [[0, 0, 1, 255]])
    pair(tmp_path, "b", [[0, 2], [1, 2]])
    pair(tmp_path, "c", [[1, 1, 1], [2, 2, 255]])
    (tmp_path / "train.txt").write_text("a\nb")
    (tmp_path / "test.txt").write_text("c")
    return tmp_path


def test_images_and_pixels_of_each_class_are_counted_by_hand(pairs):
    report = check_data(open_data(pairs))
    assert report.counts == {"train": (2, 2, 1), "test": (0, 1, 1)}
    assert report.pixels == {"train": (3, 2, 2), "test": (0, 3, 2)}
    assert report.ignored_pixels == {"train": 1, "test": 1}
    assert report.sides == (1, 2, 2, 4)
    assert report.sound


def test_isbi_is_a_fifth_membrane(real_data):
    report = check_data(open_data("isbi_em"))
    assert report.sound
    assert report.counts == {"train": (24, 24), "test": (6, 6)}
    dark, light = (sum(split[k] for split in report.pixels.values()) for k in (0, 1))
    assert dark + light == 30 * 512 * 512
    assert dark / (dark + light) == pytest.approx(0.22, abs=0.005)
    assert report.ignored_pixels == {"train": 0, "test": 0}
    assert report.formats == {"8-bit grey": 30}


def test_masks_that_do_not_fit_are_named_and_can_be_left_out(pairs):
    save(pairs / "images" / "a.png", np.zeros((4, 1), np.uint8))
    pair(pairs, "d", [[9, 9, 0]])
    pair(pairs, "e", [[0, 1]])
    pair(pairs, "f", [[0, 1]])
    (pairs / "images" / "e.png").write_bytes(b"")
    (pairs / "masks" / "f.png").write_text("text")
    (pairs / "classes.txt").write_text("x\ny\nz")
    (pairs / "train.txt").write_text("a b d e f".replace(" ", "\n"))
    data = open_data(pairs)
    report = check_data(data)
    faults = {str(file.relative_to(pairs)): why for file, why in report.faults.items()}
    assert set(faults) == {"masks/a.png", "masks/d.png", "images/e.png", "masks/f.png"}
    assert "has 1 x 4 pixels, its image 4 x 1; expected" in faults["masks/a.png"]
    assert "holds 9 at 2 of its pixels, which is no class; expected 0" in faults["masks/d.png"]
    assert not report.sound
    assert report.counts["train"] == (1, 1, 1)  # b alone
    assert report.pixels["train"] == (1, 1, 2)
    rest = data.without(set(report.faults))
    assert [file.stem for file in rest.parts["train"].files] == ["b"]
    assert check_data(rest).sound


def test_a_second_look_reads_no_file_again(pairs):
    read = []

    def watching(files, total):
        for file in files:
            read.append(f"{file.parent.name}/{file.name}")
            yield file

    data = open_data(pairs)  # which reads the masks
    assert check_data(data, watching).sound
    assert read == ["images/a.png", "images/b.png", "images/c.png"]
    pair(pairs, "b", [[0, 2, 2]])
    read.clear()
    assert check_data(data, watching).pixels["train"] == (3, 1, 2)
    assert read == ["images/b.png", "masks/b.png"]


def test_the_same_image_in_two_splits_is_a_double(pairs):
    image = Image.open(pairs / "images" / "a.png")
    pair(pairs, "c", [[1, 2, 2, 1]], np.asarray(image))
    report = check_data(open_data(pairs))
    assert report.doubles == ((str(pairs / "images/a.png"), str(pairs / "images/c.png")),)
    assert not report.sound


def test_canon_check_shows_images_and_shares_of_pixels(pairs, capsys):
    assert main(["check", str(pairs)]) == 0
    told = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: line.split()[1:] for line in told[:6]}
    assert rows["0"] == ["2", "37.50", "%", "0", "0.00", "%"]
    assert rows["2"] == ["1", "25.00", "%", "1", "33.33", "%"]
    assert rows["ignored"] == ["12.50", "%", "16.67", "%"]
    assert rows["all"] == ["2", "1"]
    assert told[-1] == "sound"
    save(pairs / "images" / "a.png", np.zeros((4, 1), np.uint8))
    assert main(["check", str(pairs), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["images"] == {"train": 2, "test": 1}
    assert found["pixels"] == {"train": [1, 1, 2], "test": [0, 3, 2]}
    assert found["ignored_pixels"] == {"train": 0, "test": 1}
    assert MaskCodes.of(found["masks"]) == MaskCodes((0, 1, 2))
    assert "expected as many" in next(iter(found["faults"].values()))
    assert main(["check", str(pairs)]) == 1
    assert "1 unusable:" in capsys.readouterr().out


def test_a_pack_keeps_every_pixel_of_images_of_any_size(pairs):
    data = open_data(pairs)
    part, read = data.parts["train"], []

    def watching(files, total):
        for file in files:
            read.append(file.name)
            yield file

    for _ in range(2):
        pack = build_mask_pack(part, data.masks, 1, 8, watching)
        assert len(pack) == 2
        assert pack.sizes == ((1, 4), (2, 2))
        assert pack.names == tuple(map(str, part.files))
        assert pack.white == 255
        for i, file in enumerate(part.files):
            assert np.array_equal(pack.image(i)[..., 0], np.asarray(Image.open(file)))
        assert pack.mask(0).tolist() == [[0, 0, 1, IGNORE]]
        assert pack.mask(1).tolist() == [[0, 2], [1, 2]]
        assert pack.image(1).dtype == pack.mask(1).dtype == torch.uint8
        assert pack.pixels().tolist() == [[2, 1, 0], [1, 1, 2]]
    assert read == ["a.png", "b.png"]  # the second pack is mapped
    pair(pairs, "b", [[2, 2]])
    assert build_mask_pack(part, data.masks, 1, 8).sizes == ((1, 4), (1, 2))


def test_a_pack_holds_sixteen_bits_and_colour_where_it_is_told_to(pairs):
    deep = np.array([[0, 65535, 40000, 1]], np.uint16)
    save(pairs / "images" / "a.png", deep)
    data = open_data(pairs)
    pack = build_mask_pack(data.parts["train"], data.masks, 3, 16)
    assert pack.white == 65535
    assert pack.image(0).dtype == torch.int32
    assert pack.image(0).tolist() == [[[value] * 3 for value in deep[0].tolist()]]
    with pytest.raises(DataError, match=r"a\.png: the image has 16 bits"):
        build_mask_pack(data.parts["train"], data.masks, 1, 8)


def test_statistics_are_of_all_pixels_as_fractions_of_white():
    images = [RANDOM.integers(0, 256, (h, w, 3), np.uint8) for h, w in ((5, 7), (40, 3))]
    masks = [np.zeros(image.shape[:2], np.uint8) for image in images]
    pack = MaskPack.of(list(zip(images, masks, strict=True)), classes=2)
    mean, std = pack.statistics()
    flat = np.concatenate([image.reshape(-1, 3) for image in images]) / 255
    assert mean == pytest.approx(flat.mean(0))
    assert std == pytest.approx(flat.std(0, ddof=1))
    assert pack.pixels().tolist() == [[35, 0], [120, 0]]


def test_a_pair_of_two_sizes_is_not_packed_and_leaves_nothing_behind(pairs, tmp_path, monkeypatch):
    monkeypatch.setenv("CANON_CACHE", str(tmp_path / "cache"))
    save(pairs / "images" / "b.png", np.zeros((3, 5), np.uint8))
    data = open_data(pairs)
    with pytest.raises(DataError, match=r"b\.png has 2 x 2 pixels, its image 3 x 5; expected"):
        build_mask_pack(data.parts["train"], data.masks, 1, 8)
    assert list((tmp_path / "cache" / "packs").iterdir()) == []


def test_isbi_s_pack_is_its_files(real_data):
    data = open_data("isbi_em")
    pack = build_mask_pack(data.parts["test"], data.masks, 1, 8)
    file = data.parts["test"].files[3]
    assert np.array_equal(pack.image(3)[..., 0], np.asarray(Image.open(file)))
    mask = np.asarray(Image.open(data.parts["test"].masks[3]))
    assert np.array_equal(pack.mask(3), mask == 255)
    assert pack.pixels().sum(1).tolist() == [512 * 512] * 6


def test_a_stack_where_one_image_is_expected_is_a_fault_and_named(tmp_path):
    for stem in "ab":
        pair(tmp_path, stem, [[0, 1], [1, 0]])
    pages = [Image.fromarray(np.full((2, 2), i, np.uint8)) for i in range(3)]
    (tmp_path / "images" / "a.png").unlink()
    pages[0].save(tmp_path / "images" / "a.tif", save_all=True, append_images=pages[1:])
    report = check_data(open_data(tmp_path))
    (fault,) = report.faults.values()
    assert "a.tif holds 3 images; expected one. Save its pages" in fault
