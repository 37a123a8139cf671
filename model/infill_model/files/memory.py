"""Checks whether a checkpoint's weights fit into the free memory, before they are read.

Only the sizes of weights are considered: the memory of a step depends on the request, so a little is kept in reserve.
"""

import os
from pathlib import Path
from typing import Final

import torch

from infill_model.errors import WeightsError
from infill_model.files.checkpoint import Checkpoint
from infill_model.files.stored import stored_in

KEPT_BACK: Final = 1.05
"""How many times the weights' own size has to be free."""
_LIMITS: Final = (
    (Path("/sys/fs/cgroup"), "memory.max", "memory.current"),
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.usage_in_bytes"),
)
"""Where the two versions of control groups report a container's limit and its usage."""


def check_room(checkpoint: Checkpoint, place: str, bytes_each: float) -> None:
    """Raise unless the weights fit into the free memory.

    Args:
        checkpoint: whose weights will be loaded.
        place: the device they will be loaded on.
        bytes_each: the size of a loaded weight.

    Raises:
        WeightsError: they do not fit, or a weight file is truncated.
    """
    needed = stored_in(checkpoint.weight_files()).numbers * bytes_each
    free = free_bytes(place)
    if free is not None and needed * KEPT_BACK > free:
        raise WeightsError(
            f"{checkpoint.folder}: its weights take {needed / 1e9:.1f} GB and the memory of {place} has "
            f"{free / 1e9:.1f} GB free; choose a smaller model, smaller weights or another device"
        )


def free_bytes(place: str) -> int | None:
    """Return the free memory of a device in bytes; None if it cannot be determined."""
    if place.startswith("cuda"):
        return int(torch.cuda.mem_get_info(place)[0])
    if place != "cpu":
        return None
    return min((it for it in (_available(), _left_of_limit()) if it is not None), default=None)


def _available() -> int | None:
    """Return the bytes that the kernel could provide without swapping, caches included."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)
    except (OSError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _left_of_limit() -> int | None:
    """Return the bytes that a container's limit leaves; None without a limit. Cached files count as free."""
    for folder, limit, used in _LIMITS:
        try:
            left = int((folder / limit).read_text()) - int((folder / used).read_text())
            counts = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
            return left + sum(int(counts.get(it, 0)) for it in ("active_file", "inactive_file"))
        except (OSError, ValueError):  # The file does not exist, or it says `max`.
            continue
    return None
