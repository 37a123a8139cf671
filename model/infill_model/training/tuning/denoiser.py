"""Define the shallow denoiser in training, and the canvases it is trained on.

For many tokens of a row at once, the denoiser learns to predict the tokens that the encoder itself would write after
each of them, as far as the text and the encoder agree: up to and including the first token in which they differ. Some
canvases have a few of their masks revealed, so that a canvas can be written in several steps.

Shapes: T tokens of a row, A anchors, C canvas positions, D width, S tokens that
the denoiser may write; H query heads in G groups of R, of width E.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infill_model.coder.denoiser import CANVAS
from infill_model.errors import WeightsError
from infill_model.packing import low_rank
from infill_model.packing.converted import Converted
from infill_model.packing.denoiser_weights import DenoiserWeights
from infill_model.transformer.transformer import GroupedAttention, KeysValues, Layer, RmsNorm, rotary_of, turned

UNKNOWN: Final = -1
"""In a canvas: a mask. In targets: no target."""

SHOWN: Final = 0.15
"""Share of canvases in which some masks are revealed."""

_TOKEN_GAIN: Final = 2.0


@dataclass(frozen=True, slots=True)
class Canvases:
    """Canvases that follow tokens of one row.

    Attributes:
        anchors: (A,) int64, positions of the last tokens read.
        known: (A, C) int64, head token indices, `UNKNOWN` for masks.
        targets: (A, C) int64, tokens the encoder would write; `UNKNOWN` where that is not known or not a target.
    """

    anchors: Tensor
    known: Tensor
    targets: Tensor


class TrainedDenoiser(nn.Module):
    """The denoiser in float32: copies of the encoder's last layers with low-rank updates, and the start of a canvas."""

    def __init__(self, converted: Converted, rank: int, depth: int, ids: Tensor) -> None:
        """Begin with the encoder's last layers; `ids` (S,) int32 are the tokens that it may write."""
        super().__init__()
        self.ids = ids
        shape = converted.shape
        self.shape, self.embedding = shape, converted.weights["embedding.weight"]
        self.embedding_scale = converted.weights["embedding.scale"].float()
        self._in_order = [Layer(shape, 0) for _ in range(depth)]
        self.layers = nn.ModuleList(self._in_order)
        for own, layer in enumerate(self._in_order):
            layer.load_state_dict(_unpacked(converted, shape.layers - depth + own))
        self.updates = low_rank.attach(self.layers, rank)
        self.seed = nn.Parameter(torch.eye(shape.width))
        self.token = nn.Parameter(torch.eye(shape.width) * _TOKEN_GAIN)
        self.canvas = nn.Parameter(torch.zeros(CANVAS, shape.width))
        self.norm = RmsNorm(shape.width, shape.eps)
        self.norm.weight.data.copy_(converted.weights["norm"])
        self.head_ids = converted.weights["head.ids"].long()

    def forward(self, canvases: Canvases, residual: Tensor, past: Sequence[KeysValues]) -> Tensor:
        """Run all canvases of a row; each attends to the row up to its anchor, and to itself.

        Args:
            canvases: of the row.
            residual: (T, D), the encoder's residual stream below its last layers.
            past: keys and values (1, G, T, E) of these layers.

        Returns:
            Normalised states (A, C, D).
        """
        size, device = canvases.known.shape[1], residual.device
        positions = canvases.anchors.unsqueeze(1) + 1 + torch.arange(size, device=device)
        rotary = rotary_of(positions, self.shape.rotary_width, self.shape.theta, torch.float32)
        behind = torch.arange(len(residual), device=device) > canvases.anchors.unsqueeze(1)
        mask = torch.zeros(behind.shape, device=device).masked_fill_(behind, -math.inf)
        x = self._begin(canvases, residual)
        for layer, kept in zip(self._in_order, past, strict=True):
            x = x + _attention(layer.self_attn, layer.input_layernorm(x), rotary, mask, kept)
            x = x + layer.mlp(layer.post_attention_layernorm(x))
        out: Tensor = self.norm(x)
        return out

    def _begin(self, canvases: Canvases, residual: Tensor) -> Tensor:
        """Return the input (A, C, D), computed as `ShallowDenoiser` begins a canvas."""
        ids = self.head_ids[canvases.known.clamp(min=0).cpu()]
        embedded = self.embedding[ids].float() * self.embedding_scale[ids].unsqueeze(-1)
        known = F.linear(embedded.to(residual.device), self.token)
        known = known * (canvases.known != UNKNOWN).unsqueeze(-1)
        own = F.pad(known[:, 1:], (0, 0, 1, 0))
        return self.canvas + F.linear(residual[canvases.anchors], self.seed).unsqueeze(1) + known[:, :1] + own

    def stored(self) -> DenoiserWeights:
        """Return the weights in the form in which they are stored, with scaled factors."""
        tensors: dict[str, Tensor] = {f"layers.{name}.a": it.a for name, it in self.updates.items()}
        tensors |= {f"layers.{name}.b": it.b * low_rank.SCALE for name, it in self.updates.items()}
        rest = {"seed": self.seed, "token": self.token, "canvas": self.canvas, "norm": self.norm.weight}
        return DenoiserWeights(tensors | rest | {"ids": self.ids})

    def restore(self, stored: DenoiserWeights) -> None:
        """Resume from stored weights.

        Raises:
            WeightsError: the weights have another shape.
        """
        for name, it in self.stored().tensors.items():
            if name not in stored.tensors or stored.tensors[name].shape != it.shape:
                raise WeightsError(f"the denoiser's {name} is missing or has another shape")
        for name, update in self.updates.items():
            update.a.data.copy_(stored.tensors[f"layers.{name}.a"])
            update.b.data.copy_(stored.tensors[f"layers.{name}.b"] / low_rank.SCALE)
        for name in ("seed", "token", "canvas"):
            getattr(self, name).data.copy_(stored.tensors[name])
        self.norm.weight.data.copy_(stored.tensors["norm"])
        self.ids = stored.tensors["ids"]


def _attention(its: GroupedAttention, x: Tensor, rotary: Tensor, mask: Tensor, past: KeysValues) -> Tensor:
    """Map (A, C, D) to (A, C, D); mask (A, T) is added where a canvas looks at the row.

    A mask over all canvases at once would have them look at one another in vain, which costs more than the rest.
    """
    count, size, _ = x.shape
    groups, width = its.shape.kv_heads, its.shape.head_width
    q = turned(_heads(its.q_proj(x), width), rotary) * width**-0.5  # (A, H, C, E)
    k, v = turned(_heads(its.k_proj(x), width), rotary), _heads(its.v_proj(x), width)  # (A, G, C, E)
    q = q.view(count, groups, -1, size, width)  # (A, G, R, C, E)
    keys, values = past[0][0], past[1][0]  # (G, T, E)
    by_group = q.transpose(0, 1).reshape(groups, -1, width)
    row = (by_group @ keys.transpose(1, 2)).view(groups, count, -1, len(mask[0])) + mask.unsqueeze(1)
    own = (q.flatten(2, 3) @ k.transpose(2, 3)).transpose(0, 1)  # (G, A, R C, C)
    weights = torch.cat([row, own], 3).softmax(3)
    row, own = weights[..., :-size], weights[..., -size:]
    y = (row.reshape(groups, -1, len(mask[0])) @ values).view(groups, count, -1, width)
    y = y + own @ v.transpose(0, 1)
    y = y.view(groups, count, -1, size, width).permute(1, 3, 0, 2, 4).reshape(count, size, -1)
    out: Tensor = its.o_proj(y)
    return out


def _heads(x: Tensor, width: int) -> Tensor:
    """Reshape (A, C, heads x E) to (A, heads, C, E)."""
    return x.view(*x.shape[:2], -1, width).transpose(1, 2)


def canvases_of(row: Sequence[int], written: Sequence[int], start: int, count: int, rng: random.Random) -> Canvases:
    """Choose anchors in a row and place canvases after them.

    Args:
        row: head token indices, `UNKNOWN` for other tokens.
        written: the token the encoder would write after each token of the row, in the same form.
        start: the first token after which anything is written.
        count: maximum number of anchors; those nearest the end, where the gap is, come first, others are drawn.
        rng: draws the other anchors.
    """
    places = [it for it in range(start - 1, len(row) - 2) if row[it + 1] != UNKNOWN]
    last = places[-(count // 2) :]
    rest = rng.sample(places[: -len(last) or None], min(count - len(last), len(places) - len(last)))
    anchors = sorted([*rest, *last])
    both = [_canvas(row, written, it, rng) for it in anchors]
    known, targets = ([pair[it] for pair in both] for it in (0, 1))
    return Canvases(*(torch.tensor(it).view(len(anchors), *tail) for it, tail in (
        (anchors, ()), (known, (CANVAS,)), (targets, (CANVAS,)),
    )))  # fmt: skip


def _canvas(row: Sequence[int], written: Sequence[int], anchor: int, rng: random.Random) -> tuple[list[int], list[int]]:
    """Return the known tokens and the targets of one canvas."""
    known, targets = [row[anchor + 1], *[UNKNOWN] * (CANVAS - 1)], [UNKNOWN] * CANVAS
    for number in range(1, CANVAS):
        place = anchor + 1 + number
        targets[number] = written[place - 1] if place - 1 < len(row) else UNKNOWN
        if place >= len(row) or row[place] != targets[number]:
            break
    asked = [it for it in range(1, CANVAS) if targets[it] != UNKNOWN]
    if rng.random() < SHOWN and len(asked) > 1:
        for number in rng.sample(asked, rng.randrange(1, len(asked))):
            known[number], targets[number] = targets[number], UNKNOWN
    return known, targets


def _unpacked(converted: Converted, number: int) -> dict[str, Tensor]:
    """Return a layer's weights in float32 under the hub's names."""
    its, shape = f"layers.{number}.", converted.shape
    q, kv = shape.heads * shape.head_width, shape.kv_heads * shape.head_width
    parts = {
        "qkv": {"self_attn.q_proj": q, "self_attn.k_proj": kv, "self_attn.v_proj": kv},
        "out": {"self_attn.o_proj": shape.width},
        "gate_up": {"mlp.gate_proj": shape.mlp_width, "mlp.up_proj": shape.mlp_width},
        "down": {"mlp.down_proj": shape.width},
    }
    found = {
        "input_layernorm.weight": converted.weights[f"{its}attention_norm"],
        "post_attention_layernorm.weight": converted.weights[f"{its}mlp_norm"],
    }
    for joined, sizes in parts.items():
        weight, scale = (converted.weights[f"{its}{joined}.{it}"].float() for it in ("weight", "scale"))
        split = torch.split(weight * scale.unsqueeze(1), list(sizes.values()))
        found |= {f"{name}.weight": it.clone() for name, it in zip(sizes, split, strict=True)}
        bias = converted.weights.get(f"{its}{joined}.bias")
        if bias is not None:
            found |= {
                f"{n}.bias": it.clone() for n, it in zip(sizes, torch.split(bias, list(sizes.values())), strict=True)
            }
    return found
