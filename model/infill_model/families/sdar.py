"""SDAR and TraDo: Qwen3 that writes block after block and sees no later block; dense, or Qwen3's mixture of experts.

Reference: JetAstra/SDAR, modeling_sdar.py and generate.py (MIT, the model's file Apache-2.0). There are no fixtures for
the mixture: its layers are compared with transformers' Qwen3-MoE, not with SDAR's own code.
"""

from dataclasses import replace
from functools import partial

from infill_model.errors import WeightsError
from infill_model.families.family import TransformerFamily, as_stored, qwen_shape
from infill_model.files.checkpoint import Checkpoint
from infill_model.files.id_map import Ids
from infill_model.transformer.transformer import Experts, TransformerShape


def ids(checkpoint: Checkpoint) -> Ids:
    """Read the ids; the mask is in config.json or, in older releases, only in the tokenizer."""
    config = checkpoint.config
    end = config.token("eos_token_id")
    mask = checkpoint.added_id("<|MASK|>")
    return Ids(mask=config.number("mask_token_id", mask), end=end, never=checkpoint.marks_but(end))


def mixed_shape(checkpoint: Checkpoint) -> TransformerShape:
    """Read the dense sizes, and add Qwen3's mixture to every layer."""
    config = checkpoint.config
    config.refuse("decoder_sparse_step", 1)
    config.refuse("mlp_only_layers", [])
    experts = Experts(
        count=config.number("num_experts"),
        chosen=config.number("num_experts_per_tok"),
        groups=1,
        groups_chosen=1,
        width=config.number("moe_intermediate_size"),
        shared=0,
        scale=1.0,
        normalised=config.flag("norm_topk_prob", False),
        dense_layers=0,
        router="softmax",
    )
    if not 1 <= experts.chosen <= experts.count or experts.width < 1:
        raise WeightsError(f"{config.path}: its experts do not describe a valid network")
    return replace(qwen_shape(checkpoint, qkv_bias=False, qk_norm=True), experts=experts)


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

MIXTURE = TransformerFamily(
    name="sdar-moe",
    claims=lambda it: it.config.model_type == "sdar_moe",
    shape=mixed_shape,
    ids=ids,
    renamed=as_stored,
    shifted=False,
    block=lambda it: it.config.number("block_size", 4),
    lengths="blocks",
)
