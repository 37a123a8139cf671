"""The common part of MDLM, BD3-LM and SEDD: a DiT of GPT-2's size, with GPT-2's tokenizer and a mask after its ids.

None of them is published with the tokenizer, so the error for a folder without one says where to get it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from infill_model.errors import WeightsError
from infill_model.families.family import Family, OpenDenoiser, assigned
from infill_model.families.research.dit import Dit, DitShape
from infill_model.files.checkpoint import Checkpoint
from infill_model.files.id_map import IdMap, Ids
from infill_model.transformer.sequence import SequenceDenoiser

_END: Final = "<|endoftext|>"


@dataclass(frozen=True, slots=True, kw_only=True)
class DitFamily(Family):
    """A family that `Dit` can run.

    Attributes:
        shape: its sizes.
    """

    shape: Callable[[Checkpoint], DitShape]

    def denoiser(
        self, checkpoint: Checkpoint, ids: Ids, breaks: Sequence[int], dtype: torch.dtype, device: str
    ) -> OpenDenoiser:
        """Load the weights into a `Dit`."""
        network = self.network(checkpoint, dtype, device)
        block = None if self.block is None else self.block(checkpoint)
        return SequenceDenoiser(network, IdMap(ids, device), shifted=False, block=block, breaks=breaks)

    def network(self, checkpoint: Checkpoint, dtype: torch.dtype, device: torch.device | str) -> Dit:
        """Build the network with the checkpoint's weights.

        Raises:
            WeightsError: a tensor is missing, unexpected, or of a different shape from config.json.
        """
        with torch.device("meta"):
            network = Dit(self.shape(checkpoint))
        return assigned(network, checkpoint, own_name, dtype, device).eval().requires_grad_(False)


def own_name(name: str, tensor: Tensor) -> list[tuple[str, Tensor]]:
    """Return the tensor under the network's name; drop the rotary frequencies and the limits of training's noise."""
    if name.endswith("rotary_emb.inv_freq") or name.startswith("sampling_eps_"):
        return []
    return [(name.removeprefix("backbone."), tensor)]


def shape(checkpoint: Checkpoint) -> DitShape:
    """Read the sizes from the keys that MDLM and BD3-LM use; refuse settings the published checkpoints do not use."""
    config = checkpoint.config
    config.refuse("time_conditioning", False)
    config.refuse("adaln", True)
    config.refuse("causal", False)
    return checked(
        checkpoint,
        DitShape(
            vocabulary=config.number("vocab_size"),
            width=config.number("hidden_dim"),
            layers=config.number("n_blocks"),
            heads=config.number("n_heads"),
            condition=config.number("cond_dim"),
        ),
    )


def checked(checkpoint: Checkpoint, shape: DitShape) -> DitShape:
    """Return the shape if it describes a valid network.

    Raises:
        WeightsError: it does not.
    """
    sizes = (shape.vocabulary, shape.width, shape.layers, shape.heads, shape.condition)
    if min(sizes) < 1 or shape.width % (2 * shape.heads):
        raise WeightsError(f"{checkpoint.config.path}: its sizes do not describe a valid network")
    return shape


def end_id(checkpoint: Checkpoint) -> int:
    """Return the id of the token that ends a text.

    Raises:
        WeightsError: GPT-2's tokenizer is not in the folder.
    """
    end = checkpoint.added_id(_END)
    if end is None or not (checkpoint.folder / "tokenizer.json").is_file():
        raise WeightsError(
            f"{checkpoint.folder}: it is published without a tokenizer; put tokenizer.json of openai-community/gpt2 "
            "into the folder"
        )
    return end


def ids(checkpoint: Checkpoint) -> Ids:
    """Return the ids; the mask is the last one, and texts were trained with the end token on either side."""
    end = end_id(checkpoint)
    return Ids(mask=checkpoint.config.number("vocab_size") - 1, end=end, begin=end, close=end)


def window(length: int) -> int:
    """Return the tokens of code around a gap for a model trained on rows of this length; the rest is the canvas's."""
    return length * 5 // 8
