"""Stable-DiffCoder: Seed-Coder, a Llama, that writes one block of 4 after another and sees no later block.

Its config.json is Llama's own except for the name of its architecture. The block width is set by the sampler.

Reference: the checkpoint's own modeling_stable_diffcoder.py (MIT), arXiv 2601.15892. There are no fixtures for it: its
layers are compared with transformers' Llama, not with its own code.
"""

from typing import Final

from infill_model.families.family import TransformerFamily, as_stored, llama_shape
from infill_model.files.checkpoint import Checkpoint
from infill_model.files.id_map import Ids

BLOCK: Final = 4
_ARCHITECTURE: Final = "StableDiffcoderForCausalLM"
_MASK: Final = 5
_END: Final = "<[end▁of▁sentence]>"


def claims(checkpoint: Checkpoint) -> bool:
    """Report whether it is a Llama with the name of this architecture."""
    names = checkpoint.config.values.get("architectures")
    return checkpoint.config.model_type == "llama" and isinstance(names, list) and _ARCHITECTURE in names


def ids(checkpoint: Checkpoint) -> Ids:
    """Read the mask from the tokenizer, and the end too unless only config.json names it."""
    mask = checkpoint.added_id("<[MASK_TOKEN]>")
    named = checkpoint.added_id(_END)
    end = named if named is not None else checkpoint.config.token("eos_token_id")
    return Ids(mask=_MASK if mask is None else mask, end=end, never=checkpoint.marks_but(end))


FAMILY = TransformerFamily(
    name="stable-diffcoder",
    claims=claims,
    shape=llama_shape,
    ids=ids,
    renamed=as_stored,
    shifted=False,
    block=lambda _: BLOCK,
    lengths="blocks",
)
