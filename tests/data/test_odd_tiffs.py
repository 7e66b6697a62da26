"""Kinds of TIFF and PNG that are rare: each is read the same everywhere, or refused everywhere."""

import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from canon.data.images.open import open_image
from canon.data.images.reader import read_image
from canon.errors import DataError

RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)


def png(path, samples, kind):
    """A PNG of 16 bits, which Pillow cannot write."""

    def chunk(name, content):
        checksum = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)

    height, width = samples.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in samples.astype(">u2"))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )  # fmt: skip


def test_grey_of_16_bits_with_alpha_keeps_its_bits(tmp_path):
    grey = RAMP.astype(np.uint16) * 257
    png(tmp_path / "a.png", np.dstack([grey, np.full_like(grey, 65535)]), 4)
    assert np.array_equal(read_image(tmp_path / "a.png")[..., 0], grey)
    with open_image(tmp_path / "a.png") as (reader,):  # as for prediction
        assert (reader.bits, reader.channels) == (16, 1)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_white_is_zero_with_alpha_too(tmp_path, kind):
    white = np.iinfo(kind).max
    grey = RAMP.astype(kind) * kind(white // 255)
    samples = np.dstack([white - grey, np.full_like(grey, white)])
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric="miniswhite", planarconfig="contig",
                     extrasamples=["unassalpha"])  # fmt: skip
    assert np.array_equal(read_image(tmp_path / "a.tif")[..., 0], grey)


@pytest.mark.parametrize(
    "write",
    [lambda path: tifffile.imwrite(path, np.dstack([RAMP, RAMP]), photometric="minisblack",
                                   planarconfig="contig"),  # two channels, none of them alpha
     lambda path: tifffile.imwrite(path, np.dstack([RAMP] * 3).astype(np.uint32),
                                   photometric="rgb")],
)  # fmt: skip
def test_what_is_neither_grey_nor_colour_is_refused(tmp_path, write):
    write(tmp_path / "a.tif")
    with pytest.raises(DataError, match=r"2 channels; expected grey or RGB|32-bit uint32 pixels"):
        read_image(tmp_path / "a.tif")


def test_colour_that_lost_its_tags_is_refused(tmp_path):
    whole = io.BytesIO()
    Image.fromarray(np.dstack([RAMP] * 3)).save(whole, "TIFF", compression="tiff_lzw")
    (tmp_path / "a.tif").write_bytes(whole.getvalue()[:-10])
    with pytest.raises(DataError, match=r"a\.tif"):
        read_image(tmp_path / "a.tif")
