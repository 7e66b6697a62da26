"""Memory of a forward pass, by hand."""

import pytest
import torch
from torch import nn

from canon.errors import InputError
from canon.inference.memory import available_bytes, peak_bytes, require_memory
from canon.inference.tiles import Tiling


class Skip(nn.Module):
    """x + b(a(x)), in which x is held all the way."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)

    def forward(self, x):
        return x + self.b(self.a(x))


def test_the_peak_of_a_chain_is_its_input_and_the_two_largest_neighbours():
    net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3))
    image, wide = 10 * 10, 8 * 8 * 8
    assert peak_bytes(net, (1, 1, 10, 10)) == 4 * (image + wide + wide)
    assert peak_bytes(net, (3, 1, 10, 10)) == 3 * 4 * (image + wide + wide)
    assert peak_bytes(net, (1, 1, 10, 10), torch.float16) == 2 * (image + wide + wide)


def test_a_chain_in_place_holds_one_map_less():
    net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(inplace=True), nn.Conv2d(8, 4, 3))
    assert peak_bytes(net, (1, 1, 10, 10)) == 4 * (10 * 10 + 8 * 8 * 8 + 4 * 6 * 6)


def test_a_skip_is_held_until_it_is_added():
    # x, a(x) and b(a(x)) while b is at work; then x, b(a(x)) and the sum
    assert peak_bytes(Skip(), (1, 4, 5, 5)) == 3 * 4 * (4 * 5 * 5)


def test_weights_and_views_of_them_are_not_counted():
    class Turned(nn.Linear):
        def forward(self, x):
            return x @ self.weight.t().reshape(4, -1)

    assert peak_bytes(Turned(4, 1000), (1, 4)) == 4 * (4 + 1000)


def test_computing_the_peak_leaves_the_network_unchanged():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    peak_bytes(net, (1, 1, 2000, 2000), torch.float16)
    assert net.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_a_tile_that_fits_needs_a_quarter_more_than_its_tensors():
    # a quarter more than the tensors: 1.25 x 3 x 4 x (4 x 12 x 12) bytes
    assert require_memory(Skip(), Tiling(8, 2), 4, available=8640) == 8640
    assert available_bytes() > 2**20


def test_a_tile_that_does_not_fit_names_the_largest_that_does():
    with pytest.raises(InputError, match=r"2 tiles of 100 pixels need .* pass --tile 36\.$"):
        # 2 x 1.25 x 3 x 4 x 4 x 40 x 40 bytes are 192,000; the next side, 52, needs 376,320
        require_memory(Skip(), Tiling(100, 2, stride=16), 4, 2, available=376_319)
    with pytest.raises(InputError, match=r"need 0\.00 GiB; .* No tile fits: pass --batch 1"):
        require_memory(Skip(), Tiling(100, 2, stride=16), 4, available=100)


def test_a_tile_too_small_for_the_network_is_not_recommended():
    net = nn.Sequential(nn.Conv2d(1, 8, 9))
    with pytest.raises(InputError, match="No tile fits"):
        require_memory(net, Tiling(12, stride=4), 1, available=100)
