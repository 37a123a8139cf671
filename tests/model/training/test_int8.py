"""Frozen layers in int8: what they map to, and the gradients behind them."""

import pytest
import torch
from torch import nn

from infill_model.packing import low_rank
from infill_model.training.int8 import to_int8


@pytest.mark.parametrize("bias", [True, False])
def test_an_int8_layer_maps_and_gives_gradients_nearly_as_before(bias: bool) -> None:
    torch.manual_seed(0)
    network = nn.ModuleDict({"q_proj": nn.Linear(96, 64, bias=bias)})
    update = low_rank.attach(network, 4)["q_proj"]
    nn.init.normal_(update.b, std=0.1)
    scale = torch.logspace(-3, 2, 15).view(3, 5, 1)  # Each token is quantised by itself: small ones lose nothing.
    found = []
    for int8 in (False, True):
        if int8:
            to_int8({"q_proj": update})
        x = (torch.randn(3, 5, 96, generator=torch.Generator().manual_seed(1)) * scale).requires_grad_()
        update.zero_grad()
        out = update(x)
        out.backward(torch.randn(3, 5, 64, generator=torch.Generator().manual_seed(2)) / scale)
        found.append((out.detach(), x.grad, update.a.grad, update.b.grad))
    for plain, rounded in zip(*found, strict=True):
        assert plain is not None
        assert rounded is not None
        assert torch.cosine_similarity(plain, rounded, dim=-1).min() > 0.995
    assert not torch.equal(found[0][0], found[1][0])


def test_the_unquantised_weights_are_given_up() -> None:
    network = nn.ModuleDict({"q_proj": nn.Linear(32, 16)})
    updates = low_rank.attach(network, 2)
    to_int8(updates)
    assert {tuple(it.shape) for it in network.parameters()} == {(2, 32), (16, 2)}
