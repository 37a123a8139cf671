"""Low-rank updates of a frozen network's matrices (LoRA, arXiv 2106.09685), stored in PEFT's format.

Shapes: I inputs and O outputs of a matrix, R rank.
"""

import json
import math
from pathlib import Path
from typing import Any, Final

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from infill_model.errors import WeightsError

TARGETS: Final = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
SCALE: Final = 2.0
"""The factor applied to the product of the two matrices; PEFT's alpha over rank."""

WEIGHTS: Final = "adapter_model.safetensors"
_CONFIG: Final = "adapter_config.json"
_PREFIX: Final = "base_model.model."


class LowRank(nn.Module):
    """A frozen linear layer of `size` weights and its update: x W^T + b + scale (x A^T) B^T."""

    def __init__(self, linear: nn.Linear, rank: int) -> None:
        super().__init__()
        self.linear: nn.Module = linear.requires_grad_(False)
        self.size = linear.weight.numel()
        outputs, inputs = linear.weight.shape
        place = linear.weight.device
        self.a = nn.Parameter(torch.randn(rank, inputs, device=place) / math.sqrt(inputs))
        self.b = nn.Parameter(torch.zeros(outputs, rank, device=place))

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., I) to (..., O)."""
        out: Tensor = self.linear(x)
        return out + F.linear(F.linear(x, self.a.to(x.dtype)) * SCALE, self.b.to(x.dtype))


def attach(network: nn.Module, rank: int) -> dict[str, LowRank]:
    """Add an update to every linear layer named in `TARGETS`, and return the updates by layer name."""
    network.requires_grad_(False)
    found = [
        (name, it)
        for name, it in network.named_modules()
        if name.split(".")[-1] in TARGETS and isinstance(it, nn.Linear)
    ]
    updates = {}
    for name, linear in found:
        parent, _, last = name.rpartition(".")
        updates[name] = LowRank(linear, rank)
        setattr(network.get_submodule(parent), last, updates[name])
    return updates


def save(folder: Path, updates: dict[str, LowRank], base: str, dtype: torch.dtype = torch.bfloat16) -> None:
    """Write updates as a folder that PEFT can read; each file appears complete or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    rank = next(iter(updates.values())).a.shape[0]
    tensors = {}
    for name, it in updates.items():
        tensors[f"{_PREFIX}{name}.lora_A.weight"] = it.a.detach().to("cpu", dtype).contiguous()
        tensors[f"{_PREFIX}{name}.lora_B.weight"] = it.b.detach().to("cpu", dtype).contiguous()
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": rank,
        "lora_alpha": int(rank * SCALE),
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": list(TARGETS),
    }
    part = folder / (WEIGHTS + ".part")
    save_file(tensors, part)
    part.replace(folder / WEIGHTS)
    (folder / _CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def load(folder: Path) -> dict[str, tuple[Tensor, Tensor]]:
    """Read the factors A (R, I) and B (O, R) of each layer, by its name; B is scaled, so that the update is B A.

    Raises:
        WeightsError: the folder holds no readable update.
    """
    try:
        config: dict[str, Any] = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
        tensors = load_file(folder / WEIGHTS)
        scale = float(config["lora_alpha"]) / float(config["r"])
        names = [it.removeprefix(_PREFIX).removesuffix(".lora_A.weight") for it in tensors if ".lora_A." in it]
        pair = {name: tuple(tensors[f"{_PREFIX}{name}.lora_{it}.weight"].float() for it in "AB") for name in names}
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise WeightsError(f"{folder}: not a readable low-rank update ({error}); install infill-lsp again") from error
    return {name: (a, b * scale) for name, (a, b) in pair.items()}


def restore(updates: dict[str, LowRank], folder: Path) -> None:
    """Copy a stored update into the network's own.

    Raises:
        WeightsError: the update is not readable, or has another shape.
    """
    stored = load(folder)
    for name, it in updates.items():
        a, b = stored.get(name, (None, None))
        if a is None or b is None or a.shape != it.a.shape or b.shape != it.b.shape:
            raise WeightsError(f"{folder}: its update of {name} is missing or has another shape")
        it.a.data.copy_(a)
        it.b.data.copy_(b / SCALE)
