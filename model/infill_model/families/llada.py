"""LLaDA-8B and LLaDA-1.5: a Llama trained as a diffusion model, with its own weight names.

Reference: ML-GSAI/LLaDA and NVlabs/Fast-dLLM, llada/model/modeling_llada.py (Apache-2.0).
"""

import re
from typing import Final

from torch import Tensor

from infill_model.families.family import Renamed, TransformerFamily, checked
from infill_model.files.checkpoint import Checkpoint
from infill_model.files.id_map import Ids
from infill_model.transformer.transformer import TransformerShape

_OUTSIDE: Final = {
    "model.transformer.wte.weight": "model.embed_tokens.weight",
    "model.transformer.ln_f.weight": "model.norm.weight",
    "model.transformer.ff_out.weight": "lm_head.weight",
}
_IN_BLOCK: Final = {
    "attn_norm": "input_layernorm",
    "q_proj": "self_attn.q_proj",
    "k_proj": "self_attn.k_proj",
    "v_proj": "self_attn.v_proj",
    "attn_out": "self_attn.o_proj",
    "ff_norm": "post_attention_layernorm",
    "ff_proj": "mlp.gate_proj",
    "up_proj": "mlp.up_proj",
    "ff_out": "mlp.down_proj",
}
_BLOCK: Final = re.compile(r"model\.transformer\.blocks\.(\d+)\.(\w+)\.(weight|bias)")


def renamed(name: str, tensor: Tensor, shape: TransformerShape) -> Renamed:
    """Return the same tensor under Qwen's name."""
    inside = _BLOCK.fullmatch(name)
    if inside and inside[2] in _IN_BLOCK:
        return [(f"model.layers.{inside[1]}.{_IN_BLOCK[inside[2]]}.{inside[3]}", tensor)]
    return [(_OUTSIDE.get(name, name), tensor)]


def shape(checkpoint: Checkpoint) -> TransformerShape:
    """Read the sizes from LLaDA's own keys; refuse settings that the published checkpoints do not use."""
    config = checkpoint.config
    config.refuse("activation_type", "silu")
    config.refuse("block_type", "llama")
    config.refuse("layer_norm_type", "rms")
    for key in ("alibi", "attention_layer_norm", "include_bias", "input_emb_norm", "scale_logits"):
        config.refuse(key, False)
    width, heads = config.number("d_model"), config.number("n_heads")
    return checked(
        checkpoint,
        TransformerShape(
            vocabulary=config.number("embedding_size", config.number("vocab_size")),
            width=width,
            layers=config.number("n_layers"),
            heads=heads,
            kv_heads=config.number("n_kv_heads", heads),
            head_width=width // heads,
            rotary_width=width // heads,
            mlp_width=config.number("mlp_hidden_size", config.number("mlp_ratio", 4) * width),
            theta=config.rope_theta,
            eps=config.real("rms_norm_eps"),
            qkv_bias=config.flag("include_qkv_bias", False),
            tied=config.flag("weight_tying", False),
        ),
    )


def ids(checkpoint: Checkpoint) -> Ids:
    """Read the ids, all from config.json."""
    config = checkpoint.config
    end = config.token("eos_token_id")
    return Ids(mask=config.number("mask_token_id"), end=end, never=checkpoint.marks_but(end))


FAMILY = TransformerFamily(
    name="llada",
    claims=lambda it: it.config.model_type == "llada",
    shape=shape,
    ids=ids,
    renamed=renamed,
    shifted=False,
    block=None,
    lengths="lengths",
)
