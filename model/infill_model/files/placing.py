"""Where and how a checkpoint's weights are stored: device, dtype, 8 or 4 bits, spread over devices.

8 and 4 bits use bitsandbytes (LLM.int8 and NF4), on GPUs and CPUs; spreading over devices uses accelerate. Must not
depend on what the modules compute.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import torch
from torch import nn

from infill_model.errors import WeightsError
from infill_model.files.device import available_device

Bits = Literal[4, 8, 16, 32]

_DTYPES: Final = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_PACKED: Final[dict[str, Bits]] = {"int8": 8, "int4": 4}
_NAMES: Final = {"Linear8bitLt": "int8", "Linear4bit": "int4"}
"""The names of bitsandbytes' linear layers with packed weights."""

_WHOLE: Final = ("Layer", "DecoderLayer", "Block")
"""Suffixes of the names of classes that are never split over devices, because they contain a residual stream."""


@dataclass(frozen=True, slots=True)
class Placing:
    """The placement of weights.

    Attributes:
        device: where the network runs; the first of several.
        dtype: of activations, and of weights that are not packed.
        bits: of the weights of linear layers, if packed; otherwise None.
        spread: whether layers go to all GPUs and, once these are full, to the CPU's memory.
    """

    device: str
    dtype: torch.dtype
    bits: Bits | None = None
    spread: bool = False

    @property
    def loads_on(self) -> str:
        """The device on which tensors are read: nothing is put in a GPU's memory before it is packed or distributed."""
        return "cpu" if self.bits or self.spread else self.device


def placing(device: str, dtype: str) -> Placing:
    """Translate these settings; `auto` is the best device, with bfloat16 there and float32 on a CPU.

    Raises:
        WeightsError: there is no such device or dtype, or the two cannot be combined.
    """
    spread = device == "spread"
    place = available_device("auto" if spread else device)
    bits = _PACKED.get(dtype)
    kind = ("float32" if place == "cpu" else "bfloat16") if dtype == "auto" or bits else dtype
    if kind not in _DTYPES:
        raise WeightsError(f"a checkpoint can run in {', '.join((*_DTYPES, *_PACKED))}, not in {kind}")
    if bits and (spread or place == "mps"):
        where = "spread over devices" if spread else "on mps"
        raise WeightsError(f"weights in {dtype} cannot be {where}; choose bfloat16, or one of the devices cpu and cuda")
    return Placing(place, _DTYPES[kind], bits, spread)


def place_weights(network: nn.Module, where: Placing) -> None:
    """Move a network that was loaded on `loads_on` to its placement.

    Raises:
        WeightsError: a required package is not installed.
    """
    if where.bits:
        pack(network, where.bits, where.dtype, where.device)
    if where.spread:
        _spread(network)
    else:
        nn.Module.to(network, where.device)


def pack(network: nn.Module, bits: Bits, dtype: torch.dtype, device: str) -> None:
    """Pack the weights of linear layers into 8 or 4 bits, in place, one by one; the output layer's are left unchanged.

    Raises:
        WeightsError: bitsandbytes is not installed.
    """
    try:
        import bitsandbytes as bnb  # noqa: PLC0415  # An optional package, needed for nothing else.
    except ImportError as error:
        raise WeightsError(
            f"weights in {bits} bits need bitsandbytes: `pip install 'infill-lsp[quantised]'`, or set infill.dtype"
        ) from error
    for parent, name, old in list(_linear(network)):
        shape, bias = (old.in_features, old.out_features), old.bias is not None
        new = (
            bnb.nn.Linear8bitLt(*shape, bias=bias, has_fp16_weights=False, threshold=6.0)
            if bits == 8
            else bnb.nn.Linear4bit(*shape, bias=bias, compute_dtype=dtype, quant_type="nf4")
        )
        new.load_state_dict(old.state_dict())
        setattr(parent, name, new.requires_grad_(False).to(device))


def _linear(network: nn.Module) -> Iterator[tuple[nn.Module, str, nn.Linear]]:
    for parent in network.modules():
        for name, child in parent.named_children():
            if type(child) is nn.Linear and name != "lm_head":
                yield parent, name, child


def _spread(network: nn.Module) -> None:
    try:
        from accelerate import dispatch_model, infer_auto_device_map  # noqa: PLC0415  # An optional package.
        from accelerate.utils import get_balanced_memory  # noqa: PLC0415
    except ImportError as error:
        raise WeightsError(
            "spreading over devices needs accelerate: `pip install 'infill-lsp[checkpoints]'`"
        ) from error
    whole = whole_modules(network)
    memory = get_balanced_memory(network, no_split_module_classes=whole)
    places = infer_auto_device_map(network, max_memory=memory, no_split_module_classes=whole)
    if "disk" in places.values():
        raise WeightsError(
            "the combined memory of all GPUs and the CPU is too small for its weights; choose int8 or int4"
        )
    dispatch_model(network, places)


def whole_modules(network: nn.Module) -> list[str]:
    """Return the names of a network's classes that are not split over devices."""
    return sorted({type(it).__name__ for it in network.modules() if type(it).__name__.endswith(_WHOLE)})


def weights_of(network: nn.Module) -> tuple[int, str]:
    """Return a network's number of parameters, and the format in which most of them are stored."""
    count, kept = 0, str(next(network.parameters()).dtype).removeprefix("torch.")
    packed: dict[int, int] = {}
    for module in network.modules():
        name = _NAMES.get(type(module).__name__)
        if name and isinstance(module, nn.Linear):
            packed[id(module.weight)], kept = module.in_features * module.out_features, name
    for it in network.parameters():
        count += packed.get(id(it), it.numel())
    return count, kept
