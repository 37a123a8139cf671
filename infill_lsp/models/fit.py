"""Finds the models of the catalogue that fit on a device, without loading any of them."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infill_lsp.engine.process import engine_environment
from infill_model.catalogue.catalogue import ENTRIES, Entry
from infill_model.catalogue.sizes import weight_bytes

MARGIN: Final = 1.2
"""A model's memory, excluding the embedded one, as a multiple of its weights: keys, values, logits, kernels."""


@dataclass(frozen=True, slots=True)
class Fits:
    """The models that fit on a device.

    Attributes:
        device: cpu, cuda or mps.
        gigabytes: the device's memory.
        models: by dtype, the names of the models that fit in it but in none of the dtypes before it.
    """

    device: str
    gigabytes: float
    models: dict[str, tuple[str, ...]]

    @property
    def sentence(self) -> str:
        """The result in words."""
        there = [f"in {dtype}: {', '.join(names)}" for dtype, names in self.models.items() if names]
        return f"{self.device} has {self.gigabytes:.1f} GB; {'; '.join(there) or 'none but the embedded model'}"


def of_device(device: str) -> Fits | None:
    """Return what fits on a device; None if its memory is unknown."""
    if device not in ("cpu", "cuda", "mps"):
        return None
    place, room = device_memory(device)
    return fits(place, room, ENTRIES) if room else None


def fits(device: str, room: float, entries: Sequence[Entry]) -> Fits:
    """Return the models that fit in `room` bytes, in the device's default dtype, in 8 bits and in 4."""
    usual = "float32" if device == "cpu" else "bfloat16"
    kinds = (usual, *(() if usual == "bfloat16" else ("bfloat16",)), *(() if device == "mps" else ("int8", "int4")))
    left, models = list(entries), {}
    for kind in kinds:
        inside = [it for it in left if _needs(it, kind) <= room]
        models[kind] = tuple(it.name for it in inside)
        left = [it for it in left if it not in inside]
    return Fits(device, room / 1e9, models)


def _needs(entry: Entry, dtype: str) -> float:
    """Return the bytes needed; a model that transformers runs with all experts in one matrix cannot be packed."""
    if entry.family == "diffusion-gemma" and dtype in ("int8", "int4"):
        return math.inf
    return weight_bytes(entry.parameters, dtype) * MARGIN


def device_memory(device: str) -> tuple[str, float]:
    """Return the device that `device` stands for, and its memory in bytes; 0 if unknown.

    A GPU is queried by a separate process, because that takes torch; for the CPU the memory available now counts.
    """
    if device != "cpu":
        command = [sys.executable, "-P", "-m", "infill_model.checkpoints.probe", "--device", device]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=engine_environment())
        if done.returncode == 0:
            answer = json.loads(done.stdout)
            if answer["device"] != "cpu":
                return str(answer["device"]), float(answer["memory"])
    return "cpu", _available()


def _available() -> float:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(float(it.split()[1]) * 1024 for it in lines if it.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError, IndexError):
        pass
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (OSError, ValueError, AttributeError):
        return 0.0
