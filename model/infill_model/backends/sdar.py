"""SDAR and TraDo: Qwen3 that writes block after block and sees no later block.

Reference: JetAstra/SDAR, modeling_sdar.py and generate.py (MIT, the model's file Apache-2.0).
"""

from functools import partial

from infill_model.backends.checkpoint import Checkpoint
from infill_model.backends.edge import Ids
from infill_model.backends.family import TransformerFamily, as_stored, qwen_shape


def ids(checkpoint: Checkpoint) -> Ids:
    """The mask is in config.json or, in older releases, only in the tokenizer."""
    config = checkpoint.config
    end = config.token("eos_token_id")
    mask = checkpoint.added_id("<|MASK|>")
    return Ids(mask=config.number("mask_token_id", mask), end=end, never=checkpoint.marks_but(end))


FAMILY = TransformerFamily(
    name="sdar",
    claims=lambda it: it.config.model_type.startswith("sdar") and it.config.model_type != "sdar_moe",
    shape=partial(qwen_shape, qkv_bias=False, qk_norm=True),
    ids=ids,
    renamed=as_stored,
    shifted=False,
    block=lambda it: it.config.number("block_size", 4),
    lengths="blocks",
)
