"""All settings, as typed values with their defaults."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Which model the engine loads, and onto what.

    Attributes:
        model: `embedded`, or the path of a folder with config.json, tokenizer.json and model.safetensors.
        device: `cpu`, `cuda`, `mps`, or `auto` for the best there is.
        dtype: of the weights: `float32`, `bfloat16`, `int8`, or `auto` for the fastest on the device.
        threads: of the CPU; None leaves the choice to torch.
    """

    model: str = "embedded"
    device: str = "auto"
    dtype: str = "auto"
    threads: int | None = None
