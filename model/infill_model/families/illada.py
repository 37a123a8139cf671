"""iLLaDA: LLaDA trained again, a bidirectional Llama under Llama's own names, with a mask among its first ids.

Reference: ML-GSAI/LLaDA (MIT) and the model's card (GSAI-ML/iLLaDA-8B-Base), arXiv 2606.25331. There are no fixtures
for it: its layers are compared with transformers' Llama, not with its own code.
"""

from typing import Final

from infill_model.families.family import TransformerFamily, as_stored, llama_shape
from infill_model.files.checkpoint import Checkpoint
from infill_model.files.id_map import Ids

_MASK: Final = 5
"""The mask of the published checkpoints, whose config.json and tokenizer do not name it."""


def ids(checkpoint: Checkpoint) -> Ids:
    """Read the ids; the end is in config.json."""
    config = checkpoint.config
    end = config.token("eos_token_id")
    return Ids(mask=config.number("mask_token_id", _MASK), end=end, never=checkpoint.marks_but(end))


FAMILY = TransformerFamily(
    name="illada",
    claims=lambda it: it.config.model_type == "illada",
    shape=llama_shape,
    ids=ids,
    renamed=as_stored,
    shifted=False,
    block=None,
    lengths="lengths",
)
