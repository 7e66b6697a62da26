"""Outputs are complete, equal what was written, and are never mixed up."""

import sys

import numpy as np
import pytest

from canon.data.images.open import open_image
from canon.errors import InputError
from canon.inference import writer as writer_module
from canon.inference.partial import OutputShape
from canon.inference.writer import open_writer
from tests.helpers.outputs import CHANCES, HALF, MASKS, output, write

tifffile = pytest.importorskip("tifffile")
zarr = pytest.importorskip("zarr")


@pytest.fixture
def source(tmp_path):
    (tmp_path / "image.tif").write_bytes(b"pixels")
    return tmp_path / "image.tif"


def test_masks_go_into_a_tiled_tiff_with_a_palette(tmp_path, source):
    colors = [(0, 0, 0), (255, 0, 0), (0, 128, 255)]
    writer = open_writer(tmp_path / "a.tif", MASKS, source, colors=colors)
    write(writer, MASKS)
    assert writer.finish() == tmp_path / "a.tif"
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        page = tif.pages[0]
        assert (len(tif.pages), page.tile, page.compression.name) == (
            3,
            (512, 512),
            "ADOBE_DEFLATE",
        )
        assert page.colormap[:, :4].T.tolist() == [
            [0] * 3,
            [65535, 0, 0],
            [0, 32896, 65535],
            [0] * 3,
        ]
        assert tif.series[0].axes == "QYX"
        assert np.array_equal(tif.asarray(), output(MASKS))
    with open_image(tmp_path / "a.tif") as planes:
        shown = planes[1].read(slice(0, 700), slice(0, 600))
        assert np.array_equal(shown, np.array(colors)[output(MASKS)[1]])
    assert not list(tmp_path.glob(".*"))


def test_one_mask_is_one_page(tmp_path, source):
    extent = OutputShape(1, 700, 600, 256)
    writer = open_writer(tmp_path / "a.tiff", extent, source)
    write(writer, extent)
    assert tifffile.imread(writer.finish()).shape == (700, 600)


def test_probabilities_have_the_precision_of_float16(tmp_path, source):
    for name, kind in {"a.tif": np.float32, "a.zarr": np.float16}.items():
        writer = open_writer(tmp_path / name, CHANCES, source)
        write(writer, CHANCES)
        path, wanted = writer.finish(), output(CHANCES)
        got = tifffile.imread(path) if name == "a.tif" else zarr.open(str(path), mode="r")[...]
        assert got.dtype == kind
        assert np.array_equal(got, wanted.astype(np.float16))
        assert np.abs(got / wanted - 1).max() <= HALF


def test_masks_go_into_a_zarr_array(tmp_path, source):
    writer = open_writer(tmp_path / "a.zarr", MASKS, source)
    write(writer, MASKS)
    array = zarr.open(str(writer.finish()), mode="r")
    assert array.metadata.zarr_format == 3
    assert array.metadata.dimension_names == ("page", "y", "x")
    assert (array.chunks, array.dtype) == ((1, 512, 512), np.uint8)
    assert np.array_equal(array[...], output(MASKS))
    with open_image(tmp_path / "a.zarr") as planes:
        assert np.array_equal(
            planes[2].read(slice(0, 700), slice(9, 10))[..., 0], array[2, :, 9:10]
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"row_height": 200}, r"\(tile: 300, now 200\)"),
        ({"classes": 4}, r"\(kind: masks, now probabilities of 4 classes\)"),
        ({"fingerprint": "unet 8f2a"}, r"\(network or setting: , now unet 8f2a\)"),
        ({"source": "other.tif"}, r"\(image: .*image\.tif, now .*other\.tif\)"),
        ({"written": True}, r"\(version of the image: "),
    ],
)
def test_another_record_is_refused_with_what_differs(tmp_path, source, change, message):
    write(open_writer(tmp_path / "a.tif", MASKS, source), MASKS, 1)
    if "written" in change:
        source.write_bytes(b"other pixels")
    extent = OutputShape(3, 700, 600, change.get("row_height", 300), change.get("classes"))
    given = tmp_path / change.get("source", "image.tif")
    with pytest.raises(InputError, match=message) as raised:
        open_writer(tmp_path / "a.tif", extent, given, change.get("fingerprint", ""))
    assert str(raised.value).startswith(f"{tmp_path / '.a.tif.partial'} belongs to a different")
    assert "Delete it to start over, or pass another --out" in str(raised.value)


def test_a_record_with_other_fields_is_of_another_version(tmp_path, source):
    write(open_writer(tmp_path / "a.tif", MASKS, source), MASKS, 1)
    record = tmp_path / ".a.tif.partial" / "record.json"
    record.write_text(record.read_text().replace('"row_height"', '"inner"'))
    with pytest.raises(InputError, match=r"was begun by another version of Canon, .*Delete it to"):
        open_writer(tmp_path / "a.tif", MASKS, source)


def test_an_existing_target_is_refused(tmp_path, source):
    (tmp_path / "a.tif").write_bytes(b"precious")
    with pytest.raises(InputError, match=r"a\.tif exists already; .* pass another --out"):
        open_writer(tmp_path / "a.tif", MASKS, source)
    assert (tmp_path / "a.tif").read_bytes() == b"precious"
    write(open_writer(tmp_path / "b.tif", MASKS, source), MASKS, 1)
    (tmp_path / "b.tif").write_bytes(b"put there meanwhile")
    with pytest.raises(InputError, match="exists already"):
        open_writer(tmp_path / "b.tif", MASKS, source)


def test_an_output_with_missing_rows_is_not_finished(tmp_path, source):
    writer = open_writer(tmp_path / "a.tif", MASKS, source)
    write(writer, MASKS, 4)
    with pytest.raises(InputError, match="page 2 has 1 of 3 rows of tiles"):
        writer.finish()
    assert writer.done(1) == 1


@pytest.mark.parametrize(("extent", "value"), [(MASKS, 255), (CHANCES, np.nan)])
def test_a_skipped_page_has_the_fill_value(tmp_path, source, extent, value):
    writer = open_writer(tmp_path / "a.tif", extent, source)
    write(writer, extent, 1)
    writer.skip(0)
    assert writer.done(0) == 3
    write(writer, extent)
    got, wanted = tifffile.imread(writer.finish()), output(extent)
    assert np.array_equal(got[0], np.full_like(got[0], value), equal_nan=True)
    assert np.allclose(got[1], wanted[1], rtol=HALF)


def test_a_band_of_another_shape_or_kind_is_refused(tmp_path, source):
    writer = open_writer(tmp_path / "a.tif", MASKS, source)
    for band in (np.zeros((300, 599), np.uint8), np.zeros((300, 600), np.float32)):
        with pytest.raises(InputError, match=r"expected uint8 of shape \(300, 600\)"):
            writer.write(0, 0, band)
    with pytest.raises(
        InputError, match=r"row 2 of page 1 .* expected uint8 of shape \(100, 600\)"
    ):
        writer.write(0, 2, np.zeros((300, 600), np.uint8))


def test_an_abandoned_output_leaves_no_file(tmp_path, source):
    writer = open_writer(tmp_path / "a.tif", MASKS, source)
    write(writer, MASKS, 2)
    writer.abandon()
    assert list(tmp_path.iterdir()) == [source]


def test_other_formats_are_refused(tmp_path, source):
    with pytest.raises(InputError, match=r"ends in \.png; expected one of \.tif, "):
        open_writer(tmp_path / "a.png", MASKS, source)


def test_files_of_more_than_four_gigabytes_are_bigtiff(tmp_path, source, monkeypatch):
    monkeypatch.setattr(writer_module, "MAX_CLASSIC_BYTES", 3 * 700 * 600 - 1)
    writer = open_writer(tmp_path / "a.tif", MASKS, source)
    write(writer, MASKS)
    with tifffile.TiffFile(writer.finish()) as tif:
        assert tif.is_bigtiff
        assert np.array_equal(tif.asarray(), output(MASKS))


def test_a_missing_library_is_named_with_its_install_command(tmp_path, source, monkeypatch):
    for name, path in {"tifffile": "a.tif", "zarr": "a.zarr"}.items():
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(InputError, match=rf"needs {name}: pip install 'canon-nets\[big\]'"):
            open_writer(tmp_path / path, MASKS, source)
