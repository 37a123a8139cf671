"""Whether a checkpoint's weights fit into the memory that is free, told before they are read.

It knows the sizes of weights only: what a step needs beside them depends on the request, so a little is kept back.
"""

import os
from pathlib import Path
from typing import Final

import torch

from infill_model.errors import WeightsError
from infill_model.files.checkpoint import Checkpoint
from infill_model.files.stored import stored_in

KEPT_BACK: Final = 1.05
"""How much more than the weights themselves has to be free."""
_LIMITS: Final = (
    (Path("/sys/fs/cgroup"), "memory.max", "memory.current"),
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.usage_in_bytes"),
)
"""Where the two versions of control groups say what a container may use, and what it does."""


def check_room(checkpoint: Checkpoint, place: str, bytes_each: float) -> None:
    """Raise unless the weights fit into what is free.

    Args:
        checkpoint: whose weights are to be loaded.
        place: the device they are to go to.
        bytes_each: of a weight once it is loaded.

    Raises:
        WeightsError: they do not fit, or a file of them is cut short.
    """
    needed = stored_in(checkpoint.weight_files()).numbers * bytes_each
    free = free_bytes(place)
    if free is not None and needed * KEPT_BACK > free:
        raise WeightsError(
            f"{checkpoint.folder}: its weights take {needed / 1e9:.1f} GB and the memory of {place} has "
            f"{free / 1e9:.1f} GB free; choose a smaller model, smaller weights or another device"
        )


def free_bytes(place: str) -> int | None:
    """The bytes of memory that a device has free; None where that cannot be told."""
    if place.startswith("cuda"):
        return int(torch.cuda.mem_get_info(place)[0])
    if place != "cpu":
        return None
    return min((it for it in (_available(), _left_of_limit()) if it is not None), default=None)


def _available() -> int | None:
    """What the kernel could give without swapping, caches included."""
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
    """What a container's limit leaves; None where there is no limit. Files that are cached can make way."""
    for folder, limit, used in _LIMITS:
        try:
            left = int((folder / limit).read_text()) - int((folder / used).read_text())
            counts = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
            return left + sum(int(counts.get(it, 0)) for it in ("active_file", "inactive_file"))
        except (OSError, ValueError):  # There is no such file, or it says `max`.
            continue
    return None
