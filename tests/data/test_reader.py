"""Each kind of file is read right, asserted by its pixels."""

import zlib

import numpy as np
import pytest
from PIL import Image

from canon.data.images.conversion import to_bits, to_channels
from canon.data.images.deep_color import read_deep
from canon.data.images.reader import read_image
from canon.errors import DataError

RAMP = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40


def test_grey_has_one_channel(tmp_path):
    Image.fromarray(RAMP).save(tmp_path / "a.png")
    assert np.array_equal(read_image(tmp_path / "a.png"), RAMP[..., None])


def test_black_and_white_becomes_0_and_255(tmp_path):
    Image.fromarray(RAMP > 100).save(tmp_path / "a.png")
    assert np.array_equal(read_image(tmp_path / "a.png")[..., 0], (RAMP > 100) * 255)


def test_colour_is_read_unchanged(tmp_path):
    pixels = np.dstack([RAMP, RAMP[::-1], 255 - RAMP])
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert np.array_equal(read_image(tmp_path / "a.png"), pixels)


def test_alpha_is_laid_over_white(tmp_path):
    pixels = np.zeros((1, 3, 4), np.uint8)
    pixels[0, :, 3] = 0, 255, 51
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png")[0].tolist() == [[255] * 3, [0] * 3, [204] * 3]


def test_grey_alpha_stays_grey(tmp_path):
    Image.fromarray(np.array([[[0, 0], [100, 255]]], np.uint8)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").tolist() == [[[255], [100]]]


def test_palettes_become_their_colours(tmp_path):
    picture = Image.fromarray(np.array([[0, 1, 2]], np.uint8), "P")
    picture.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    picture.save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").tolist() == [[[10, 20, 30], [40, 50, 60], [70, 80, 90]]]
    picture.save(tmp_path / "b.png", transparency=1)
    assert read_image(tmp_path / "b.png")[0, 1].tolist() == [255, 255, 255]


def test_cmyk_becomes_rgb(tmp_path):
    inks = np.zeros((8, 8, 4), np.uint8)
    inks[:, :, 0] = 255  # cyan
    Image.fromarray(inks, "CMYK").save(tmp_path / "a.jpg", quality=100)
    red, green, blue = read_image(tmp_path / "a.jpg").reshape(-1, 3).mean(0)
    assert red < 5
    assert green > 250
    assert blue > 250


def test_sixteen_bits_keep_their_range(tmp_path):
    deep = np.array([[0, 1, 255, 256, 40000, 65535]], np.uint16)
    for name in ("a.png", "a.tif"):
        Image.fromarray(deep).save(tmp_path / name)
        read = read_image(tmp_path / name)
        assert read.dtype == np.uint16
        assert np.array_equal(read[..., 0], deep)


def test_orientation_is_applied(tmp_path):
    picture = Image.fromarray(np.dstack([np.repeat(np.repeat(RAMP, 8, 0), 8, 1)] * 3))
    exif = Image.Exif()
    exif[0x0112] = 6  # stored a quarter turn to the left
    picture.save(tmp_path / "a.jpg", exif=exif, quality=100, subsampling=0)
    read = read_image(tmp_path / "a.jpg").astype(int)
    assert read.shape == (24, 16, 3)
    assert np.abs(read - np.rot90(np.asarray(picture).astype(int), -1)).max() <= 4


def test_an_animation_gives_its_first_frame(tmp_path):
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "blue", "lime")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert np.array_equal(read_image(tmp_path / "a.gif"), np.asarray(frames[0]))


def test_floating_point_is_refused(tmp_path):
    Image.fromarray(RAMP.astype(np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(DataError, match=r"has floating-point pixels; expected 8 or 16 bits\."):
        read_image(tmp_path / "a.tif")


def broken(folder, kind):
    path = folder / f"{kind}.jpg"
    Image.effect_noise((64, 64), 90).save(path)
    whole = path.read_bytes()
    content = {"truncated": whole[: len(whole) // 2], "text": b"not an image", "empty": b""}
    if kind != "missing":
        path.write_bytes(content[kind])
    else:
        path.unlink()
    return path


@pytest.mark.parametrize(
    ("kind", "message"),
    [("truncated", "cannot be read: .*truncated"), ("text", "is not a readable image"),
     ("empty", r"is empty \(0 bytes\)"), ("missing", "does not exist")],
)  # fmt: skip
def test_a_broken_file_is_named_with_what_to_do(tmp_path, kind, message):
    path = broken(tmp_path, kind)
    with pytest.raises(DataError, match=f"{path} {message}.*expected") as caught:
        read_image(path)
    assert "\n" not in str(caught.value)


def test_colour_becomes_luma_and_grey_three_equal_channels():
    assert to_channels(np.array([[[255, 0, 0], [0, 255, 0]]], np.uint8), 1).tolist() == [
        [[76], [150]]
    ]
    assert to_channels(np.array([[[7]]], np.uint8), 3).tolist() == [[[7, 7, 7]]]


def test_eight_bits_become_sixteen_but_not_back():
    assert to_bits(np.array([0, 255], np.uint8), 16).tolist() == [0, 65535]
    with pytest.raises(DataError, match="16 bits, the network was trained on 8"):
        to_bits(np.array([0], np.uint16), 8)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("orientation", [1, 6])
def test_sixteen_bit_colour_keeps_its_bits_where_a_codec_is_installed(
    tmp_path, channels, orientation
):
    imagecodecs = pytest.importorskip("imagecodecs")
    pixels = np.random.default_rng(0).integers(0, 2**16, (5, 7, channels), np.uint16)
    pixels[..., 3:] = 2**16 - 1  # opaque
    png = imagecodecs.png_encode(pixels)
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = exif.tobytes().removeprefix(b"Exif\0\0")
    chunk = b"eXIf" + content
    chunk = len(content).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    (tmp_path / "a.png").write_bytes(png[:33] + chunk + png[33:])  # after the header
    read = read_deep(tmp_path / "a.png")
    wanted = np.rot90(pixels, -1) if orientation == 6 else pixels
    assert read.dtype == np.uint16
    assert np.array_equal(read, wanted[..., :3])
    assert np.array_equal(read >> 8, read_image(tmp_path / "a.png"))


def test_sixteen_bit_alpha_is_composited_on_white(tmp_path):
    imagecodecs = pytest.importorskip("imagecodecs")
    half = np.array([[[1000, 2000, 3000, 32768]]], np.uint16)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(half))
    opacity = 32768 / 65535
    expected = [round(v * opacity + 65535 * (1 - opacity)) for v in (1000, 2000, 3000)]
    assert read_deep(tmp_path / "a.png")[0, 0].tolist() == expected


def test_sixteen_bit_colour_of_a_tiff_keeps_its_bits(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    pixels = np.random.default_rng(0).integers(0, 2**16, (5, 7, 3), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb")
    assert np.array_equal(read_deep(tmp_path / "a.tif"), pixels)


def test_other_files_are_read_as_read_image_reads_them(tmp_path):
    rng = np.random.default_rng(0)
    for name, pixels in {
        "a.png": rng.integers(0, 256, (5, 7, 3), np.uint8),
        "b.tif": rng.integers(0, 256, (5, 7, 3), np.uint8),
        "c.png": rng.integers(0, 2**16, (5, 7), np.uint16),
    }.items():
        Image.fromarray(pixels).save(tmp_path / name)
        read = read_deep(tmp_path / name)
        assert read.dtype == pixels.dtype
        assert np.array_equal(read, read_image(tmp_path / name))
    (tmp_path / "d.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(16) + b"\x10\x02")
    with pytest.raises(DataError, match=r"d\.png"):
        read_deep(tmp_path / "d.png")
