"""Files as people bring them: each was met in the wild, and stands for its kind."""

import os
import struct
from io import BytesIO

import numpy as np
import pytest
import tifffile
from PIL import Image

from canon.data import check_data, open_data
from canon.data.images.open import open_image
from canon.data.images.reader import read_image
from canon.data.targets.masks import read_codes
from canon.errors import DataError

RAMP = np.arange(0, 63000, 1000, np.uint16).reshape(7, 9)


def whole(path):
    """The first plane as prediction reads it."""
    with open_image(path) as planes:
        first = planes[0]
        return first.read(slice(0, first.height), slice(0, first.width))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_training_and_prediction_read_the_same_grey(tmp_path, order, compression, photometric):
    stored = 65535 - RAMP if photometric == "miniswhite" else RAMP
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric=photometric, byteorder=order,
                     compression=compression)  # fmt: skip
    assert np.array_equal(read_image(tmp_path / "a.tif")[..., 0], RAMP)
    assert np.array_equal(whole(tmp_path / "a.tif")[..., 0], RAMP)


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_planar_colour_of_16_bits_is_read_like_interleaved(tmp_path, planar):
    rgb = np.stack([RAMP, RAMP // 2, RAMP // 3], -1)
    stored = np.moveaxis(rgb, -1, 0) if planar == "separate" else rgb
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", planarconfig=planar)
    assert np.array_equal(read_image(tmp_path / "a.tif"), rgb >> 8)
    assert np.array_equal(whole(tmp_path / "a.tif"), rgb)


@pytest.mark.parametrize("white", [0, 1])  # which of the two stored values is white: 0 or 1
@pytest.mark.parametrize("compression", ["raw", "group3", "group4", "packbits", "tiff_lzw"])
def test_black_and_white_of_fax_machines_is_0_and_255(tmp_path, compression, white):
    shown = RAMP.mean() < RAMP
    Image.fromarray(shown).save(tmp_path / "a.tif", compression=compression, tiffinfo={262: white})
    expected = np.asarray(Image.open(tmp_path / "a.tif").convert("L"))
    assert set(np.unique(expected)) == {0, 255}
    assert np.array_equal(read_image(tmp_path / "a.tif")[..., 0], expected)
    assert np.array_equal(whole(tmp_path / "a.tif")[..., 0], expected)


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr"])
def test_what_tifffile_does_not_read_is_read_by_pillow(tmp_path, mode):
    Image.new("RGB", (9, 7), (200, 60, 30)).convert(mode).save(tmp_path / "a.tif")
    assert np.array_equal(read_image(tmp_path / "a.tif"), whole(tmp_path / "a.tif"))
    assert read_image(tmp_path / "a.tif").shape == (7, 9, 3)


def with_exif(tag, kind, count, value):
    """A JPEG of 40 x 30 that is turned by a quarter, with one more EXIF tag."""
    entries = sorted([(0x112, 3, 1, b"\6\0"), (tag, kind, count, value)])
    offset, body, rest = 8 + 2 + 12 * len(entries) + 4, struct.pack("<H", len(entries)), b""
    for number, of, many, raw in entries:
        held = raw.ljust(4, b"\0") if len(raw) <= 4 else struct.pack("<I", offset + len(rest))
        rest += raw if len(raw) > 4 else b""
        body += struct.pack("<HHI", number, of, many) + held
    exif = b"Exif\0\0II*\0\x08\0\0\0" + body + b"\0\0\0\0" + rest
    plain = BytesIO()
    Image.new("RGB", (30, 40), (220, 0, 0)).save(plain, "JPEG")
    jpeg = plain.getvalue()
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


@pytest.mark.parametrize(
    "tag",
    [(0x11A, 10, 1, struct.pack("<ii", -1, 0)), (0x11A, 2, 3, b"72\0"), (0x100, 2, 5, b"4000\0"),
     (0x11A, 7, 8, bytes(range(1, 9))), (0x8769, 2, 4, b"x\0\0\0")],
)  # fmt: skip
def test_odd_exif_tags_do_not_matter_and_the_photo_is_turned(tmp_path, tag):
    (tmp_path / "a.jpg").write_bytes(with_exif(*tag))
    assert read_image(tmp_path / "a.jpg").shape == (30, 40, 3)


def outcome(read, path):
    """The error of a reader, or the path if there is none."""
    try:
        read(path)
    except DataError as fault:
        return str(fault)
    return str(path)


def test_a_damaged_file_of_any_format_is_read_or_named(tmp_path):
    noise = np.random.default_rng(0)
    picture = Image.fromarray(noise.integers(0, 255, (48, 64, 3), np.uint8))
    for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "AVIF", "PPM", "TGA"):
        buffer = BytesIO()
        picture.save(buffer, kind)
        good = buffer.getvalue()
        for trial in range(12):
            bad = bytearray(good)
            for place in noise.integers(0, len(bad), 1 + trial * 3):
                bad[place] = noise.integers(0, 256)
            path = tmp_path / f"a.{kind.lower()}"
            path.write_bytes(bytes(bad[: len(bad) - trial * 5]))
            for read in (read_image, whole, lambda one: read_codes(one, colors=True)):
                assert path.name in outcome(read, path)


def test_a_file_that_was_written_anew_is_read_anew_whatever_its_date(tmp_path):
    for name in ("x", "y"):
        (tmp_path / "p" / name).mkdir(parents=True)
        for i in range(2):
            Image.new("L", (8, 8), 40 * i + len(name)).save(tmp_path / "p" / name / f"{i}.bmp")
    before = check_data(open_data(tmp_path / "p"))
    file = tmp_path / "p" / "x" / "0.bmp"
    times, size = (file.stat().st_atime_ns, file.stat().st_mtime_ns), file.stat().st_size
    Image.new("L", (8, 8), 200).save(file)
    os.utime(file, ns=times)
    assert file.stat().st_size == size
    assert check_data(open_data(tmp_path / "p")).digests != before.digests


def masks_of(folder, saved):
    """Pairs whose masks are saved by functions of an 8-bit picture."""
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
    for i, (suffix, save) in enumerate(saved):
        mask = np.zeros((12, 12), np.uint8)
        mask[2:8, i : i + 6] = 255
        Image.fromarray(mask // 2).save(folder / "images" / f"{i}.png")
        save(Image.fromarray(mask), folder / "masks" / f"{i}{suffix}")
    return folder


PLAIN = (".png", lambda picture, path: picture.save(path))


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".pbm", ".gif"])
def test_masks_of_one_and_of_eight_bits_are_the_same_classes(tmp_path, suffix):
    one_bit = (suffix, lambda picture, path: picture.convert("1").save(path))
    data = open_data(masks_of(tmp_path / "s", [one_bit, PLAIN, PLAIN]))
    report = check_data(data)
    assert (data.classes, report.targets.counts["train"]) == (("0", "255"), (3, 3))
    assert report.targets.pixels["train"] == (3 * (144 - 36), 3 * 36)
    assert all((data.targets[i] == 1).sum() == 36 for i in range(3))


def test_masks_of_one_bit_alone_have_the_classes_0_and_1(tmp_path):
    one_bit = (".png", lambda picture, path: picture.convert("1").save(path))
    assert open_data(masks_of(tmp_path / "s", [one_bit, one_bit])).classes == ("0", "1")


def test_an_ambiguous_mixture_of_masks_is_refused_by_name(tmp_path):
    def three(picture, path):
        levels = np.asarray(picture).copy()
        levels[0, 0] = 1
        Image.fromarray(levels).save(path)

    one_bit = (".png", lambda picture, path: picture.convert("1").save(path))
    with pytest.raises(DataError, match=r"0\.png has one bit per pixel, .*1\.png eight"):
        open_data(masks_of(tmp_path / "s", [one_bit, (".png", three)]))


@pytest.mark.parametrize(
    ("labels", "message"),
    [(np.array([1, 2, 1, 2]), "labels from 1 to 2; .*Lower them by 1"),
     (np.array([0, 1, 0, 200_000_000]), "a label of 200,000,000 but 4 images"),
     (np.array([0.5, 1, 0, 1]), "regression is not supported"),
     (np.eye(4, dtype=int), "several for each image")],
)  # fmt: skip
def test_labels_that_are_no_class_indices_are_explained(tmp_path, labels, message):
    np.savez(tmp_path / "a.npz", x_train=np.zeros((4, 9, 9), np.uint8), y_train=labels)
    with pytest.raises(DataError, match=message):
        open_data(tmp_path / "a.npz")


def test_labels_from_1_in_idx_files_are_explained(tmp_path):
    for split in ("train", "t10k"):
        for kind, values in (("images-idx3", np.zeros((6, 9, 9), np.uint8)),
                             ("labels-idx1", np.arange(6, dtype=np.uint8) % 3 + 1)):  # fmt: skip
            head = (
                b"\0\0\x08" + bytes([values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
            )
            (tmp_path / f"{split}-{kind}-ubyte").write_bytes(head + values.tobytes())
    with pytest.raises(DataError, match=r"labels from 1 to 3; .*Lower them by 1"):
        open_data(tmp_path)


def test_a_test_split_may_lack_the_first_class(tmp_path):
    pixels = np.zeros((4, 9, 9), np.uint8)
    np.savez(tmp_path / "a.npz", x_train=pixels, y_train=[0, 1, 2, 2], x_test=pixels,
             y_test=[1, 1, 2, 2])  # fmt: skip
    assert open_data(tmp_path / "a.npz").splits["test"].targets.counts().tolist() == [0, 2, 2]


def test_arrays_are_data_and_other_objects_are_refused_in_one_line():
    pixels = np.random.default_rng(0).integers(0, 255, (6, 9, 9), np.uint8)
    data = open_data((pixels, [0, 1, 0, 1, 0, 1]))
    assert (data.sizes, data.classes) == ({"train": 6}, ("0", "1"))
    assert open_data(data) is data
    with pytest.raises(DataError, match="cannot open a list as data"):
        open_data([pixels])


def test_thin_images_take_no_memory(tmp_path):
    """100,000 x 1 pixels, enlarged whole to a shorter side of 64, would be 400 million pixels."""
    from canon.data.preprocessing import Preprocessing

    Image.new("L", (100_000, 1), 90).save(tmp_path / "a.png")
    stored = Preprocessing(64, 3).read(tmp_path / "a.png")
    assert (stored.shape, set(np.unique(stored))) == ((64, 64, 3), {90})


def test_a_cifar_batch_runs_no_code_of_numpy(tmp_path, capfd):
    (tmp_path / "data_batch_1").write_bytes(b"\x80\x02cnumpy.f2py.__main__\ndtype\n.")
    with pytest.raises(DataError, match=r"is not a CIFAR-10 batch: it calls numpy\.f2py"):
        open_data(tmp_path)
    assert capfd.readouterr() == ("", "")
