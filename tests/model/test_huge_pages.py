"""Weights in huge pages equal the original weights."""

import torch

from infill_model.embedded import huge_pages


def test_moved_weights_stay_what_they_were() -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(7, 5), torch.nn.Linear(5, 300).to(torch.bfloat16))
    before = [it.detach().clone() for it in network.parameters()]
    huge_pages.gather(network)
    for parameter, old in zip(network.parameters(), before, strict=True):
        assert torch.equal(parameter, old)
        assert parameter.dtype == old.dtype
        assert parameter.data_ptr() % 64 == 0
    network[0].weight.data.add_(1)
    assert torch.equal(network[0].bias, before[1])


def test_nothing_to_move_is_fine() -> None:
    huge_pages.gather(torch.nn.Identity())
