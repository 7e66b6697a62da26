"""Planes: every kind of file gives the pixels that were written, region by region."""

import sys

import numpy as np
import pytest
from PIL import Image

from canon.data.images.blocks import BlockCache
from canon.data.images.open import open_image, require_same_format
from canon.data.images.reader import read_image
from canon.data.images.region import ArrayReader
from canon.errors import DataError, InputError
from tests.helpers.image_files import check, noise

tifffile = pytest.importorskip("tifffile")
zarr = pytest.importorskip("zarr")

STORED = {
    "one strip": {},
    "strips": {"rowsperstrip": 16},
    "deflated strips": {"rowsperstrip": 16, "compression": "zlib"},
    "tiles": {"tile": (32, 16)},
    "deflated tiles": {"tile": (16, 32), "compression": "zlib"},
    "big-endian": {"byteorder": ">"},
    "BigTIFF": {"bigtiff": True, "tile": (16, 16), "compression": "zlib"},
}


@pytest.mark.parametrize("layout", STORED)
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_grey_tiff_gives_its_pixels(tmp_path, layout, kind):
    pixels = noise(70, 53, kind=kind)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack", **STORED[layout])
    check(tmp_path / "a.tif", pixels[None, ..., None])


@pytest.mark.parametrize("layout", STORED)
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_an_rgb_tiff_gives_its_pixels(tmp_path, layout, planar):
    pixels = noise(70, 53, 3, kind=np.uint16)
    stored = pixels if planar == "contig" else pixels.transpose(2, 0, 1)
    tifffile.imwrite(
        tmp_path / "a.tif", stored, photometric="rgb", planarconfig=planar, **STORED[layout]
    )
    check(tmp_path / "a.tif", pixels[None])


@pytest.mark.parametrize("layout", STORED)
def test_every_page_is_a_plane(tmp_path, layout):
    pages = noise(4, 70, 53)
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack", **STORED[layout])
    check(tmp_path / "a.tif", pages[..., None])


def test_samples_that_are_not_rgb_are_planes(tmp_path):
    samples = noise(70, 53, 3)
    options = {"photometric": "minisblack", "planarconfig": "contig"}
    tifffile.imwrite(tmp_path / "a.tif", samples, tile=(16, 16), **options)
    check(tmp_path / "a.tif", samples.transpose(2, 0, 1)[..., None])


@pytest.mark.parametrize("layout", ["strips", "deflated tiles"])
@pytest.mark.parametrize(
    ("axes", "shape"), [("YX", ()), ("CYX", (3,)), ("ZYX", (5,)), ("TCZYX", (2, 3, 2))]
)
def test_the_leading_axes_of_an_ome_tiff_are_planes_in_order(tmp_path, layout, axes, shape):
    pixels = noise(*shape, 70, 53, kind=np.uint16)
    metadata = {"axes": axes}
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, pixels, photometric="minisblack", metadata=metadata, **STORED[layout])
    check(path, pixels.reshape(-1, 70, 53, 1))


def test_an_ome_tiff_of_rgb_has_three_channels(tmp_path):
    for axes, shape in {"YXS": (), "TYXS": (2,)}.items():
        pixels = noise(*shape, 70, 53, 3)
        path = tmp_path / f"{axes}.ome.tif"
        tifffile.imwrite(path, pixels, photometric="rgb", metadata={"axes": axes})
        check(path, pixels.reshape(-1, 70, 53, 3))


def test_the_pyramid_and_the_label_of_an_ome_tiff_are_left_out(tmp_path):
    pixels, path = noise(70, 53, 3), tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path) as tif:
        tif.write(pixels, subifds=1, tile=(16, 16), photometric="rgb", metadata={"axes": "YXS"})
        tif.write(pixels[::2, ::2], subfiletype=1, tile=(16, 16), photometric="rgb")
        tif.write(pixels[:9, :9], photometric="rgb", metadata={"axes": "YXS"})
    check(path, pixels[None])


def test_an_imagej_stack_written_as_one_page_is_all_its_planes(tmp_path):
    stack = noise(6, 70, 53, kind=np.uint16)
    options = {"imagej": True, "truncate": True, "metadata": {"axes": "ZYX"}}
    tifffile.imwrite(tmp_path / "a.tif", stack, **options)
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        assert len(tif.pages) == 1
    check(tmp_path / "a.tif", stack[..., None])


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tiff_has_the_pixels_that_read_image_gives(tmp_path, mode, orientation):
    size = {"RGB": (3,), "RGBA": (4,), "LA": (2,)}.get(mode, ())
    pixels = noise(70, 53, *size, kind=np.uint16 if mode == "I;16" else np.uint8)
    if mode == "1":
        picture = Image.fromarray(pixels).convert("1")
    else:
        picture = Image.frombytes(mode, (53, 70), pixels.tobytes())
    if mode == "P":
        picture.putpalette(noise(768).tobytes())
    # not uncompressed: Pillow 13 garbles such files where they are turned
    picture.save(tmp_path / "a.tif", tiffinfo={274: orientation}, compression="tiff_adobe_deflate")
    expected = read_image(tmp_path / "a.tif")
    with open_image(tmp_path / "a.tif") as (plane,):
        rows, columns = slice(3, plane.height - 5), slice(2, plane.width)
        shown = plane.read(rows, columns).astype(int)
    assert (plane.height, plane.width, plane.channels) == expected.shape
    alpha = mode in ("LA", "RGBA")  # Pillow rounds in steps
    assert np.abs(shown - expected[rows, columns]).max() <= (1 if alpha else 0)


def test_a_white_is_zero_tiff_is_inverted(tmp_path):
    pixels = noise(70, 53)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="miniswhite")
    check(tmp_path / "a.tif", 255 - pixels[None, ..., None])


@pytest.mark.parametrize(
    ("kind", "message"),
    [(np.float32, "32-bit float32|floating-point"), (np.float64, "floating-point|float64")],
)
def test_other_kinds_of_numbers_are_refused(tmp_path, kind, message):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((9, 9), kind))
    zarr.create_array(str(tmp_path / "a.zarr"), data=np.zeros((9, 9), kind))
    for name in ("a.tif", "a.zarr"):
        with pytest.raises(DataError, match=message), open_image(tmp_path / name):
            pass
    with pytest.raises(DataError, match="floating-point"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("kind", [np.int16, np.int32, np.uint32, np.int64, np.uint64])
def test_whole_numbers_of_any_type_are_read_if_they_are_those_of_16_bits(tmp_path, kind):
    pixels = np.arange(0, 8100, 100, kind).reshape(9, 9)
    tifffile.imwrite(tmp_path / "a.tif", pixels)
    with open_image(tmp_path / "a.tif") as (plane,):
        assert np.array_equal(plane.read(slice(0, 9), slice(0, 9))[..., 0], pixels)
    assert np.array_equal(read_image(tmp_path / "a.tif")[..., 0], pixels)
    tifffile.imwrite(
        tmp_path / "b.tif", pixels - 1 if kind in (np.int16, np.int32) else pixels * 99
    )
    with pytest.raises(DataError, match="expected 0 to 65535"):
        read_image(tmp_path / "b.tif")


def test_a_plain_image_is_one_plane(tmp_path):
    pixels = noise(70, 53, 3)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    check(tmp_path / "a.png", pixels[None])
    with pytest.raises(DataError, match="does not exist"), open_image(tmp_path / "b.tif"):
        pass


def test_a_missing_library_is_named_with_its_install_command(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", noise(9, 9))
    (tmp_path / "a.zarr").mkdir()
    for name, path in {"tifffile": "a.tif", "zarr": "a.zarr"}.items():
        monkeypatch.setitem(sys.modules, name, None)
        expected = rf"needs {name}: pip install 'canon-nets\[big\]'"
        with pytest.raises(InputError, match=expected), open_image(tmp_path / path):
            pass


def test_the_block_cache_holds_a_region_and_no_more_than_its_spare_bytes():
    cache = BlockCache(spare=250)
    loaded = []

    def block(number, region):
        cache.block((0, 0, number), lambda: loaded.append(number) or np.zeros(100), region)

    for number in (0, 1, 2, 3, 0, 1, 2, 3):  # blocks of 800 bytes, four of a region
        block(number, 4)
    assert loaded == [0, 1, 2, 3]
    block(4, 1)
    assert len(cache.blocks) == 1  # 250 bytes spare hold none of the earlier ones


def test_planes_of_one_stack_have_one_size(tmp_path):
    first, other = ArrayReader(noise(9, 8, 1)), ArrayReader(noise(9, 7, 1))
    assert require_same_format([first, first], tmp_path) is first
    with pytest.raises(DataError, match=r"image 2 .* 9 x 7 pixels of 8-bit grey, the first 9 x 8"):
        require_same_format([first, other], tmp_path)
