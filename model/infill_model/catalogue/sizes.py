"""The sizes that published checkpoints come in, and measurements of them: plain values without torch."""

from dataclasses import dataclass
from typing import Final

_BYTES: Final = {"auto": 2.0, "float32": 4.0, "bfloat16": 2.0, "float16": 2.0, "int8": 1.0, "int4": 0.56}
"""Bytes of a weight, by the setting; 4-bit weights have a scale for every 64."""


@dataclass(frozen=True, slots=True)
class Size:
    """The sizes of a Llama-style network, under the names of `Shape`'s attributes."""

    name: str
    vocabulary: int
    width: int
    layers: int
    heads: int
    kv_heads: int
    head_width: int
    mlp_width: int
    tied: bool

    @property
    def layer_weights(self) -> int:
        """Weights of one layer's matrices."""
        attention = self.width * self.head_width * (2 * self.heads + 2 * self.kv_heads)
        return attention + 3 * self.width * self.mlp_width

    @property
    def head_weights(self) -> int:
        """Weights of the output matrix."""
        return self.vocabulary * self.width

    @property
    def parameters(self) -> int:
        """All weights, except norms and biases."""
        return self.layers * self.layer_weights + self.head_weights * (1 if self.tied else 2)


SIZES: Final = (
    Size("0.5B", 151_936, 896, 24, 14, 2, 64, 4864, tied=True),  # Open-dCoder; Qwen2.5
    Size("1.5B", 151_936, 1536, 28, 12, 2, 128, 8960, tied=True),  # Fast-dLLM v2
    Size("1.7B", 151_936, 2048, 28, 16, 8, 128, 6144, tied=True),  # SDAR; Qwen3
    Size("4B", 151_936, 2560, 36, 32, 8, 128, 9728, tied=True),
    Size("7B", 152_064, 3584, 28, 28, 4, 128, 18_944, tied=False),  # Dream, DreamOn, DiffuCoder
    Size("8B", 126_464, 4096, 32, 32, 32, 128, 12_288, tied=False),  # LLaDA
)


def size_of(parameters: float) -> Size | None:
    """Return the size of a checkpoint with this many parameters, if it is one of these; not for mixtures of experts."""
    near = min(SIZES, key=lambda it: abs(it.parameters - parameters))
    return near if abs(near.parameters - parameters) < 0.1 * parameters else None


def weight_bytes(parameters: float, dtype: str) -> float:
    """Return the bytes that a checkpoint's weights take in the dtype of the settings.

    Only layers are packed into 8 and 4 bits; if a checkpoint's size is not known, all of it is counted as layers.
    """
    size = size_of(parameters) if dtype in ("int8", "int4") else None
    if size is None:
        return parameters * _BYTES[dtype]
    layers = size.layers * size.layer_weights
    return layers * _BYTES[dtype] + (size.parameters - layers) * _BYTES["bfloat16"]


@dataclass(frozen=True, slots=True)
class Probe:
    """Measurements with random weights of one size; times in milliseconds.

    Attributes:
        size: its name.
        device: its display name.
        dtype: of the weights.
        whole: whether all layers were run; otherwise one was timed, and its time multiplied.
        compiled: whether the forward pass was compiled, with CUDA graphs.
        prefill_ms: 2048 tokens.
        step_ms: by canvas width, a step over the canvas alone, on cached keys and values of 2048 tokens.
        uncached_ms: by canvas width, a step that runs the 2048 tokens as well.
        bandwidth: measured by copying, in GB per second.
        floor_share: the time to read the weights once at that bandwidth, as a share of the narrowest cached step.
    """

    size: str
    device: str
    dtype: str
    whole: bool
    compiled: bool
    prefill_ms: float
    step_ms: dict[str, float]
    uncached_ms: dict[str, float]
    bandwidth: float
    floor_share: float
