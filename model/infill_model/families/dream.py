"""Dream, Dream-Coder and DiffuCoder: Qwen2 that sees both ways, and still predicts one position to the right.

Reference: DreamLM/Dream, modeling_dream.py (Apache-2.0); the base of `dreamon.py` as well.
"""

from infill_model.families.family import TransformerFamily, as_stored, qwen_shape
from infill_model.files.checkpoint import Checkpoint
from infill_model.files.id_map import Ids

EXPAND = "<|expand|>"


def expand_id(checkpoint: Checkpoint) -> int | None:
    """The id of the token that asks for two masks, by which DreamOn is told from Dream."""
    if "expand_token_id" in checkpoint.config.values:
        return checkpoint.config.number("expand_token_id")
    return checkpoint.added_id(EXPAND)


def ids(checkpoint: Checkpoint) -> Ids:
    """The ids, all in config.json; the end is what fills up a text that is too short."""
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
