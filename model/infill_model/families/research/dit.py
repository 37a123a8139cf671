"""The network of MDLM, BD3-LM and SEDD: a DiT conditioned on the noise level of its row.

Layers are normed without a bias, and each norm is shifted, scaled and gated by a small network's output for sigma, the
total noise. Positions are rotary. Parameters have the names of the published weights. Must not depend on tokens or
noise schedules: the caller supplies sigma, zero for models that were trained without it.

Written from the architecture in kuleshov-group/mdlm (models/dit.py), kuleshov-group/bd3lms and
louaaron/Score-Entropy-Discrete-Diffusion (model/transformer.py), after Peebles and Xie, arXiv 2212.09748.

Shapes: B rows, n positions run, P positions cached, D width, H heads, E head width, V vocabulary, K width of the
condition.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infill_model.transformer.transformer import Backbone, KeysValues, rotary_of, turned

_FREQUENCIES: Final = 256
_PERIOD: Final = 10_000.0
_THETA: Final = 10_000.0
_MLP: Final = 4


@dataclass(frozen=True, slots=True)
class DitShape:
    """Sizes of a network.

    Attributes:
        vocabulary: V, the mask included.
        width: D.
        layers: the number of layers.
        heads: H.
        condition: K.
    """

    vocabulary: int
    width: int
    layers: int
    heads: int
    condition: int


class _Norm(nn.Module):
    """Layer norm with a gain and no bias, computed in float32."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
        """Norm (B, n, D), then scale and shift it by (B, 1, D) each."""
        normed = F.layer_norm(x.float(), [x.shape[-1]]).to(x.dtype) * self.weight
        return normed * (1 + scale) + shift


class _Embedding(nn.Module):
    def __init__(self, vocabulary: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.empty(vocabulary, width))

    def forward(self, ids: Tensor) -> Tensor:
        return F.embedding(ids, self.embedding)


class _SigmaMap(nn.Module):
    """The layers' embedding of the noise level: sines and cosines of sigma through two linear maps."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(_FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, sigma: Tensor, dtype: torch.dtype) -> Tensor:
        """Map (B,) to (B, K)."""
        half = _FREQUENCIES // 2
        powers = torch.arange(half, dtype=torch.float32, device=sigma.device) / half
        angle = sigma.float().unsqueeze(1) * torch.exp(-math.log(_PERIOD) * powers)
        out: Tensor = self.mlp(torch.cat([angle.cos(), angle.sin()], dim=1).to(dtype))
        return F.silu(out)


class _Block(nn.Module):
    def __init__(self, shape: DitShape) -> None:
        super().__init__()
        width = shape.width
        self.heads = shape.heads
        self.norm1 = _Norm(width)
        self.attn_qkv = nn.Linear(width, 3 * width, bias=False)
        self.attn_out = nn.Linear(width, width, bias=False)
        self.norm2 = _Norm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, _MLP * width), nn.GELU(approximate="tanh"), nn.Linear(_MLP * width, width)
        )
        self.adaLN_modulation = nn.Linear(shape.condition, 6 * width)

    def forward(
        self, x: Tensor, rotary: Tensor, told: Tensor, attention_mask: Tensor | None, past: KeysValues | None
    ) -> tuple[Tensor, KeysValues]:
        """Map (B, n, D) to (B, n, D), and return the keys and values of everything attended to; told (B, K)."""
        shift1, scale1, gate1, shift2, scale2, gate2 = self.adaLN_modulation(told).unsqueeze(1).chunk(6, dim=2)
        heads = self.attn_qkv(self.norm1(x, shift1, scale1)).view(*x.shape[:2], 3, self.heads, -1)
        q, k, v = heads.permute(2, 0, 3, 1, 4)
        q, k = turned(q, rotary), turned(k, rotary)
        if past is not None:
            k, v = torch.cat([past[0], k], dim=2), torch.cat([past[1], v], dim=2)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=attention_mask)
        x = x + gate1 * self.attn_out(y.transpose(1, 2).flatten(2))
        return x + gate2 * self.mlp(self.norm2(x, shift2, scale2)), (k, v)


class _Output(nn.Module):
    def __init__(self, shape: DitShape) -> None:
        super().__init__()
        self.norm_final = _Norm(shape.width)
        self.linear = nn.Linear(shape.width, shape.vocabulary)
        self.adaLN_modulation = nn.Linear(shape.condition, 2 * shape.width)


class Dit(Backbone):
    """The whole network."""

    def __init__(self, shape: DitShape) -> None:
        super().__init__()
        self.shape = shape
        self.vocab_embed = _Embedding(shape.vocabulary, shape.width)
        self.sigma_map = _SigmaMap(shape.condition)
        self.blocks = nn.ModuleList(_Block(shape) for _ in range(shape.layers))
        self.output_layer = _Output(shape)

    @property
    def vocabulary(self) -> int:
        """The vocabulary size V."""
        return self.shape.vocabulary

    def forward(
        self,
        ids: Tensor,
        positions: Tensor,
        attention_mask: Tensor | None = None,
        past: Sequence[KeysValues] | None = None,
        *,
        sigma: Tensor | None = None,
    ) -> tuple[Tensor, list[KeysValues]]:
        """Run some positions, as in `Backbone.forward`; sigma (B,) is the noise of each row, zero if None."""
        x = self.vocab_embed(ids)
        told = self.sigma_map(torch.zeros(len(ids), device=ids.device) if sigma is None else sigma, x.dtype)
        rotary = rotary_of(positions, self.shape.width // self.shape.heads, _THETA, x.dtype)
        mask = None if attention_mask is None else attention_mask.unsqueeze(1)
        kept = []
        for number, block in enumerate(self.blocks):
            x, keys_values = block(x, rotary, told, mask, past[number] if past else None)
            kept.append(keys_values)
        shift, scale = self.output_layer.adaLN_modulation(told).unsqueeze(1).chunk(2, dim=2)
        return self.output_layer.norm_final(x, shift, scale), kept

    def logits(self, states: Tensor) -> Tensor:
        """Map (..., D) to (..., V) float32."""
        out: Tensor = self.output_layer.linear(states)
        return out.float()
