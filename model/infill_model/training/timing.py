"""Measures how fast a device is, so that a training's speed can be given as a share of it."""

import statistics
import time
from collections.abc import Callable
from typing import Final

import torch

RUNS: Final = 5


def median_seconds(call: Callable[[], object], device: torch.device, runs: int = RUNS) -> float:
    """Median seconds of some calls after one that does not count, each until the device is done with it."""
    call()
    times = []
    for _ in range(runs):
        wait_for(device)
        started = time.perf_counter()
        call()
        wait_for(device)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def wait_for(device: torch.device) -> None:
    """Return when a device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def product_rate(dtype: torch.dtype, device: torch.device, size: int = 1024) -> float:
    """FLOP/s of square matrix products of random numbers."""
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    return 2 * size**3 / median_seconds(lambda: a @ b, device)
