"""DreamOn: Dream that finds the length itself. An expand token becomes two masks, and a deleted position vanishes.

Reference: DreamLM/DreamOn, eval/generator.py (Apache-2.0).
"""

from dataclasses import replace

from infill_model.families import dream
from infill_model.families.family import TransformerFamily, as_stored, qwen_shape
from infill_model.files.checkpoint import Checkpoint
from infill_model.files.id_map import Ids


def ids(checkpoint: Checkpoint) -> Ids:
    """Return Dream's ids with the expand token, and the tokens put before and after the whole text in training."""
    plain, expand = dream.ids(checkpoint), dream.expand_id(checkpoint)
    never = tuple(it for it in plain.never if it != expand)
    begin = checkpoint.config.token("bos_token_id")
    return replace(plain, never=never, expand=expand, begin=begin, close=plain.end)


FAMILY = TransformerFamily(
    name="dreamon",
    claims=lambda it: it.config.model_type == "Dream" and dream.expand_id(it) is not None,
    shape=qwen_shape,
    ids=ids,
    renamed=as_stored,
    shifted=True,
    block=None,
    lengths="expand",
)
