"""What the tests of files share."""

import numpy as np
from PIL import Image

from canon.data.images.open import open_image

REGIONS = [
    (slice(0, 70), slice(0, 53)),
    (slice(1, 2), slice(52, 53)),
    (slice(17, 64), slice(9, 33)),
]


def noise(*shape, kind=np.uint8):
    return np.random.default_rng(3).integers(0, np.iinfo(kind).max + 1, shape).astype(kind)


def check(path, expected):
    """The planes of a file are these (N, 70, 53, C) pixels, in every region."""
    with open_image(path) as planes:
        assert len(planes) == len(expected)
        for plane, pixels in zip(planes, expected, strict=True):
            height, width, channels = pixels.shape
            assert (plane.height, plane.width, plane.channels) == (height, width, channels)
            assert plane.bits == 8 * pixels.dtype.itemsize
            for rows, columns in REGIONS:
                region = plane.read(rows, columns)
                assert region.dtype == pixels.dtype
                assert np.array_equal(region, pixels[rows, columns])


def put(folder, pixels, chunks, version=3, **options):
    import zarr

    array = zarr.create_array(
        str(folder),
        shape=pixels.shape,
        dtype=pixels.dtype,
        chunks=chunks,
        zarr_format=version,
        **options,
    )
    array[...] = pixels
    return array


def photos(folder, splits):
    """Images of classes in splits, named {split: {class: count}}."""
    for split, classes in splits.items():
        for name, count in classes.items():
            (folder / split / name).mkdir(parents=True)
            for i in range(count):
                colour = (len(split) * 20 + i, sum(map(ord, name)) % 200, 9)
                Image.new("RGB", (40, 40), colour).save(folder / split / name / f"{i}.png")
    return folder
