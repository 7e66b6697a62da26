"""Overlap-tile: windows are numpy's mirrored pads, and tiled networks are whole ones."""

import threading
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from torch import nn

from canon.data.images.region import ArrayReader, reflect_indices
from canon.errors import DataError, InputError
from canon.inference.tiles import Tiling, read_tile, tile_rows


def noise(height, width, channels=1, kind=np.uint8):
    return np.random.default_rng(7).integers(0, 250, (height, width, channels)).astype(kind)


def inner_pixels(tiling, make=lambda x: x[..., 0].to(torch.uint8)):
    """A network whose output is the inner pixels of its input."""
    m = tiling.margin
    return lambda x: make(x[:, m : m + tiling.tile, m : m + tiling.tile])


@pytest.mark.parametrize("n", [1, 2, 3, 10])
def test_mirrored_indices_are_those_of_numpy(n):
    padded = np.pad(np.arange(n), (25, 30), mode="reflect")
    assert reflect_indices(-25, n + 30, n).tolist() == padded.tolist()


def test_the_edge_is_not_repeated():
    assert reflect_indices(-3, 7, 4).tolist() == [3, 2, 1, 0, 1, 2, 3, 2, 1, 0]


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 9), (23, 17), (40, 64)])
@pytest.mark.parametrize("margin", [0, 3, 50])
def test_every_window_is_a_crop_of_the_mirrored_image(size, margin):
    pixels, tiling = noise(*size, 3), Tiling(8, margin)
    rows, columns = tiling.grid(*size)
    after = [(margin, n * 8 - side + margin) for n, side in zip((rows, columns), size, strict=True)]
    padded = np.pad(pixels, (*after, (0, 0)), mode="reflect")
    for y in range(0, rows * 8, 8):
        for x in range(0, columns * 8, 8):
            crop = padded[y : y + tiling.side, x : x + tiling.side]
            assert np.array_equal(read_tile(ArrayReader(pixels), y, x, tiling), crop)


@dataclass(frozen=True)
class Watched(ArrayReader):
    """A plane that remembers what was read of it, and by which thread."""

    regions: list = field(default_factory=list)
    threads: set = field(default_factory=set)

    def read(self, rows, columns):
        self.regions.append((rows, columns))
        self.threads.add(threading.get_ident())
        return super().read(rows, columns)


def test_a_window_reads_the_pixels_in_it_and_no_others():
    plane = Watched(noise(100, 100))
    read_tile(plane, 40, 0, Tiling(20, 5))
    read_tile(plane, 90, 90, Tiling(20, 5))
    assert plane.regions == [(slice(35, 65), slice(0, 25)), (slice(84, 100), slice(84, 100))]


@pytest.mark.parametrize("size", [(1, 1), (7, 33), (33, 7), (31, 45)])
@pytest.mark.parametrize("batch", [1, 3, 100])
def test_tiles_of_a_network_that_repeats_its_input_give_the_image(size, batch):
    pixels, tiling = noise(*size), Tiling(8, 5)
    whole = [
        band
        for _, band in tile_rows(ArrayReader(pixels), tiling, inner_pixels(tiling), batch=batch)
    ]
    assert np.array_equal(np.concatenate(whole), pixels[..., 0])


def test_several_outputs_and_maps_are_joined_alike():
    pixels, tiling = noise(21, 19, 3, np.uint16), Tiling(8, 2)

    def both(x):
        assert x.dtype == torch.int32
        return x.permute(0, 3, 1, 2).float(), x[..., 1]

    parts = [
        band
        for _, band in tile_rows(ArrayReader(pixels), tiling, inner_pixels(tiling, both), batch=4)
    ]
    maps = np.concatenate([m for m, _ in parts], axis=1)
    assert maps.dtype == np.float32
    assert np.array_equal(maps, pixels.transpose(2, 0, 1))
    assert np.array_equal(np.concatenate([one for _, one in parts]), pixels[..., 1])


@pytest.mark.parametrize("batch", [1, 4])
def test_a_valid_network_gives_the_same_scores_in_tiles_as_on_the_whole_image(batch):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.Conv2d(6, 3, 5))
    pixels, tiling = noise(50, 37), Tiling(16, 4)

    def predict(x):
        return net(x.permute(0, 3, 1, 2) / 255)

    padded = np.pad(pixels, ((4, 4), (4, 4), (0, 0)), mode="reflect")
    whole = predict(torch.from_numpy(padded[None])).detach().numpy()[0]
    tiled = np.concatenate(
        [b for _, b in tile_rows(ArrayReader(pixels), tiling, predict, batch=batch)], 1
    )
    assert tiled.shape == (3, 50, 37)
    assert np.abs(tiled - whole).max() < 1e-6


def test_a_resumed_run_is_given_the_batches_of_an_unbroken_one():
    pixels, tiling = noise(40, 40), Tiling(8, 1)

    def run(first):
        given = []
        predict = inner_pixels(tiling)
        rows = tile_rows(
            ArrayReader(pixels),
            tiling,
            lambda x: given.append(x) or predict(x),
            batch=3,
            first=first,
        )
        return list(rows), given

    (rows, given), (resumed, again) = run(0), run(2)
    assert [row for row, _ in resumed] == [2, 3, 4]
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(rows[2:], resumed, strict=True))
    assert len(given) == 9  # 25 tiles in threes; the tenth, first of row 2, begins the fourth
    assert all(torch.equal(a, b) for a, b in zip(given[3:], again, strict=True))
    assert run(5)[0] == []


def test_tiles_are_read_by_a_thread_one_batch_ahead():
    plane, tiling = Watched(noise(16, 40)), Tiling(8)
    seen = []

    def predict(x):
        seen.append(len(plane.regions))
        return x[..., 0]

    list(tile_rows(plane, tiling, predict))
    assert threading.get_ident() not in plane.threads
    assert len(plane.threads) == 1
    assert all(n <= read <= n + 2 for n, read in enumerate(seen))


def test_a_reading_error_is_raised_where_the_rows_are_used():
    class Damaged(ArrayReader):
        def read(self, rows, columns):
            if rows.stop > 20:
                raise DataError("page 1 of 1 cannot be read")
            return super().read(rows, columns)

    rows = tile_rows(Damaged(noise(30, 9)), Tiling(10), lambda x: x[..., 0])
    assert [next(rows)[0], next(rows)[0]] == [0, 1]
    with pytest.raises(DataError, match="page 1 of 1"):
        next(rows)


def test_maps_smaller_than_the_tile_are_refused():
    with pytest.raises(InputError, match=r"expected 1 maps of 8 or more pixels per side"):
        list(tile_rows(ArrayReader(noise(9, 9)), Tiling(8, 2), lambda x: x[:, :6, :6, 0]))
    with pytest.raises(InputError, match=r"expected 1 maps of 10 x 10 pixels per side"):
        list(
            tile_rows(
                ArrayReader(noise(99, 99)), Tiling(8, 2, padded=True), lambda x: x[:, :8, :8, 0]
            )
        )


def test_a_small_image_is_one_tile_as_small_as_the_steps_allow():
    unet = Tiling(384, 94, stride=16)
    assert unet.side == 572
    assert unet.fitted(100, 50) == Tiling(112, 94, stride=16)
    assert unet.fitted(384, 9) == unet.fitted(5000, 9) == unet
    assert Tiling(112, 94).grid(101, 50) == (1, 1)


def test_a_padded_network_takes_an_image_whole_that_its_input_holds():
    padded = Tiling(512, 112, padded=True, stride=16, multiple=16)
    assert padded.fitted(700, 300).grid(700, 300) == (1, 1)
    assert padded.fitted(700, 300).window(0, 700) == (0, 704)
    assert padded.fitted(800, 300) == padded
    assert padded.window(0, 800) == (0, 624)
    assert padded.window(512, 800) == (400, 400)
    assert padded.window(512, 5000) == (400, 736)
    assert padded.window(0, 300) == (0, 304)


def test_an_image_is_extended_only_as_far_as_the_network_demands():
    any_size = Tiling(512, 64, padded=True, stride=32)
    assert any_size.window(0, 375) == (0, 375)
    assert any_size.window(512, 701) == (448, 253)
    with_fc6 = Tiling(512, 64, padded=True, stride=32, min_side=193)
    assert with_fc6.window(0, 64) == (0, 193)
    assert with_fc6.window(512, 600) == (384, 216)  # as far back as 193 pixels are left


@pytest.mark.parametrize("size", [(50, 41), (33, 97), (16, 64), (70, 9)])
def test_a_padded_network_gives_the_same_scores_in_tiles_as_on_the_whole_image(size):
    """Two convolutions with zeros for padding, a pooling between them, and back up."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 3, 5, padding=2), torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(3, 2, 3, padding=1), torch.nn.Upsample(scale_factor=2),
    )  # fmt: skip
    pixels = noise(*size)

    def predict(x):
        with torch.no_grad():
            return net(x.permute(0, 3, 1, 2).float())

    whole = Tiling(128, 0, padded=True, stride=2, multiple=2).fitted(*size)
    cut = Tiling(8, 6, padded=True, stride=2, multiple=2)
    assert whole.grid(*size) == (1, 1)
    expected = np.concatenate([b for _, b in tile_rows(ArrayReader(pixels), whole, predict)], 1)
    parts = np.concatenate([b for _, b in tile_rows(ArrayReader(pixels), cut, predict, batch=3)], 1)
    assert parts.shape == (2, *size)
    np.testing.assert_allclose(parts, expected, rtol=1e-5, atol=1e-5)


def test_a_tile_without_pixels_is_refused():
    with pytest.raises(
        InputError, match="the tile is 0 pixels and its margin 0; expected at least 1"
    ):
        Tiling(0)
