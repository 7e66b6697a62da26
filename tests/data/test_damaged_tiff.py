"""Damaged files: what cannot be read is named, and spoils nothing else."""

import numpy as np
import pytest
from PIL import Image

from canon.data.images.open import open_image
from canon.data.images.reader import read_image
from canon.data.images.region import unreadable_error
from canon.errors import DataError
from tests.helpers.image_files import REGIONS, noise, put

tifffile = pytest.importorskip("tifffile")
pytest.importorskip("zarr")


def spoil(path, offset, size, value=b"\xaa"):
    data = bytearray(path.read_bytes())
    data[offset : offset + size] = value * size
    path.write_bytes(data)


def damaged(tmp_path, name="a.tif", **options):
    """Five pages of deflated tiles, their header offsets and their first tiles."""
    pages, path = noise(5, 70, 53), tmp_path / name
    options = {"photometric": "minisblack", "tile": (32, 32), "compression": "zlib", **options}
    tifffile.imwrite(path, pages, **options)
    with tifffile.TiffFile(path) as tif:
        headers = [page.offset for page in tif.pages]
        tiles = [(page.dataoffsets, page.databytecounts) for page in tif.pages]
    return path, pages, headers, tiles


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif"])
def test_a_page_with_a_damaged_tile_is_named_and_the_rest_is_read(tmp_path, name):
    path, pages, _, tiles = damaged(tmp_path, name)
    spoil(path, tiles[2][0][3], tiles[2][1][3])
    with open_image(path) as planes:
        for i in (0, 1, 3, 4):
            assert np.array_equal(planes[i].read(*REGIONS[0])[..., 0], pages[i])
        assert np.array_equal(planes[2].read(slice(0, 32), slice(0, 53))[..., 0], pages[2, :32])
        with pytest.raises(
            DataError, match=rf"^page 3 of 5 of .*{name} cannot be read: "
        ) as raised:
            planes[2].read(*REGIONS[0])
        assert "\n" not in str(raised.value)


def test_a_truncated_page_is_named(tmp_path):
    pixels, path = noise(300, 53), tmp_path / "a.tif"
    tifffile.imwrite(path, pixels, photometric="minisblack")
    path.write_bytes(path.read_bytes()[:-1])
    with open_image(path) as (plane,):
        assert np.array_equal(plane.read(slice(0, 256), slice(0, 53))[..., 0], pixels[:256])
        with pytest.raises(DataError, match=r"page 1 of 1 .* the file ends within the page"):
            plane.read(slice(250, 260), slice(0, 9))


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif"])
@pytest.mark.parametrize("spoilt", [0x00, 0xFF, 0x01])
def test_a_page_with_a_damaged_header_spoils_no_other(tmp_path, name, spoilt, capfd):
    path, pages, headers, _ = damaged(tmp_path, name)
    count = int.from_bytes(path.read_bytes()[headers[2] : headers[2] + 2], "little")
    spoil(path, headers[2] + 2, 12 * count, bytes([spoilt]))
    with open_image(path) as planes:
        assert len(planes) == 5
        for i in (0, 1, 3, 4):
            assert np.array_equal(planes[i].read(*REGIONS[0])[..., 0], pages[i])
        assert (planes[2].height, planes[2].width, planes[2].channels) == (70, 53, 1)
        with pytest.raises(DataError, match="page 3 of 5"):
            planes[2].read(*REGIONS[0])
    assert capfd.readouterr() == ("", "")


def test_a_break_in_the_list_of_pages_is_reported(tmp_path):
    path, pages, headers, _ = damaged(tmp_path)
    count = int.from_bytes(path.read_bytes()[headers[2] : headers[2] + 2], "little")
    spoil(path, headers[2] + 2 + 12 * count, 4, b"\x7f")
    with open_image(path) as planes:
        assert len(planes) == 4
        assert np.array_equal(planes[2].read(*REGIONS[0])[..., 0], pages[2])
        with pytest.raises(DataError, match=r"page 4 of 4 .* the list of pages ends abruptly"):
            planes[3].read(*REGIONS[0])


def test_a_tiff_without_a_readable_page_is_refused(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"II*\0\x08\0\0\0garbage")
    with pytest.raises(DataError, match=r"a\.tif cannot be read"), open_image(path):
        pass


@pytest.mark.parametrize("codec", ["tiff_lzw", "jpeg"])
def test_lzw_and_jpeg_tiffs_have_the_pixels_that_read_image_gives(tmp_path, codec):
    path = tmp_path / "a.tif"
    Image.fromarray(noise(70, 53, 3)).save(path, compression=codec)
    with open_image(path) as (plane,):
        found = plane.read(slice(0, 70), slice(0, 53))
    differences = np.abs(found.astype(int) - read_image(path))
    assert differences.max() <= (0 if codec == "tiff_lzw" else 8)  # decoders of JPEG round apart


def test_a_missing_codec_is_named_with_what_to_install():
    reason = "<COMPRESSION.LZW: 5> requires the 'imagecodecs' package"
    message = str(unreadable_error("page 1 of 1 of a.tif", ValueError(reason)))
    assert "page 1 of 1 of a.tif needs a codec that is not installed" in message
    assert "pip install 'canon-nets[big]'" in message


def test_a_damaged_chunk_of_a_zarr_array_is_named_by_its_page(tmp_path):
    pixels = noise(3, 70, 53)
    put(tmp_path / "a.zarr", pixels, (1, 70, 53))
    spoil(tmp_path / "a.zarr" / "c" / "1" / "0" / "0", 0, 50)
    with open_image(tmp_path / "a.zarr") as planes:
        assert np.array_equal(planes[2].read(*REGIONS[0])[..., 0], pixels[2])
        with pytest.raises(DataError, match="page 2 of 3"):
            planes[1].read(*REGIONS[0])
