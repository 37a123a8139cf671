"""All settings, as typed values with their defaults."""

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Which model the engine loads, and onto what.

    Attributes:
        model: `embedded`, or the path of a folder with config.json, tokenizer.json and model.safetensors.
        device: `cpu`, `cuda`, `mps`, or `auto` for the best there is.
        dtype: of the weights: `float32`, `bfloat16`, `int8`, or `auto` for the fastest on the device.
        threads: of the CPU; None for half of its cores, at least one.
    """

    model: str = "embedded"
    device: str = "auto"
    dtype: str = "auto"
    threads: int | None = None

    @property
    def cpu_threads(self) -> int:
        """How many threads a forward may use.

        Half of the cores unless told otherwise: the editor and its other servers run on the rest. At this size two
        threads gain little and lose much beside a busy program (docs/log.md).
        """
        if self.threads is not None:
            return self.threads
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return max(1, cores // 2)
