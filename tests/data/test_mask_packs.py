"""Packs of images of any size and their masks."""

import numpy as np
import pytest
from PIL import Image

from canon.data import open_data
from canon.data.packs.masks import MaskPack, build_mask_pack
from canon.data.types import IGNORE
from canon.errors import DataError
from tests.helpers.mask_pairs import RANDOM, save, save_pair, three_pairs


@pytest.fixture
def pairs(tmp_path):
    return three_pairs(tmp_path)


def pack_of(split, channels=1, bits=8, progress=None):
    return build_mask_pack(split.images, split.targets, channels, bits, progress)


def test_a_pack_holds_every_pixel_of_images_of_any_size(pairs):
    split, read = open_data(pairs).splits["train"], []

    def watching(files, total):
        for file in files:
            read.append(file.name)
            yield file

    for _ in range(2):
        pack = pack_of(split, progress=watching)
        assert len(pack) == 2
        assert pack.sizes == ((1, 4), (2, 2))
        assert pack.names == tuple(map(str, split.images.files))
        assert pack.white == 255
        for i, file in enumerate(split.images.files):
            assert np.array_equal(pack.image(i)[..., 0], np.asarray(Image.open(file)))
        assert pack.mask(0).tolist() == [[0, 0, 1, IGNORE]]
        assert pack.mask(1).tolist() == [[0, 2], [1, 2]]
        assert pack.image(1).dtype == pack.mask(1).dtype == np.uint8
        assert pack.pixels().tolist() == [[2, 1, 0], [1, 1, 2]]
    assert read == ["a.png", "b.png"]  # the second pack is mapped
    save_pair(pairs, "b", [[2, 2]])
    assert pack_of(split).sizes == ((1, 4), (1, 2))


def test_a_pack_holds_sixteen_bits_and_three_channels_on_request(pairs):
    deep = np.array([[0, 65535, 40000, 1]], np.uint16)
    save(pairs / "images" / "a.png", deep)
    split = open_data(pairs).splits["train"]
    pack = pack_of(split, 3, 16)
    assert pack.white == 65535
    assert pack.image(0).dtype == np.uint16
    assert pack.image(0).tolist() == [[[value] * 3 for value in deep[0].tolist()]]
    with pytest.raises(DataError, match=r"a\.png: the image has 16 bits"):
        pack_of(split)


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
    split = open_data(pairs).splits["train"]
    with pytest.raises(DataError, match=r"b\.png has 2 x 2 pixels, its image 3 x 5; expected"):
        pack_of(split)
    assert list((tmp_path / "cache" / "packs").iterdir()) == []


def test_the_pack_of_isbi_equals_its_files(real_data):
    split = open_data("isbi_em").splits["test"]
    pack = pack_of(split)
    file = split.images.files[3]
    assert np.array_equal(pack.image(3)[..., 0], np.asarray(Image.open(file)))
    mask = np.asarray(Image.open(split.targets.files[3]))
    assert np.array_equal(pack.mask(3), mask == 255)
    assert pack.pixels().sum(1).tolist() == [512 * 512] * 6
