"""Weights in huge pages: one entry of the processor's TLB for each 2 MB of them instead of 512.

A denoising step reads nearly all weights once and computes little with each, so address translation is a good part of
its time. Must not depend on the network's computation.
"""

import mmap
from typing import Final

import torch
from torch import Tensor, nn

_PAGE: Final = 2 << 20
_ALIGNED: Final = 64


def gather(network: nn.Module) -> None:
    """Move a network's parameters into one stretch of huge pages; do nothing if the system has none.

    Only CPU memory is moved. If no huge page is left, the system uses ordinary ones.
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
