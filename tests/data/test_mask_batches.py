"""Training crops of pairs, against numpy, torch and hand calculation."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from canon.data import Preprocessing
from canon.data.augment.deformation import Deformation
from canon.data.augment.draws import Part
from canon.data.augment.mask_batches import MaskBatches
from canon.data.packs.masks import MaskPack
from canon.data.types import IGNORE
from canon.errors import InputError

RANDOM = np.random.default_rng(0)
CPU = torch.device("cpu")
STILL = Deformation(flip=False, crop=False)
EVERYTHING = Deformation(upright=False, scale=(0.7, 1.4), rotate=30, elastic=4)


def pack_of(*masks, channels=1, dtype=np.uint8):
    """Pairs whose images hold, in every channel, the class of each pixel."""
    images = [np.repeat(mask[..., None], channels, -1).astype(dtype) for mask in masks]
    return MaskPack.of(list(zip(images, masks, strict=True)), classes=255)


def noise(height, width):
    return RANDOM.integers(0, 255, (height, width), np.uint8)


def crops(pack, side, deformation, count=1, seed=0, **options):
    """Images (B, C, S, S) in units of stored pixels, and targets."""
    bits = 8 if pack.white == 255 else 16
    given = Preprocessing(side, pack.channels, bits=bits)
    data = MaskBatches(pack, given, deformation, device=CPU, **options)
    x, target = data.training(torch.arange(count), seed)
    return x * pack.white, target


@pytest.mark.parametrize(("height", "width"), [(20, 31), (7, 9), (3, 40), (1, 2)])
@pytest.mark.parametrize("margin", [0, 3])
def test_a_crop_alone_is_exactly_a_window_of_the_mirrored_image(height, width, margin):
    """For targets of 10: inside where there is room, else the image lies inside the target."""
    side, around = 10 + 2 * margin, 40
    mask = noise(height, width)
    pack = pack_of(mask, channels=3)
    padded = np.pad(mask, around, mode="reflect")
    places = set()
    for seed in range(40):
        x, target = crops(pack, side, Deformation(flip=False), seed=seed, margin=margin)
        inner = slice(margin, side - margin)
        assert torch.equal(x[0, 0, inner, inner].round().long(), target.classes[0])
        found = [
            (top, left)
            for top in range(min(0, height - 10), max(0, height - 10) + 1)
            for left in range(min(0, width - 10), max(0, width - 10) + 1)
            if np.array_equal(
                padded[top - margin + around :, left - margin + around :][:side, :side],
                x[0, 2].round(),
            )
        ]
        assert found
        places.add(found[0])
    assert len(places) > 1


def test_undeformed_pixels_equal_normalized_ones():
    mask = noise(16, 16)
    prep = Preprocessing(16, 1, mean=(0.3,), std=(0.2,))
    data = MaskBatches(pack_of(mask), prep, STILL, device=CPU)
    x, target = data.training(torch.arange(1), 0)
    assert torch.equal(x, prep.normalize(torch.from_numpy(mask)[None, ..., None]))
    assert np.array_equal(target.classes[0], mask)
    assert target.classes.dtype == torch.int64
    assert target.weight is None
    assert x.is_contiguous(memory_format=torch.channels_last)


def test_without_deformation_the_middle_is_taken_and_nothing_is_random():
    mask = noise(9, 12)
    data = MaskBatches(pack_of(mask), Preprocessing(4, 1), None, device=CPU)
    assert not data.random
    for seed in range(3):
        assert np.array_equal(data.training(torch.arange(1), seed)[1].classes[0], mask[2:6, 4:8])


@pytest.mark.parametrize("margin", [0, 2])
def test_crops_may_be_wider_than_high(margin):
    mask = noise(30, 40)
    prep = Preprocessing(12, 1, width=20)
    padded, places = np.pad(mask, margin, mode="reflect"), set()
    data = MaskBatches(pack_of(mask), prep, Deformation(flip=False), margin=margin, device=CPU)
    for seed in range(30):
        x, target = data.training(torch.arange(1), seed)
        assert x.shape == (1, 1, 12, 20)
        crop, places_in = (x[0, 0] * 255).round(), np.ndindex(19 + 2 * margin, 21 + 2 * margin)
        found = [(top, left) for top, left in places_in
                 if np.array_equal(padded[top:, left:][:12, :20], crop)]  # fmt: skip
        assert found
        top, left = found[0]
        assert np.array_equal(target.classes[0], mask[top:, left:][: 12 - 2 * margin,
                                                                   : 20 - 2 * margin])  # fmt: skip
        places.add(found[0])
    assert len(places) > 10


def test_a_quarter_turn_of_a_wide_crop_takes_a_high_part_of_the_image():
    mask = noise(20, 12)  # 20 pixels high: only a turned crop of 12 x 20 fits
    prep = Preprocessing(12, 1, width=20)
    data = MaskBatches(pack_of(mask), prep, Deformation(upright=False), device=CPU)
    turned = {(k, flip) for k in (1, 3) for flip in (False, True)}
    for seed in range(40):
        classes = data.training(torch.arange(1), seed)[1].classes[0].numpy()
        for k, flip in list(turned):
            whole = np.rot90(mask, k)
            turned -= (
                {(k, flip)} if np.array_equal(whole[::-1] if flip else whole, classes) else set()
            )
    assert turned == set()


def test_elastic_displacements_follow_the_sides_of_a_wide_crop():
    pack = pack_of(np.tile(np.arange(60, dtype=np.uint8)[:, None], (1, 90)))
    data = MaskBatches(
        pack, Preprocessing(24, 1, width=40), Deformation(elastic=2, flip=False), device=CPU
    )
    x, target = data.training(torch.arange(1), 3)
    assert target.classes.shape == (1, 24, 40)
    assert ((x[0, 0] * 255 - target.classes[0]).abs() <= 0.51).all()


def test_targets_are_uniform_inside_the_image_and_inputs_may_exceed_it():
    rows = np.repeat(np.arange(12, dtype=np.uint8)[:, None], 12, 1)
    _, target = crops(pack_of(rows), 14, Deformation(flip=False), 3000, margin=3, repeats=3000)
    tops = np.bincount(target.classes[:, 0, 0], minlength=5)
    assert len(tops) == 5
    assert tops == pytest.approx(np.full(5, 600), abs=100)


@pytest.mark.parametrize(("upright", "count"), [(True, 2), (False, 8)])
def test_flips_are_the_two_or_eight_symmetries_of_a_square(upright, count):
    mask = np.array([[0, 1, 2], [3, 4, 5], [6, 7, 8]], np.uint8)
    symmetries = [np.rot90(m, k) for m in (mask, mask[:, ::-1]) for k in range(4)]
    expected = symmetries if not upright else [mask, mask[:, ::-1]]
    x, target = crops(pack_of(mask), 3, Deformation(upright=upright), 800, repeats=800)
    assert torch.equal(x[:, 0].round().long(), target.classes)
    times = [
        int((target.classes == torch.tensor(m.copy())).all(-1).all(-1).sum()) for m in expected
    ]
    assert sum(times) == 800
    deviation = (800 / count * (1 - 1 / count)) ** 0.5  # of a binomial count
    assert times == pytest.approx([800 / count] * count, abs=4 * deviation)


def test_without_flips_there_are_no_turns_either():
    mask = noise(3, 3)
    _, target = crops(pack_of(mask), 3, Deformation(flip=False, upright=False), 50, repeats=50)
    assert (target.classes == torch.from_numpy(mask)).all()


class Turn(Deformation):
    """A quarter turn, as a rotation."""

    def affine_maps(self, count, draw):
        return torch.tensor([[[0.0, -1.0], [1.0, 0.0]]]).repeat(count, 1, 1)


def test_a_rotation_by_a_quarter_equals_rot90_of_numpy():
    """A pixel down in the crop is one to the right in the image, which is turned clockwise."""
    mask = noise(9, 9)
    x, target = crops(pack_of(mask), 9, Turn(flip=False, crop=False, rotate=90))
    assert np.array_equal(target.classes[0], np.rot90(mask, -1))
    assert x[0, 0].numpy() == pytest.approx(np.rot90(mask, -1), abs=1e-3)


def test_scales_enlarge_uniformly_from_the_smallest_to_the_largest():
    ramp = np.repeat(np.arange(200, dtype=np.uint8)[None], 200, 0)
    x, _ = crops(pack_of(ramp), 21, Deformation(flip=False, scale=(0.5, 2)), 1000, repeats=1000)
    scale = 20 / (x[:, 0, 10, -1] - x[:, 0, 10, 0])
    assert 0.5 <= scale.min() < 0.52
    assert 1.98 < scale.max() < 2.001
    assert scale.mean().item() == pytest.approx(1.25, abs=0.05)


def test_doubling_equals_bilinear_enlargement_by_torch():
    mask = noise(8, 8)
    x, target = crops(pack_of(mask), 12, Deformation(flip=False, crop=False, scale=(2, 2)))
    large = F.interpolate(
        torch.from_numpy(mask)[None, None].float(), scale_factor=2, mode="bilinear"
    )
    torch.testing.assert_close(x, large[..., 2:14, 2:14], rtol=0, atol=1e-3)
    assert np.array_equal(target.classes[0], np.kron(mask, np.ones((2, 2)))[2:14, 2:14])


def test_displacements_at_the_coarse_grid_have_their_standard_deviation():
    """Read off ramps: the 3 x 3 points of U-Net's grid are corners, edges and the centre."""
    side = 41
    ramp = np.add.outer(np.zeros(250), np.arange(250)).astype(np.uint8)
    change = Deformation(flip=False, crop=False, elastic=10)
    plain, _ = crops(pack_of(ramp), side, STILL)
    x, _ = crops(pack_of(ramp), side, change, 600, repeats=600)
    moved = (x - plain)[:, 0]
    knots = moved[:, ::20, ::20]
    assert knots.std().item() == pytest.approx(10, rel=0.03)
    assert knots.mean().item() == pytest.approx(0, abs=0.5)
    each = np.corrcoef(knots.flatten(1).T) - np.eye(9)
    assert np.abs(each).max() < 0.2  # independent of each other
    # Bicubic weights are at most 1.375 in sum, their second derivatives 12, and a knot is 20
    # pixels; a bilinear kink would be up to 4/20 of the largest displacement.
    assert moved.diff(n=2, dim=1).abs().max() < 1.375 * 12 / 20**2 * knots.abs().max()


@pytest.mark.parametrize(
    "deformation", [EVERYTHING, Deformation(elastic=8), Deformation(rotate=45)]
)
@pytest.mark.parametrize("size", [(200, 180), (20, 90)])
def test_image_mask_and_weights_move_together(deformation, size):
    """On slopes of one, the nearest pixel's value is at most a half, and a diagonal, away."""
    place = np.add.outer(np.arange(size[0]) // 2, np.arange(size[1]) // 2)
    mask = (place % 256).astype(np.uint8)
    pack = pack_of(mask)
    weights = [torch.from_numpy(place.astype(np.float32))]
    x, target = crops(pack, 48, deformation, 12, repeats=12, margin=6, weights=weights, seed=3)
    assert target.weight.dtype == torch.float32
    inner = x[:, 0, 6:-6, 6:-6]
    assert target.classes.shape == target.weight.shape == inner.shape == (12, 36, 36)
    torch.testing.assert_close(inner, target.weight, rtol=0, atol=2e-3)
    assert (inner - target.classes).abs().max() <= 1.01


def test_ignored_pixels_stay_ignored():
    mask = np.full((30, 30), IGNORE, np.uint8)
    _, target = crops(pack_of(mask), 20, EVERYTHING, 3, repeats=3)
    assert (target.classes == IGNORE).all()


def test_sixteen_bits_keep_all_their_levels():
    mask = noise(12, 12)
    images = mask[..., None].astype(np.uint16) * 257
    pack = MaskPack.of([(images, mask)], classes=255)
    x, _ = crops(pack, 12, STILL)
    assert np.array_equal(x[0, 0].round(), images[..., 0])


def test_batches_follow_from_their_seed_and_the_image_of_each_sample():
    pack = pack_of(noise(40, 50), noise(30, 30), noise(64, 20))
    data = MaskBatches(pack, Preprocessing(24, 1), EVERYTHING, repeats=4, device=CPU)
    assert len(data) == 12
    assert data.random
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    first, target = data.training(torch.tensor([2, 0, 10]), seed=5)
    assert torch.equal(torch.rand(3), expected)  # torch's own randomness is left alone
    again, same = data.training(torch.tensor([5, 9, 1]), seed=5)  # the same images
    other, _ = data.training(torch.tensor([2, 0, 10]), seed=6)
    assert torch.equal(first, again)
    assert torch.equal(target.classes, same.classes)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("deformation", [EVERYTHING, Deformation(flip=False)])
def test_a_part_of_a_batch_is_deformed_as_in_the_whole(deformation):
    pack = pack_of(noise(40, 50), noise(30, 30))
    data = MaskBatches(pack, Preprocessing(24, 1), deformation, repeats=4, device=CPU)
    index = torch.tensor([2, 0, 7, 5, 1])
    whole, target = data.training(index, 5)
    for places in (torch.tensor([0, 2, 4]), torch.tensor([1, 3])):
        x, part = data.training(index[places], 5, Part(places, 5))
        torch.testing.assert_close(x, whole[places])
        assert torch.equal(part.classes, target.classes[places])


def test_only_what_is_needed_of_a_large_image_is_read():
    class Watched(np.ndarray):
        def __getitem__(self, key):
            found = super().__getitem__(key)
            if isinstance(key, np.ndarray):
                read.append(found.size)
            return found

    read = []
    pack = pack_of(np.zeros((3000, 2000), np.uint8))
    watched = MaskPack(
        pack.flat_images.view(Watched), pack.flat_masks.view(Watched), pack.sizes, pack.counts
    )
    crops(watched, 64, Deformation(rotate=45, scale=(0.8, 1.2), elastic=5))
    assert 0 < max(read) < 300**2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"margin": 4}, "the input is 8 pixels, and the network removes 4 .*expected 9"),
        ({"weights": [torch.zeros(9, 8)]}, "do not have the sizes of the images; expected"),
        ({"weights": []}, "do not have the sizes of the images; expected"),
    ],
)
def test_margins_and_weights_that_do_not_fit_are_refused(given, message):
    with pytest.raises(InputError, match=message):
        crops(pack_of(noise(9, 9)), 8, STILL, **given)
