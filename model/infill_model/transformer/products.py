"""Matrix products on a CPU: weights in int8, activations quantised as they come, each row by itself.

Shapes: n rows, O outputs and I inputs of a matrix.
"""

import threading
import warnings
from typing import Final, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

_SEVEN_BITS: Final = 63
_EXTRA: Final = 8
"""Inputs added to a matrix: two that fix the scale, and zeros so that rows stay aligned."""


class Product(Protocol):
    """A matrix product, independent of how its weights are stored."""

    def __call__(self, x: Tensor) -> Tensor:
        """Map (n, I) to (n, O)."""


class Int8Product:
    """Weights in int8 with a scale for each output; activations are quantised per row of a call.

    The kernels (`torch.ops.quantized`) derive one scale for all rows from the smallest and the largest number. So each
    row is divided by its largest number first and multiplied by it afterwards, and two more inputs of weight zero, 1
    and -1, make the scale the same for every call: the result for a row does not depend on the other rows.
    """

    def __init__(self, weight: Tensor, scale: Tensor, bias: Tensor | None, buffers: "Buffers") -> None:
        """Pack (O, I) int8 weights with a scale (O,) for each output."""
        if not _adds_in_32_bits():  # Pairs of products are added in 16 bits, which 8-bit weights would overflow.
            weight, scale = _halved(weight).clamp_(-_SEVEN_BITS, _SEVEN_BITS), scale * 2
        weight = F.pad(weight, (0, _EXTRA))
        zeros = torch.zeros(len(scale), dtype=torch.int64)
        with warnings.catch_warnings():  # Quantised tensors are deprecated; their CPU kernels have no successor yet.
            warnings.simplefilter("ignore", UserWarning)
            quantised = torch._make_per_channel_quantized_tensor(weight, scale.double(), zeros, 0)
        self._packed = torch.ops.quantized.linear_prepack(quantised, None)
        self._bias, self._buffers = bias, buffers

    def __call__(self, x: Tensor) -> Tensor:
        """Map (n, I) float32 to (n, O) float32."""
        scaled, inputs = self._buffers.of(x)
        largest = x.abs().amax(dim=1, keepdim=True).clamp_(min=1e-12)  # The infinity norm takes 3 to 17 times as long.
        torch.div(x, largest, out=inputs)
        out: Tensor = torch.ops.quantized.linear_dynamic(scaled, self._packed, False)
        return out.mul_(largest) if self._bias is None else torch.addcmul(self._bias, out, largest)


class Buffers(threading.local):
    """The scaled inputs of a network's int8 products, shared by those of one width; each thread has its own."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[Tensor, Tensor]] = {}

    def of(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return a buffer (n, I + extra) for inputs (n, I), its extra columns filled, and the view for the inputs."""
        kept = self._kept.get(x.shape[1])
        if kept is None or len(kept[0]) != len(x):
            whole = x.new_zeros(len(x), x.shape[1] + _EXTRA)
            whole[:, -2], whole[:, -1] = 1.0, -1.0
            kept = self._kept[x.shape[1]] = whole, whole[:, :-_EXTRA]
        return kept


class PlainProduct:
    """Weights stored unquantised."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self._weight, self._bias = weight, bias

    def __call__(self, x: Tensor) -> Tensor:
        """Map (n, I) to (n, O)."""
        return F.linear(x, self._weight, self._bias)


def _halved(weight: Tensor) -> Tensor:
    """Return half of an int8 tensor, rounded to even where a half remains; in int8, for speed."""
    half = weight >> 1
    return half.add_((weight & 1) & half)


def _adds_in_32_bits() -> bool:
    """Report whether the processor has VNNI, or is not x86 at all."""
    flags = torch.backends.cpu.get_cpu_capability()
    return flags not in ("DEFAULT", "AVX2") or bool(getattr(torch.cpu, "_is_vnni_supported", lambda: False)())
