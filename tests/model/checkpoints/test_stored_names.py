"""Compare weight names in published checkpoints with those of the network, without any weights."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from infill_model.families import llada, llada2
from infill_model.families.family import TransformerFamily
from infill_model.files.checkpoint import Checkpoint
from infill_model.transformer.transformer import Transformer, TransformerShape

LLADA = {
    "model_type": "llada", "d_model": 16, "n_layers": 1, "n_heads": 2, "vocab_size": 20, "mlp_hidden_size": 24,
    "rms_norm_eps": 1e-5, "rope_theta": 5e5, "eos_token_id": 1, "mask_token_id": 2,
}  # fmt: skip
LLADA2 = {
    "model_type": "llada2_moe", "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4, "head_dim": 8,
    "num_key_value_heads": 2, "vocab_size": 20, "intermediate_size": 24, "rms_norm_eps": 1e-6, "rope_theta": 6e5,
    "partial_rotary_factor": 0.5, "num_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 8,
    "num_shared_experts": 1, "first_k_dense_replace": 1, "pad_token_id": 1,
}  # fmt: skip
BLOCK = "model.transformer.blocks.0."
LLADA_NAMES = [
    *(f"model.transformer.{it}.weight" for it in ("wte", "ln_f", "ff_out")),
    *(
        f"{BLOCK}{it}.weight"
        for it in ["attn_norm", "q_proj", "k_proj", "v_proj", "attn_out", "ff_norm", "ff_proj", "up_proj", "ff_out"]
    ),
]
ATTENTION = "attention.dense attention.query_layernorm attention.key_layernorm input_layernorm post_attention_layernorm"
MLP = ("gate_proj", "up_proj", "down_proj")
LLADA2_NAMES = [
    "model.word_embeddings.weight", "model.norm.weight", "lm_head.weight", "model.layers.1.mlp.gate.expert_bias",
    "model.layers.1.mlp.gate.weight",
    *(f"model.layers.{n}.attention.query_key_value.weight" for n in range(2)),
    *(f"model.layers.{n}.{it}.weight" for n in range(2) for it in ATTENTION.split()),
    *(f"model.layers.0.mlp.{it}.weight" for it in MLP),
    *(f"model.layers.1.mlp.{at}.{it}.weight" for at in ("experts.0", "experts.1", "shared_experts") for it in MLP),
]  # fmt: skip


def opened(folder: Path, config: dict[str, object]) -> Checkpoint:
    (folder / "config.json").write_text(json.dumps(config))
    return Checkpoint.open(folder)


def own_names(family: TransformerFamily, shape: TransformerShape, stored: list[str]) -> list[str]:
    rows = (shape.heads + 2 * shape.kv_heads) * shape.head_width
    return [name for it in stored for name, _ in family.renamed(it, torch.zeros(rows, 16), shape)]


@pytest.mark.parametrize(
    ("family", "config", "stored"), [(llada.FAMILY, LLADA, LLADA_NAMES), (llada2.FAMILY, LLADA2, LLADA2_NAMES)]
)
def test_every_stored_tensor_has_its_place_and_every_place_a_tensor(
    family: TransformerFamily, config: dict[str, object], stored: list[str], tmp_path: Path
) -> None:
    checkpoint = opened(tmp_path, config)
    assert family.claims(checkpoint)
    shape = family.shape(checkpoint)
    with torch.device("meta"):
        network = Transformer(shape)
    assert sorted(own_names(family, shape, stored)) == sorted(network.state_dict())


def test_fused_projections_are_queries_then_keys_then_values(tmp_path: Path) -> None:
    shape = llada2.FAMILY.shape(opened(tmp_path, LLADA2))
    rows: Tensor = torch.arange(64).unsqueeze(1)
    parts = dict(llada2.renamed("model.layers.0.attention.query_key_value.weight", rows, shape))
    assert [it.flatten()[[0, -1]].tolist() for it in parts.values()] == [[0, 31], [32, 47], [48, 63]]
    assert [name.split(".")[-2] for name in parts] == ["q_proj", "k_proj", "v_proj"]


def test_llada_names_its_gate_ff_proj(tmp_path: Path) -> None:
    shape = llada.FAMILY.shape(opened(tmp_path, LLADA))
    assert [name for name, _ in llada.renamed(f"{BLOCK}ff_proj.weight", torch.zeros(1), shape)] == [
        "model.layers.0.mlp.gate_proj.weight"
    ]
