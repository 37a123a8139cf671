"""The stored form of a shallow denoiser: low-rank updates of the encoder's last layers, and its canvas embeddings.

Shapes: D width, C canvas positions, I inputs and O outputs of a matrix, R rank, S tokens.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from infill_model.errors import WeightsError

FILE: Final = "denoiser.safetensors"
_PREFIX: Final = "layers."
_IDS: Final = "ids"


@dataclass(frozen=True, slots=True)
class DenoiserWeights:
    """Stored weights.

    Attributes:
        tensors: A (R, I) and B (O, R), scaled, of each matrix, by names such as `layers.0.self_attn.q_proj.a`; `seed`
            and `token` (D, D), `canvas` (C, D), `norm` (D,); `ids` (S,) int32, the tokens it may write.
    """

    tensors: Mapping[str, Tensor]

    @property
    def rest(self) -> dict[str, Tensor]:
        """The tensors that are neither low-rank updates nor ids."""
        return {name: it for name, it in self.tensors.items() if not name.startswith(_PREFIX) and name != _IDS}

    def numbers(self, head: Tensor) -> Tensor:
        """Return the indices (int32) in a sorted trimmed head of the tokens that it may write."""
        ids = self.tensors[_IDS].to(head.dtype)
        return torch.searchsorted(head, ids[torch.isin(ids, head)]).to(torch.int32)

    def factors(self, layer: int, own: int) -> dict[str, tuple[Tensor, Tensor]]:
        """Return the updates of the denoiser's layer `own`, named after the encoder's `layer` that it copies."""
        its = f"{_PREFIX}{own}."
        names = {it.removeprefix(its)[:-2] for it in self.tensors if it.startswith(its)}
        return {
            f"model.layers.{layer}.{name}": (self.tensors[f"{its}{name}.a"], self.tensors[f"{its}{name}.b"])
            for name in names
        }


def save(folder: Path, weights: DenoiserWeights) -> None:
    """Write the weights next to an update; the file appears complete or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / (FILE + ".part")
    tensors = {
        name: it.detach().to("cpu", torch.int32 if name == _IDS else torch.bfloat16)
        for name, it in weights.tensors.items()
    }
    save_file({name: it.contiguous() for name, it in tensors.items()}, part)
    part.replace(folder / FILE)


def load(folder: Path) -> DenoiserWeights | None:
    """Read the weights; None if an update has none.

    Raises:
        WeightsError: the file is damaged.
    """
    if not (folder / FILE).exists():
        return None
    try:
        stored = load_file(folder / FILE)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{folder / FILE}: not a readable denoiser ({error}); install infill-lsp again") from error
    if _IDS not in stored:
        raise WeightsError(f"{folder / FILE}: made by another version; train it again")
    return DenoiserWeights({name: it if name == _IDS else it.float() for name, it in stored.items()})
