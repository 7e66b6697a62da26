"""Scale jitter, Inception's patches and distortions, reflected frames."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from canon.data import ImagePack, Preprocessing
from canon.data.augment.augmentation import Augmentation, pad_images, random_affine_crop
from canon.data.augment.draws import Draws, Part
from canon.data.augment.image_batches import ImageBatches
from canon.data.augment.inception_crops import inception_transform
from canon.errors import InputError

RANDOM = np.random.default_rng(0)
PATCHES = Augmentation(area=(0.08, 1.0), distort=0.5)


def pack_of(images):
    return ImagePack(torch.from_numpy(images), torch.arange(len(images)))


def ramps(count, side):
    """Images whose first channel is the column and whose second is the row, in pixels."""
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    return torch.stack([x, y], -1).to(torch.uint8).expand(count, side, side, 2)


def windows(crops, stored):
    """Of crops of ramps: sides, tops and lefts of the windows they were taken from, in pixels."""
    side = crops.shape[1]
    inner = crops[:, 4:-4, 4:-4]  # the first and last pixels lie beyond the outermost centres
    step = (inner[:, 0, -1, 0] - inner[:, 0, 0, 0]) / (side - 9)  # stored pixels per pixel
    left = inner[:, 0, 0, 0] + 0.5 - 4.5 * step
    top = inner[:, 0, 0, 1] + 0.5 - 4.5 * step
    return step * side, top, left


def test_jitter_crops_as_if_the_shorter_side_were_drawn_from_256_to_480():
    crops = random_affine_crop(
        ramps(1, 128),
        torch.zeros(2000, dtype=torch.long),
        112,
        (256 / 224, 480 / 224),
        0.0,
        Draws(0),
    )
    sides, top, left = windows(crops, 128)
    shorter = 224 * 128 / sides  # the side to which the image was scaled, for a crop of 224
    assert 255.9 < shorter.min() < 257
    assert 479 < shorter.max() < 480.5
    assert shorter.mean() == pytest.approx(368, abs=4)
    assert shorter.std() == pytest.approx(224 / 12**0.5, rel=0.05)
    places = [corner / (128 - sides) for corner in (top, left)]
    for place in places:  # uniform over the room there is
        assert -0.01 < place.min() < 0.02
        assert 0.98 < place.max() < 1.01
        assert place.mean() == pytest.approx(0.5, abs=0.03)
    assert abs(np.corrcoef(*places)[0, 1]) < 0.1


def test_jitter_at_one_scale_and_without_room_is_the_image_resized():
    images = torch.from_numpy(RANDOM.integers(0, 256, (3, 12, 12, 3), np.uint8))
    index = torch.tensor([2, 0])
    found = random_affine_crop(images, index, 20, (1.0, 1.0), 0.0, Draws(0))
    x = images[index].permute(0, 3, 1, 2).float()
    expected = F.interpolate(x, (20, 20), mode="bilinear", align_corners=False)
    torch.testing.assert_close(found.permute(0, 3, 1, 2), expected, rtol=0, atol=1e-3)


def test_a_window_is_never_larger_than_the_stored_square():
    images = ramps(1, 32)
    index, draw = torch.zeros(50, dtype=torch.long), Draws(0)
    found = random_affine_crop(images, index, 32, (0.5, 0.9), 0.0, draw)
    sides, _, _ = windows(found, 32)
    assert sides.numpy() == pytest.approx(np.full(50, 32.0), abs=1e-3)


@pytest.mark.parametrize(("pad", "fill"), [(4, "reflect"), (11, "reflect")])
def test_reflected_frames_equal_reflection_by_torch(pad, fill):
    images = torch.from_numpy(RANDOM.integers(0, 256, (2, 12, 12, 3), np.uint8))
    framed = pad_images(images, Augmentation(pad=pad, fill=fill), Preprocessing(12, 3))
    x = F.pad(images.permute(0, 3, 1, 2).float(), (pad,) * 4, mode="reflect")
    assert torch.equal(framed.float(), x.permute(0, 2, 3, 1))


def test_inception_patches_have_8_to_100_percent_of_the_area_and_aspects_of_3_to_4():
    change = inception_transform(64, 255, (0.08, 1.0), 0.0)
    crops = change(ramps(1500, 100).repeat(1, 1, 1, 2)[..., :3], 3)
    inner = crops[:, 8:-8, 8:-8]
    width = (inner[:, 0, -1, 0] - inner[:, 0, 0, 0]) / 47 * 64
    height = (inner[:, -1, 0, 1] - inner[:, 0, 0, 1]) / 47 * 64
    area, aspect = (width * height / 100**2).numpy(), (width / height).numpy()
    assert 0.07 < area.min() < 0.1
    assert 0.9 < area.max() < 1.01
    # Patches that do not fit are drawn again, so large ones are rarer than a uniform draw's 54 %.
    assert area.mean() == pytest.approx(0.5, abs=0.04)
    assert 0.72 < aspect.min() < 0.78
    assert 1.28 < aspect.max() < 1.37
    assert np.log(aspect).mean() == pytest.approx(0, abs=0.02)


def test_inception_distortion_changes_the_brightness_of_a_uniform_image_by_half():
    """Contrast and saturation leave one grey alone: what is left is brightness, 0.5 to 1.5."""
    grey = torch.full((800, 4, 4, 3), 100, dtype=torch.uint8)
    change = inception_transform(4, 255, None, 0.5)
    factors = change(grey, 1)[:, 0, 0, 0] / 100
    assert 0.5 <= factors.min() < 0.52
    assert 1.48 < factors.max() <= 1.5
    assert factors.mean() == pytest.approx(1, abs=0.04)


@pytest.mark.parametrize(
    ("channels", "bits", "dtype"), [(1, 8, np.uint8), (3, 8, np.uint8), (1, 16, np.int32)]
)
def test_distorted_batches_follow_from_their_seed_and_keep_the_range(channels, bits, dtype):
    white = 2**bits - 1
    images = RANDOM.integers(0, white + 1, (30, 16, 16, channels)).astype(dtype)
    data = ImageBatches(pack_of(images), Preprocessing(14, channels, bits=bits), PATCHES)
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    first, labels = data.training(torch.arange(5, 15), seed=3)
    assert torch.equal(torch.rand(3), expected)  # torch's own randomness is left alone
    again, _ = data.training(torch.arange(5, 15), seed=3)
    other, _ = data.training(torch.arange(5, 15), seed=4)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert labels.tolist() == list(range(5, 15))
    assert first.shape == (10, channels, 14, 14)
    assert 0 <= first.min() < 0.2
    assert 0.8 < first.max() <= 1
    assert data.random


def test_sixteen_bits_are_distorted_with_all_their_levels():
    """Grey 1000 and 1100 of 65535 are one level of eight bits; their patches stay apart."""
    images = np.repeat(np.array([1000, 1100], np.int32), 8 * 8).reshape(2, 8, 8, 1)
    data = ImageBatches(
        pack_of(images), Preprocessing(8, 1, bits=16), Augmentation(area=(0.5, 1.0), flip=False)
    )
    x, _ = data.training(torch.arange(2), seed=0)
    assert x[0].mean().item() == pytest.approx(1000 / 65535, rel=1e-5)
    assert x[1].mean().item() == pytest.approx(1100 / 65535, rel=1e-5)


def test_patches_and_mirrors_of_one_seed_are_independent():
    """Both generators start from the batch's seed; mixed, a mirror says nothing of the patch."""
    images = ramps(400, 32).repeat(1, 1, 1, 2)[..., :3].numpy().copy()
    data = ImageBatches(pack_of(images), Preprocessing(32, 3), Augmentation(area=(0.08, 1.0)))
    x, _ = data.training(torch.arange(400), seed=7)
    slope = (x[:, 0, 16, -2] - x[:, 0, 16, 1]).numpy()
    assert abs(np.corrcoef(np.sign(slope), np.abs(slope))[0, 1]) < 0.15
    assert 0.4 < (slope < 0).mean() < 0.6


def test_without_kornia_a_recipe_that_distorts_is_refused_in_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "kornia", None)
    with pytest.raises(
        InputError, match=r"not installed, .*; expected .*pip install 'canon-nets\[augment\]'"
    ) as caught:
        PATCHES.require_extras()
    assert "\n" not in str(caught.value)
    Augmentation(scale=(1, 2)).require_extras()


def test_kornia_is_imported_when_a_recipe_needs_it_and_not_before():
    script = """
import sys, numpy as np, torch
from canon.data import ImagePack, Preprocessing
from canon.data.augment.augmentation import Augmentation
from canon.data.augment.image_batches import ImageBatches
import canon.workflows.train
pack = ImagePack(torch.zeros(4, 8, 8, 3, dtype=torch.uint8), torch.zeros(4, dtype=torch.long))
ImageBatches(pack, Preprocessing(8, 3), Augmentation(scale=(1.0, 2.0)))
assert "kornia" not in sys.modules
ImageBatches(pack, Preprocessing(8, 3), Augmentation(area=(0.5, 1.0)))
assert "kornia" in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("augmentation", [
    Augmentation(pad=2, color=0.1), Augmentation(scale=(1.0, 1.6), rotate=9.0, upright=False),
    Augmentation(area=(0.1, 1.0), distort=0.4),
])  # fmt: skip
def test_a_part_of_a_batch_is_augmented_as_in_the_whole(augmentation):
    if augmentation.area:
        pytest.importorskip("kornia")
    pixels = torch.randint(0, 255, (6, 24, 24, 3), generator=torch.Generator().manual_seed(0))
    pack = ImagePack(pixels.byte(), torch.arange(6))
    data = ImageBatches(pack, Preprocessing(20, 3, crop=20 / 24), augmentation)
    index = torch.tensor([3, 0, 5, 1, 2])
    whole, labels = data.training(index, 7)
    for places in (torch.tensor([0, 2, 4]), torch.tensor([1, 3])):
        x, own = data.training(index[places], 7, Part(places, 5))
        torch.testing.assert_close(x, whole[places])
        assert torch.equal(own, labels[places])
