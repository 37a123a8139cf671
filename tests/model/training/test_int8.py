"""Frozen layers in int8: what they map to, and the gradients behind them."""

import pytest
import torch
from torch import nn

from infill_model.packing import low_rank
from infill_model.training.tuning.int8 import to_int8


@pytest.mark.parametrize("bias", [True, False])
def test_int8_layers_map_and_give_gradients_nearly_as_before(bias: bool) -> None:
    torch.manual_seed(0)
    network = nn.ModuleDict({"q_proj": nn.Linear(96, 64, bias=bias), "o_proj": nn.Linear(64, 80, bias=False)})
    updates = low_rank.attach(network, 4)
    for update in updates.values():
        nn.init.normal_(update.b, std=0.1)
    scale = torch.logspace(-3, 2, 15).view(3, 5, 1)  # Each token is quantised by itself: small ones lose nothing.
    found = []
    for int8 in (False, True):
        if int8:
            to_int8(updates)
        x = (torch.randn(3, 5, 96, generator=torch.Generator().manual_seed(1)) * scale).requires_grad_()
        network.zero_grad()
        out = network["o_proj"](network["q_proj"](x))
        out.backward(torch.randn(3, 5, 80, generator=torch.Generator().manual_seed(2)) / scale)
        found.append((out.detach(), x.grad, updates["q_proj"].a.grad, updates["q_proj"].b.grad))
    for plain, rounded in zip(*found, strict=True):
        assert plain is not None
        assert rounded is not None
        assert torch.cosine_similarity(plain, rounded, dim=-1).min() > 0.99
        assert not torch.equal(plain, rounded)


def test_the_unquantised_weights_are_given_up() -> None:
    network = nn.ModuleDict({"q_proj": nn.Linear(32, 16)})
    updates = low_rank.attach(network, 2)
    to_int8(updates)
    assert {tuple(it.shape) for it in network.parameters()} == {(2, 32), (16, 2)}
