"""Weights in other number formats than float32, for inference.

int8 keeps one symmetric scale per output row and multiplies in the format of the activations; embeddings are left
unchanged. Must not depend on the network's computation.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infill_model.embedded.folder import quantise
from infill_model.embedded.network import Network
from infill_model.errors import WeightsError

DTYPES = ("float32", "bfloat16", "int8")


class Int8Linear(nn.Module):
    """`y = x W^T` with int8 weights (rows, columns) and a float32 scale for each row."""

    weight: Tensor
    scale: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        packed, scale = quantise(weight)
        self.register_buffer("weight", packed)
        self.register_buffer("scale", scale)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., columns) to (..., rows)."""
        return F.linear(x, self.weight.to(x.dtype)) * self.scale.to(x.dtype)


def convert(network: Network, dtype: str) -> Network:
    """Convert the network's weights to `dtype` in place, and return the network.

    Raises:
        WeightsError: there is no such format.
    """
    if dtype not in DTYPES:
        raise WeightsError(f"unknown dtype {dtype!r}; choose one of auto, {', '.join(DTYPES)}")
    if dtype == "bfloat16":
        return network.to(torch.bfloat16)
    if dtype == "int8":
        for module in list(network.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, nn.Linear):
                    setattr(module, name, Int8Linear(child.weight.detach()))
    return network


def packed(network: Network) -> Iterator[Tensor]:
    """Yield the int8 matrices of a converted network."""
    for module in network.modules():
        if isinstance(module, Int8Linear):
            yield module.weight
