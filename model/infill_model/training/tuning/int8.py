"""Frozen linear layers in int8, in both directions (SwitchBack, arXiv 2304.13013): training at the speed of int8.

A frozen layer needs two products: its output, and the gradient of its input. Both have int8 weights here, and quantise
the other factor token by token, as the packed model does when it runs (`transformer/products.py`). So an update learns
with activations rounded as they will be; its own rounding comes only with `convert`, which merges it first.

Shapes: O outputs and I inputs of a layer.
"""

from typing import Any

import torch
from torch import Tensor, nn

from infill_model.packing.converted import quantised
from infill_model.packing.low_rank import LowRank
from infill_model.transformer.products import Buffers, Int8Product


class FrozenLinear(nn.Module):
    """A frozen linear layer: x W^T + b, and g W for the gradient of x."""

    def __init__(self, weight: Tensor, bias: Tensor | None, buffers: Buffers) -> None:
        """Pack a matrix (O, I) and its transpose."""
        super().__init__()
        weight = weight.detach()
        self._out = Int8Product(*quantised(weight), None, buffers)
        self._back = Int8Product(*quantised(weight.t().contiguous()), None, buffers)
        self._bias = None if bias is None else bias.detach()

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., I) to (..., O)."""
        out: Tensor = _Both.apply(x, self._out, self._back)  # type: ignore[no-untyped-call]
        return out if self._bias is None else out + self._bias


def to_int8(updates: dict[str, LowRank]) -> None:
    """Replace the frozen layer of every update; the unquantised weights are given up one by one."""
    buffers = Buffers()
    for it in updates.values():
        assert isinstance(it.linear, nn.Linear)  # noqa: S101 - tells the type checker.
        it.linear = FrozenLinear(it.linear.weight, it.linear.bias, buffers)


class _Both(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, out: Int8Product, back: Int8Product) -> Tensor:
        context.back = back
        return _by_row(out, x)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return _by_row(context.back, gradients[0]), None, None


def _by_row(product: Int8Product, x: Tensor) -> Tensor:
    """Apply a product to (..., I)."""
    return product(x.flatten(0, -2)).view(*x.shape[:-1], -1)
