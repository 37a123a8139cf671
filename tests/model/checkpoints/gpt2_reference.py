"""A second implementation of the DiT of MDLM, BD3-LM and SEDD, from its formulas: loops over heads, complex rotation.

It shares no code with the network under test, and writes tiny checkpoints under the names of the published weights.
"""

import cmath
import json
import math
from pathlib import Path

import torch
from safetensors.torch import save_file
from tiny import tokenizer
from torch import Tensor

WIDTH, LAYERS, HEADS, CONDITION, TOKENS = 24, 2, 3, 8, 257
"""The tokens are the bytes and the end of a text; the mask follows them."""
MASK, END = TOKENS, 256
Weights = dict[str, Tensor]

PUBLISHED = {
    "hidden_dim": WIDTH, "n_blocks": LAYERS, "n_heads": HEADS, "cond_dim": CONDITION, "vocab_size": TOKENS + 1,
    "model_length": 1024, "time_conditioning": False, "dropout": 0.1,
}  # fmt: skip
CONFIGS = {
    "mdlm": PUBLISHED | {"model_type": "mdlm"},
    "bd3lm": PUBLISHED | {"model_type": "bd3lm", "block_size": 4, "cross_attn": True, "var_min": True},
    "sedd": {
        "tokens": TOKENS, "ngpus": 8, "graph": {"type": "absorb"}, "noise": {"type": "loglinear"},
        "model": {
            "type": "ddit", "hidden_size": WIDTH, "cond_dim": CONDITION, "length": 1024, "n_blocks": LAYERS,
            "n_heads": HEADS, "scale_by_sigma": True, "dropout": 0.1,
        },
    },
}  # fmt: skip


def weights(seed: int) -> Weights:
    """Return random weights under the published names, without their prefix."""
    made: Weights = {"vocab_embed.embedding": torch.empty(TOKENS + 1, WIDTH)}
    linear = {"sigma_map.mlp.0": (CONDITION, 256), "sigma_map.mlp.2": (CONDITION, CONDITION)}
    linear |= {"output_layer.linear": (TOKENS + 1, WIDTH), "output_layer.adaLN_modulation": (2 * WIDTH, CONDITION)}
    for n in range(LAYERS):
        made |= {f"blocks.{n}.norm{it}.weight": torch.empty(WIDTH) for it in (1, 2)}
        made |= {f"blocks.{n}.attn_qkv.weight": torch.empty(3 * WIDTH, WIDTH)}
        made |= {f"blocks.{n}.attn_out.weight": torch.empty(WIDTH, WIDTH)}
        linear |= {f"blocks.{n}.mlp.0": (4 * WIDTH, WIDTH), f"blocks.{n}.mlp.2": (WIDTH, 4 * WIDTH)}
        linear |= {f"blocks.{n}.adaLN_modulation": (6 * WIDTH, CONDITION)}
    made["output_layer.norm_final.weight"] = torch.empty(WIDTH)
    for name, (rows, columns) in linear.items():
        made |= {f"{name}.weight": torch.empty(rows, columns), f"{name}.bias": torch.empty(rows)}
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(it.shape, generator=generator) * 0.3 for name, it in sorted(made.items())}


def checkpoint(folder: Path, family: str, seed: int = 0) -> Weights:
    """Write a checkpoint and return its weights."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIGS[family]))
    tokenizer(("<|endoftext|>",)).save(str(folder / "tokenizer.json"))
    made = weights(seed)
    prefix = "" if family == "sedd" else "backbone."
    stored = {prefix + name: it for name, it in made.items()}
    stored |= {f"{prefix}rotary_emb.inv_freq": torch.ones(WIDTH // HEADS // 2)}
    stored |= {"sampling_eps_min": torch.tensor(1e-3)} if family == "bd3lm" else {}
    save_file(stored, folder / "model.safetensors")
    return made


def logits(it: Weights, ids: list[int], places: list[int], seen: Tensor, sigma: float) -> Tensor:
    """Return logits (n, V) of one row whose position i attends to the positions where seen[i] is true."""
    told = silu(_linear(it, "sigma_map.mlp.2", silu(_linear(it, "sigma_map.mlp.0", _waves(sigma)))))
    x = it["vocab_embed.embedding"][ids]
    for n in range(LAYERS):
        shift1, scale1, gate1, shift2, scale2, gate2 = _linear(it, f"blocks.{n}.adaLN_modulation", told).split(WIDTH)
        near = _norm(x, it[f"blocks.{n}.norm1.weight"]) * (1 + scale1) + shift1
        x = x + gate1 * (
            _attention(near @ it[f"blocks.{n}.attn_qkv.weight"].T, places, seen) @ it[f"blocks.{n}.attn_out.weight"].T
        )
        near = _norm(x, it[f"blocks.{n}.norm2.weight"]) * (1 + scale2) + shift2
        x = x + gate2 * _linear(it, f"blocks.{n}.mlp.2", _gelu(_linear(it, f"blocks.{n}.mlp.0", near)))
    shift, scale = _linear(it, "output_layer.adaLN_modulation", told).split(WIDTH)
    return _linear(it, "output_layer.linear", _norm(x, it["output_layer.norm_final.weight"]) * (1 + scale) + shift)


def silu(x: Tensor) -> Tensor:
    return x / (1 + torch.exp(-x))


def _gelu(x: Tensor) -> Tensor:
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def _linear(it: Weights, name: str, x: Tensor) -> Tensor:
    return x @ it[f"{name}.weight"].T + it[f"{name}.bias"]


def _norm(x: Tensor, gain: Tensor) -> Tensor:
    centred = x - x.mean(1, keepdim=True)
    return centred / ((centred**2).mean(1, keepdim=True) + 1e-5).sqrt() * gain


def _waves(sigma: float) -> Tensor:
    rates = [10_000 ** (-k / 128) for k in range(128)]
    return torch.tensor([math.cos(sigma * it) for it in rates] + [math.sin(sigma * it) for it in rates])


def _attention(qkv: Tensor, places: list[int], seen: Tensor) -> Tensor:
    size = WIDTH // HEADS
    out = []
    for head in range(HEADS):
        q, k, v = (qkv[:, part * WIDTH + head * size :][:, :size] for part in range(3))
        score = (_turn(q, places) @ _turn(k, places).T / math.sqrt(size)).masked_fill(~seen, -math.inf)
        out.append(score.softmax(1) @ v)
    return torch.cat(out, dim=1)


def _turn(x: Tensor, places: list[int]) -> Tensor:
    half = x.shape[1] // 2
    angles = [[cmath.rect(1, place * 10_000 ** (-k / half)) for k in range(half)] for place in places]
    turned = torch.complex(x[:, :half].contiguous(), x[:, half:].contiguous()) * torch.tensor(angles)
    return torch.cat([turned.real, turned.imag], dim=1).float()
