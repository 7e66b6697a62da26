import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from canon.data import ImagePack, Preprocessing, open_data
from canon.data.augment.augmentation import (
    Augmentation,
    pad_images,
    principal_colors,
    random_crop,
    random_flip,
)
from canon.data.augment.draws import Draws
from canon.data.augment.image_batches import ImageBatches
from canon.data.images.collection import ArrayImages
from canon.data.packs.images import build_image_pack
from canon.data.preprocessing import center_square
from canon.data.sampling import (
    batch_slices,
    epoch_order,
    evaluation_batches,
    process_share,
    stratified_split,
)
from canon.utils.files import atomic_write


def pack_of(images):
    return ImagePack(torch.from_numpy(images), torch.arange(len(images)))


RANDOM = np.random.default_rng(0)
COLOUR = RANDOM.integers(0, 256, (40, 12, 12, 3), np.uint8)


def test_a_center_square_scales_the_shorter_side_and_crops_the_longer():
    images = RANDOM.integers(0, 256, (2, 6, 10, 3), np.uint8)
    assert np.array_equal(center_square(images, 6), images[:, :, 2:8])
    assert center_square(images, 3).shape == (2, 3, 3, 3)
    assert np.array_equal(center_square(images[:, :, :6], 6), images[:, :, :6])


def test_resizing_equals_bilinear_resizing_by_pillow_within_a_level():
    image = RANDOM.integers(0, 256, (64, 64, 1), np.uint8)
    theirs = Image.fromarray(image[..., 0]).resize((24, 24), Image.Resampling.BILINEAR)
    assert (
        np.abs(center_square(image[None], 24)[0, :, :, 0].astype(int) - np.asarray(theirs)).max()
        <= 1
    )


def test_sixteen_bits_stay_sixteen_bits_in_the_pack_and_white_is_one(tmp_path):
    deep = np.array([[[0], [65535]], [[40000], [256]]], np.uint16)[None]
    prep = Preprocessing(2, 1, bits=16)
    pack = build_image_pack(ArrayImages.of(deep), np.zeros(1, np.int64), prep)
    assert np.array_equal(pack.images.numpy(), deep)
    assert prep.evaluation(pack.images).flatten().tolist() == pytest.approx(
        [0, 1, 40000 / 65535, 256 / 65535]
    )


def test_a_folder_is_packed_once_and_then_mapped(pictures):
    prep = Preprocessing(16, 3, crop=0.8)
    read = []

    def watching(files, total):
        for file in files:
            read.append(file)
            yield file

    split = open_data(pictures).splits["train"]
    first, second = (
        build_image_pack(split.images, split.targets.values, prep, watching) for _ in range(2)
    )
    assert len(read) == 24
    assert first.images.shape == (24, 20, 20, 3)
    assert torch.equal(first.images, second.images)
    expected = center_square(np.asarray(Image.open(split.images.files[5]))[None], 20)[0]
    assert np.array_equal(first.images[5].numpy(), expected)


def test_evaluation_takes_the_centre_normalises_and_repeats_the_edge():
    images = torch.arange(36, dtype=torch.uint8).reshape(1, 6, 6, 1)
    prep = Preprocessing(6, 1, border=1, crop=4 / 6, mean=(0.1,), std=(0.5,))
    x = prep.evaluation(images)
    center = (images[:, 1:5, 1:5].permute(0, 3, 1, 2) / 255 - 0.1) / 0.5
    torch.testing.assert_close(x, F.pad(center, (1, 1, 1, 1), mode="replicate"))


def test_lenet5_maps_black_and_white_to_the_values_of_its_paper():
    prep = Preprocessing(1, 1, mean=(0.1 / 1.275,), std=(1 / 1.275,))
    x = prep.evaluation(torch.tensor([0, 255], dtype=torch.uint8).reshape(2, 1, 1, 1))
    assert x.flatten().tolist() == pytest.approx([-0.1, 1.175])


def test_statistics_are_of_fractions_of_white():
    mean, std = pack_of(COLOUR).statistics()
    flat = COLOUR.reshape(-1, 3) / 255
    assert mean == pytest.approx(flat.mean(0))
    assert std == pytest.approx(flat.std(0, ddof=1))


def test_a_random_crop_is_a_window_of_the_image_and_covers_all_places():
    images = torch.from_numpy(COLOUR)
    seen = set()
    for seed in range(30):
        index = torch.arange(40)
        crops = random_crop(images, index, 10, Draws(seed))
        for image, crop in zip(images, crops, strict=True):
            places = [(y, x) for y in range(3) for x in range(3)
                      if torch.equal(image[y : y + 10, x : x + 10], crop)]  # fmt: skip
            assert len(places) == 1
            seen.add(places[0])
    assert len(seen) == 9


def test_half_of_the_images_are_mirrored():
    x = torch.from_numpy(COLOUR).permute(0, 3, 1, 2).float().repeat(25, 1, 1, 1)
    y = random_flip(x, Draws(0))
    mirrored = (y == x.flip(3)).flatten(1).all(1)
    unchanged = (y == x).flatten(1).all(1)
    assert bool((mirrored ^ unchanged).all())
    assert 0.45 < mirrored.float().mean() < 0.55


@pytest.mark.parametrize("fill", ["mean", "edge"])
def test_padding_is_the_mean_colour_or_the_edge(fill):
    images = torch.from_numpy(COLOUR[:2])
    framed = pad_images(
        images, Augmentation(pad=2, fill=fill), Preprocessing(12, 3, mean=(0.2, 0.4, 0.6))
    )
    assert torch.equal(framed[:, 2:14, 2:14], images)
    corner = [51, 102, 153] if fill == "mean" else images[0, 0, 0].tolist()
    assert framed[0, 0, 1].tolist() == corner


def test_principal_colours_are_those_of_the_covariance():
    prep = Preprocessing(12, 3)
    found = principal_colors(torch.from_numpy(COLOUR), prep)
    covariance = np.cov(COLOUR.reshape(-1, 3).T / 255)
    # each has the length of its variance, not of the root
    assert (found @ found.T).numpy() == pytest.approx(covariance @ covariance, rel=1e-3, abs=1e-5)


def test_principal_colours_are_shifts_of_the_normalised_image():
    grey = principal_colors(torch.from_numpy(COLOUR), Preprocessing(12, 3))
    scaled = principal_colors(torch.from_numpy(COLOUR), Preprocessing(12, 3, std=(0.5, 0.25, 0.1)))
    torch.testing.assert_close(scaled, grey * torch.tensor([[2.0], [4.0], [10.0]]))


def test_the_colour_shift_is_one_colour_an_image():
    change = Augmentation(crop=False, flip=False, color=0.1)
    data = ImageBatches(pack_of(COLOUR), Preprocessing(12, 3), change)
    plain, _ = data.evaluation(torch.arange(40))
    shifted, _ = data.training(torch.arange(40), seed=1)
    moved = (shifted - plain).flatten(2)
    torch.testing.assert_close(moved, moved[:, :, :1].expand_as(moved), rtol=0, atol=1e-5)
    assert moved[:, :, 0].std() > 0.0005


def test_training_batches_follow_from_the_seed_alone():
    data = ImageBatches(pack_of(COLOUR), Preprocessing(12, 3), Augmentation(pad=2, color=0.1))
    torch.manual_seed(1)
    first, labels = data.training(torch.arange(5, 15), seed=3)
    torch.manual_seed(2)
    again, _ = data.training(torch.arange(5, 15), seed=3)
    other, _ = data.training(torch.arange(5, 15), seed=4)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert labels.tolist() == list(range(5, 15))
    assert first.is_contiguous(memory_format=torch.channels_last)


def test_a_stratified_split_keeps_the_shares_and_covers_all():
    labels = np.repeat([0, 1, 2, 3], [100, 50, 10, 1])
    keep, back = stratified_split(labels, 0.2, seed=0)
    assert np.bincount(labels[back], minlength=4).tolist() == [20, 10, 2, 0]
    assert sorted([*keep, *back]) == list(range(161))
    assert np.array_equal(back, stratified_split(labels, 0.2, seed=0)[1])
    assert not np.array_equal(back, stratified_split(labels, 0.2, seed=1)[1])


def test_the_order_is_a_function_of_seed_and_epoch():
    assert torch.equal(epoch_order(50, 1, 2), epoch_order(50, 1, 2))
    assert not torch.equal(epoch_order(50, 1, 2), epoch_order(50, 1, 3))
    assert not torch.equal(epoch_order(50, 1, 2), epoch_order(50, 2, 2))
    assert sorted(epoch_order(50, 1, 2).tolist()) == list(range(50))


@pytest.mark.parametrize(
    ("count", "batch", "sizes"),
    [(10, 4, [4, 4, 2]), (9, 4, [4, 5]), (3, 1, [1, 1, 1]), (1, 4, [1])],
)
def test_batches_cover_the_set_and_none_is_a_single_sample(count, batch, sizes):
    slices = batch_slices(count, batch)
    assert [s.stop - s.start for s in slices] == sizes
    assert slices[-1].stop == count


@pytest.mark.parametrize("world", [1, 2, 3])
def test_every_sample_is_seen_once_over_all_processes(world):
    positions = torch.arange(11)
    assert sorted(
        torch.cat([process_share(positions, r, world) for r in range(world)]).tolist()
    ) == list(range(11))
    evaluated = [
        i for r in range(world) for b in evaluation_batches(11, 3, r, world) for i in b.tolist()
    ]
    assert sorted(evaluated) == list(range(11))


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")

    def fail():
        with atomic_write(path) as aside:
            aside.write_text("half")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        fail()
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
    assert path.read_text() == "old"
