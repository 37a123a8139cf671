"""Weights in other number formats than float32, for inference.

int8 keeps one symmetric scale per output row. On a CPU activations are quantised as well, and the output matrix has a
packed copy of its own; elsewhere int8 saves memory only, and the output is computed with the embeddings, which stay as
they are. Must not depend on the network's computation.
"""

from concurrent.futures import ThreadPoolExecutor

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infill_model.embedded.folder import quantise
from infill_model.embedded.network import Network
from infill_model.errors import WeightsError
from infill_model.transformer.products import Buffers, Int8Product

DTYPES = ("float32", "bfloat16", "int8")


class Int8Linear(nn.Module):
    """`y = x W^T` with int8 weights (rows, columns) and a float32 scale for each row, in the format of x."""

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


class PackedLinear(nn.Module):
    """`y = x W^T` on a CPU, with weights and activations in int8."""

    def __init__(self, weight: Tensor, buffers: Buffers) -> None:
        super().__init__()
        self.rows, self.columns = weight.shape
        self._product = Int8Product(*quantise(weight), None, buffers)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., columns) to (..., rows)."""
        return self._product(x.reshape(-1, self.columns)).view(*x.shape[:-1], self.rows)


def convert(network: Network, dtype: str, device: str = "cpu") -> Network:
    """Convert the network's weights to `dtype` in place, for a device, and return the network.

    Raises:
        WeightsError: there is no such format.
    """
    if dtype not in DTYPES:
        raise WeightsError(f"unknown dtype {dtype!r}; choose one of auto, {', '.join(DTYPES)}")
    if dtype == "bfloat16":
        return network.to(torch.bfloat16)
    if dtype == "int8":
        _round(network, device)
    return network


def _round(network: Network, device: str) -> None:
    """Replace the matrices by int8 ones, several at a time: packing is most of the time of loading."""
    network.requires_grad_(False)  # What is rounded has no gradient.
    buffers = Buffers()

    def rounded(weight: Tensor) -> nn.Module:
        return PackedLinear(weight.detach(), buffers) if device == "cpu" else Int8Linear(weight.detach())

    places = [
        (module, name, child.weight)
        for module in network.modules()
        for name, child in module.named_children()
        if isinstance(child, nn.Linear)
    ]
    if device == "cpu":
        places.append((network, "head", network.embedding.weight))
    with ThreadPoolExecutor() as pool:
        made = list(pool.map(lambda it: rounded(it[2]), places))
    for (module, name, _), its in zip(places, made, strict=True):
        setattr(module, name, its)


def packed_size(network: Network) -> int:
    """Return the number of int8 weights of a converted network, less those that the embeddings hold as well."""
    return sum(_size(it) for it in network.modules() if it is not network.head)


def _size(module: nn.Module) -> int:
    if isinstance(module, PackedLinear):
        return module.rows * module.columns
    return module.weight.numel() if isinstance(module, Int8Linear) else 0
