"""Dream, Dream-Coder and DiffuCoder: a bidirectional Qwen2 that still predicts one position to the right.

Reference: DreamLM/Dream, modeling_dream.py (Apache-2.0); the base of `dreamon.py` as well.
"""

from infill_model.families.family import TransformerFamily, as_stored, qwen_shape
from infill_model.files.checkpoint import Checkpoint
from infill_model.files.id_map import Ids

EXPAND = "<|expand|>"


def expand_id(checkpoint: Checkpoint) -> int | None:
    """Return the id of the token that stands for two masks, which distinguishes DreamOn from Dream."""
    if "expand_token_id" in checkpoint.config.values:
        return checkpoint.config.number("expand_token_id")
    return checkpoint.added_id(EXPAND)


def ids(checkpoint: Checkpoint) -> Ids:
    """Read the ids, all from config.json; the end also pads a text that is too short."""
    config = checkpoint.config
    end = config.token("eos_token_id")
    return Ids(mask=config.number("mask_token_id"), end=end, never=checkpoint.marks_but(end))


FAMILY = TransformerFamily(
    name="dream",
    claims=lambda it: it.config.model_type == "Dream" and expand_id(it) is None,
    shape=qwen_shape,
    ids=ids,
    renamed=as_stored,
    shifted=True,
    block=None,
    lengths="lengths",
)
