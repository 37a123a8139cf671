"""Weights in huge pages: one entry of the processor's address cache for each 2 MB of them instead of 512.

A denoising step reads nearly all weights once and computes little with each, so finding them is a good part of it. It
knows nothing of what the network computes.
"""

import mmap
from typing import Final

import torch
from torch import Tensor, nn

_PAGE: Final = 2 << 20
_ALIGNED: Final = 64


def gather(network: nn.Module) -> None:
    """Move a network's parameters into one stretch of huge pages; nothing happens where there are none.

    Only memory of a CPU is moved. The system may have no huge page left; then it takes ordinary ones.
    """
    parameters = [it for it in network.parameters() if it.device.type == "cpu"]
    if not parameters or not hasattr(mmap, "MADV_HUGEPAGE"):
        return
    sizes = [-(-it.numel() * it.element_size() // _ALIGNED) * _ALIGNED for it in parameters]
    memory = mmap.mmap(-1, sum(sizes) + _PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_HUGEPAGE)
    space = torch.frombuffer(memory, dtype=torch.uint8)
    at = -space.data_ptr() % _PAGE
    for parameter, size in zip(parameters, sizes, strict=True):
        parameter.data = _copy(parameter.data, space[at : at + size])
        at += size


def _copy(weights: Tensor, space: Tensor) -> Tensor:
    used = space[: weights.numel() * weights.element_size()].view(weights.dtype).view(weights.shape)
    return used.copy_(weights)
