"""Zarr arrays and OME-Zarr images give the pixels that were written."""

import numpy as np
import pytest

from canon.data.images.open import open_image
from canon.errors import DataError
from tests.helpers.image_files import check, noise, put

zarr = pytest.importorskip("zarr")


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_zarr_array_gives_its_pixels(tmp_path, version, kind):
    grey, color, stack = (noise(*s, kind=kind) for s in [(70, 53), (70, 53, 3), (2, 3, 70, 53)])
    for pixels, chunks, expected in [
        (grey, (16, 32), grey[None, ..., None]),
        (color, (16, 16, 3), color[None]),
        (stack, (2, 1, 70, 20), stack.reshape(6, 70, 53, 1)),
    ]:
        folder = tmp_path / f"{pixels.ndim}.zarr"
        put(folder, pixels, chunks, version)
        check(folder, expected)


def test_named_axes_of_a_zarr_array_are_followed(tmp_path):
    pixels = noise(53, 2, 70, 3)
    put(tmp_path / "a.zarr", pixels, (9, 1, 9, 3), dimension_names=("x", "t", "y", "c"))
    check(tmp_path / "a.zarr", pixels.transpose(1, 2, 0, 3))


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("colors", [("FF0000", "00FF00", "0000FF"), ("0000FF", "00FF00", "FF0000")])
def test_an_ome_zarr_gives_its_full_resolution(tmp_path, version, colors):
    pixels = noise(2, 3, 70, 53)
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w", zarr_format=version)
    put(tmp_path / "a.zarr" / "0", pixels, (1, 1, 32, 32), version)
    put(tmp_path / "a.zarr" / "1", pixels[..., ::2, ::2], (1, 1, 32, 32), version)
    axes = [{"name": name} for name in "tcyx"]
    image = {
        "multiscales": [{"axes": axes, "datasets": [{"path": "0"}, {"path": "1"}]}],
        "omero": {"channels": [{"color": color} for color in colors]},
    }
    group.attrs.update(image if version == 2 else {"ome": image})
    rgb = colors[0] == "FF0000"
    check(
        tmp_path / "a.zarr",
        pixels.transpose(0, 2, 3, 1) if rgb else pixels.reshape(6, 70, 53, 1),
    )


def test_a_folder_that_is_no_zarr_is_refused(tmp_path):
    with pytest.raises(DataError, match="expected an array or an OME-Zarr"), open_image(tmp_path):
        pass
    zarr.open_group(str(tmp_path / "a.zarr"), mode="w")
    with pytest.raises(DataError, match="without an image"), open_image(tmp_path / "a.zarr"):
        pass
