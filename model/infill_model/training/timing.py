"""Measure the speed of a device, so that training speed can be given as a share of it."""

import statistics
import time
from collections.abc import Callable
from typing import Final

import torch

RUNS: Final = 5


def median_seconds(call: Callable[[], object], device: torch.device, runs: int = RUNS) -> float:
    """Return the median seconds of some calls after a warm-up call, each timed until the device has finished."""
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
    """Wait until a device has finished all its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def product_rate(dtype: torch.dtype, device: torch.device, size: int = 1024) -> float:
    """Return the FLOP/s of square matrix products of random numbers."""
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    return 2 * size**3 / median_seconds(lambda: a @ b, device)
