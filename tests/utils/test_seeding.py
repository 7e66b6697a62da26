import torch

from canon.utils.seeding import forked_rng


def test_a_forked_generator_follows_from_its_seed_and_leaves_that_of_torch_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with forked_rng(1, torch.device("cpu")):
        first = torch.rand(2)
    assert torch.equal(torch.rand(3), expected)
    with forked_rng(1, torch.device("cpu")):
        assert torch.equal(torch.rand(2), first)
