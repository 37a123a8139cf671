"""LLaDA2.0 and 2.1: a mixture of experts that writes blocks of 32 and sees no later block.

Reference: inclusionAI's modeling_llada2_moe.py as in ZHZisZZ/dllm (Apache-2.0). The block width is set by the sampler,
not in config.json.
"""

import re
from typing import Final

import torch
from torch import Tensor

from infill_model.families.family import Renamed, TransformerFamily, checked
from infill_model.files.checkpoint import Checkpoint
from infill_model.files.id_map import Ids
from infill_model.transformer.transformer import Experts, TransformerShape

BLOCK: Final = 32
_MASK_OF_PUBLISHED: Final = 156895
_NAMES: Final = {
    "model.word_embeddings.": "model.embed_tokens.",
    ".attention.dense.": ".self_attn.o_proj.",
    ".attention.query_layernorm.": ".self_attn.q_norm.",
    ".attention.key_layernorm.": ".self_attn.k_norm.",
}
_FUSED: Final = re.compile(r"(model\.layers\.\d+)\.attention\.query_key_value\.(weight|bias)")


def renamed(name: str, tensor: Tensor, shape: TransformerShape) -> Renamed:
    """Return the same tensor under Qwen's name; queries, keys and values are stored as one."""
    fused = _FUSED.fullmatch(name)
    if fused:
        kv = shape.kv_heads * shape.head_width
        parts = torch.split(tensor, [shape.heads * shape.head_width, kv, kv])
        return [(f"{fused[1]}.self_attn.{it}_proj.{fused[2]}", part) for it, part in zip("qkv", parts, strict=True)]
    for theirs, ours in _NAMES.items():
        name = name.replace(theirs, ours)
    return [] if name.endswith("rotary_emb.inv_freq") else [(name, tensor)]


def shape(checkpoint: Checkpoint) -> TransformerShape:
    """Read the sizes from LLaDA2's own keys."""
    config = checkpoint.config
    config.refuse("hidden_act", "silu")
    config.refuse("score_function", "sigmoid")
    for key in ("use_bias", "norm_head", "using_split_qkv_in_self_attention", "use_sliding_window"):
        config.refuse(key, False)
    width, heads = config.number("hidden_size"), config.number("num_attention_heads")
    head_width = config.number("head_dim", width // heads)
    return checked(
        checkpoint,
        TransformerShape(
            vocabulary=config.number("vocab_size"),
            width=width,
            layers=config.number("num_hidden_layers"),
            heads=heads,
            kv_heads=config.number("num_key_value_heads", heads),
            head_width=head_width,
            rotary_width=config.number("rotary_dim", int(head_width * config.real("partial_rotary_factor", 1.0))),
            mlp_width=config.number("intermediate_size"),
            theta=config.rope_theta,
            eps=config.real("rms_norm_eps"),
            qkv_bias=config.flag("use_qkv_bias", False),
            qk_norm=True,
            tied=config.flag("tie_word_embeddings", False),
            experts=Experts(
                count=config.number("num_experts"),
                chosen=config.number("num_experts_per_tok"),
                groups=config.number("n_group", 1),
                groups_chosen=config.number("topk_group", 1),
                width=config.number("moe_intermediate_size"),
                shared=config.number("num_shared_experts", 0),
                scale=config.real("routed_scaling_factor", 1.0),
                normalised=config.flag("norm_topk_prob", True),
                dense_layers=config.number("first_k_dense_replace", 0),
            ),
        ),
    )


def ids(checkpoint: Checkpoint) -> Ids:
    """Read the mask from the tokenizer; the end is the padding token."""
    mask = checkpoint.added_id("<|mask|>")
    end = checkpoint.config.number("pad_token_id")
    return Ids(mask=_MASK_OF_PUBLISHED if mask is None else mask, end=end, never=checkpoint.marks_but(end))


FAMILY = TransformerFamily(
    name="llada2",
    claims=lambda it: it.config.model_type == "llada2_moe",
    shape=shape,
    ids=ids,
    renamed=renamed,
    shifted=False,
    block=lambda _: BLOCK,
    lengths="blocks",
)
