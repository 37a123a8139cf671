"""The network: a deep causal encoder over clean code and a shallow bidirectional denoiser over the canvas.

The denoiser's layers attend to the canvas and to keys and values made from the encoder's output, as in E2D2
(Arriola et al. 2025) and DiffusionGemma, so that a denoising step costs only the shallow part. The encoder alone is an
autoregressive model with the same weights. Tensors only: must not depend on text, cache policy or the denoising loop.

Shapes: B rows, T context tokens, C canvas positions, K canvases per training row, D width, H query heads,
G key/value heads, E head width, V vocabulary.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infill_model.vocabulary import PAD

LOOK_BACK = 2
"""Tokens before a position whose embeddings are mixed into its own."""

SHARPNESS = 1.5
"""Initial gain of the normed queries. Without one no attention logit exceeds the square root of the head's width, or
half of that at a distance, and a head can hardly single out one token among a few hundred."""

_ZERO_AT_FIRST = ("attention.out.weight", "mlp.down.weight", "before.weight", "around.weight", "onward.weight")


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a network.

    Attributes:
        context: the maximum number of context tokens it was trained on.
        canvas: the maximum number of canvas positions it was trained on.
    """

    vocabulary: int
    width: int
    encoder_layers: int
    denoiser_layers: int
    heads: int
    kv_heads: int
    head_width: int
    mlp_width: int
    context: int
    canvas: int
    rope_theta: float = 10_000.0

    @property
    def positions(self) -> int:
        """The number of rotary positions: a full context, a full canvas, and an autoregressive tail."""
        return self.context + 2 * self.canvas + 8


def norm(x: Tensor) -> Tensor:
    """Apply RMSNorm without a gain: the linear map that follows every norm here can absorb it."""
    return F.rms_norm(x, x.shape[-1:])


def rotary_table(shape: Shape) -> Tensor:
    """Return (2, positions, E/2) float32, on the CPU: cosines and sines of RoPE (Su et al. 2021)."""
    half = shape.head_width // 2
    frequency = shape.rope_theta ** (-torch.arange(half, dtype=torch.float32, device="cpu") / half)
    angle = torch.outer(torch.arange(shape.positions, dtype=torch.float32, device="cpu"), frequency)
    return torch.stack([angle.cos(), angle.sin()])


def rotate(x: Tensor, rotary: Tensor) -> Tensor:
    """Rotate x (..., heads, n, E) to its positions; rotary (2, ..., n, E/2) broadcasts over the heads."""
    cos, sin = rotary[0], rotary[1]
    left, right = x.chunk(2, dim=-1)
    return torch.cat([left * cos - right * sin, right * cos + left * sin], dim=-1)


class Mlp(nn.Module):
    """SwiGLU (Shazeer 2020) with the gate and up projections in one matrix."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_up = nn.Linear(shape.width, 2 * shape.mlp_width, bias=False)
        self.down = nn.Linear(shape.mlp_width, shape.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., D) to (..., D)."""
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        out: Tensor = self.down(F.silu(gate) * up)
        return out


class Attention(nn.Module):
    """Projections of grouped-query attention with normed queries and keys; the caller supplies the attention mask."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.head_width = shape.heads, shape.kv_heads, shape.head_width
        self.qkv = nn.Linear(shape.width, (shape.heads + 2 * shape.kv_heads) * shape.head_width, bias=False)
        self.out = nn.Linear(shape.heads * shape.head_width, shape.width, bias=False)
        self.sharpness = nn.Parameter(torch.full((shape.heads, 1, 1), SHARPNESS))

    def project(self, x: Tensor, rotary: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map (B, n, D) to queries (B, H, n, E), keys (B, G, n, E) and values (B, G, n, E), with rotary positions."""
        qk, v = self.split(self.qkv(x), (self.heads + self.kv_heads, self.kv_heads))
        q, k = torch.split(rotate(norm(qk), rotary), [self.heads, self.kv_heads], dim=-3)
        return q * self.sharpness, k, v

    def split(self, x: Tensor, heads: tuple[int, ...]) -> tuple[Tensor, ...]:
        """Split (..., n, heads x E) into one (..., heads, n, E) for each group of heads."""
        x = x.view(*x.shape[:-1], sum(heads), self.head_width).transpose(-3, -2)
        return torch.split(x, list(heads), dim=-3)


class EncoderLayer(nn.Module):
    """A causal transformer layer."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.attention = Attention(shape)
        self.mlp = Mlp(shape)

    def forward(self, x: Tensor, rotary: Tensor) -> Tensor:
        """Map (B, T, D) to (B, T, D); each position sees itself and those to its left."""
        q, k, v = self.attention.project(norm(x), rotary)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        x = x + self.attention.out(y.transpose(1, 2).flatten(2))
        out: Tensor = x + self.mlp(norm(x))
        return out


class DenoiserLayer(nn.Module):
    """A bidirectional layer over the canvas that also attends to the encoder's output."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.attention = Attention(shape)
        self.context_kv = nn.Linear(2 * shape.width, 2 * shape.kv_heads * shape.head_width, bias=False)
        self.mlp = Mlp(shape)

    def project_context(self, memory: Tensor, rotary: Tensor) -> tuple[Tensor, Tensor]:
        """Project `Network.memory` (B, T, 2D) to the keys and values (B, G, T, E) that the canvas attends to."""
        g = self.attention.kv_heads
        k, v = self.attention.split(self.context_kv(memory), (g, g))
        return rotate(norm(k), rotary), v

    def forward(
        self, x: Tensor, rotary: Tensor, memory: Tensor, context_rotary: Tensor, attention_mask: Tensor
    ) -> Tensor:
        """Run one layer over K canvases for each of B context rows, for training.

        Args:
            x: (B, K, C, D) canvases.
            rotary: (2, B, K, 1, C, E/2).
            memory: (B, T, 2D), shared by the K canvases of a row.
            context_rotary: (2, T, E/2).
            attention_mask: (B, K, 1, 1, T + C) float: 0 where a canvas may attend, -inf elsewhere.

        Returns:
            (B, K, C, D).
        """
        b, k, c, _ = x.shape
        g, e = self.attention.kv_heads, self.attention.head_width
        q, key, value = self.attention.project(norm(x), rotary)
        context_key, context_value = self.project_context(memory, context_rotary)
        group = self.attention.heads // g
        q = q.reshape(b, k, g, group * c, e) * e**-0.5  # Query heads that share a key head become additional queries.
        t = context_key.shape[2]
        context_q = q.transpose(1, 2).reshape(b, g, k * group * c, e)
        scores = torch.cat(
            [
                (context_q @ context_key.transpose(-1, -2)).view(b, g, k, group * c, t).transpose(1, 2),
                q @ key.transpose(-1, -2),
            ],
            dim=-1,
        )
        weights = (scores + attention_mask).softmax(dim=-1)
        context_weights = weights[..., :t].transpose(1, 2).reshape(b, g, k * group * c, t)
        y = (context_weights @ context_value).view(b, g, k, group * c, e).transpose(1, 2) + weights[..., t:] @ value
        y = y.reshape(b, k, self.attention.heads, c, e).transpose(2, 3).flatten(3)
        x = x + self.attention.out(y)
        out: Tensor = x + self.mlp(norm(x))
        return out


class Network(nn.Module):
    """Encoder, denoiser and the embedding they share."""

    rotary: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        # Random numbers and ranges on the meta device would import torch's compiler, which takes two seconds.
        self.embedding = nn.Embedding(shape.vocabulary, shape.width, _weight=torch.empty(shape.vocabulary, shape.width))
        self.pinned = nn.Parameter(torch.zeros(shape.width))
        self.before = nn.Linear(LOOK_BACK * shape.width, shape.width, bias=False)
        self.around = nn.Linear((LOOK_BACK + 1) * shape.width, shape.width, bias=False)
        self.onward = nn.Linear(shape.width, shape.width, bias=False)
        self.encoder = nn.ModuleList(EncoderLayer(shape) for _ in range(shape.encoder_layers))
        self.denoiser = nn.ModuleList(DenoiserLayer(shape) for _ in range(shape.denoiser_layers))
        self.register_buffer("rotary", rotary_table(shape), persistent=False)
        self.head: nn.Module | None = None
        """The output matrix in another format; None where the embeddings themselves are multiplied with."""

    def initialise(self, seed: int) -> "Network":
        """Initialise the weights at random: normal, and zeros where a layer writes to the residual stream."""
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                if name == "pinned" or name.endswith(_ZERO_AT_FIRST):
                    parameter.zero_()
                elif not name.endswith("sharpness"):
                    fan_in = parameter.shape[1]
                    parameter.normal_(0.0, fan_in**-0.5, generator=generator)
        return self

    @property
    def encoder_layers(self) -> list[EncoderLayer]:
        """The encoder's layers, in order."""
        return [layer for layer in self.encoder if isinstance(layer, EncoderLayer)]

    @property
    def denoiser_layers(self) -> list[DenoiserLayer]:
        """The denoiser's layers, in order."""
        return [layer for layer in self.denoiser if isinstance(layer, DenoiserLayer)]

    def embed(self, ids: Tensor) -> Tensor:
        """Map (...) int64 to (..., D); zeros for padding."""
        return norm(self.embedding(ids)) * (ids != PAD).unsqueeze(-1)

    def embed_context(self, ids: Tensor) -> Tensor:
        """Map (B, T) int64 to (B, T, D), mixing the preceding tokens into each position.

        Finding where the last tokens occurred before, and what followed, is the first thing a small model has to learn;
        this takes half of it off the attention (token shift, Peng et al. 2023; KV shifting, Xu et al. 2024).
        """
        x = self.embed(ids)
        out: Tensor = x + self.before(torch.cat([_moved(x, n) for n in range(1, LOOK_BACK + 1)], dim=-1))
        return out

    def memory(self, encoded: Tensor, embedded: Tensor) -> Tensor:
        """Return what the canvas attends to: the encoder's next-token prediction at each position, and its token.

        (B, T, D) from `encode` and (B, T, D) from `embed_context` -> (B, T, 2D).
        """
        return torch.cat([encoded, norm(embedded)], dim=-1)

    def embed_canvas(self, ids: Tensor, pinned: Tensor, left: Tensor, expected: Tensor) -> tuple[Tensor, Tensor]:
        """Return the embedding of each canvas position, and that of its surroundings; the denoiser works on the sum.

        Args:
            ids: (..., C) int64.
            pinned: (..., C) bool; these positions are marked by a learned vector.
            left: (..., LOOK_BACK) int64, the last context tokens, `PAD` where there are none.
            expected: (..., D), the encoder's output at the last context token; it predicts the first canvas position.

        Returns:
            (..., C, D) and (..., C, D).
        """
        return self.surround(self.embed(torch.cat([left, ids], dim=-1)), pinned, expected)

    def surround(self, x: Tensor, pinned: Tensor, expected: Tensor) -> tuple[Tensor, Tensor]:
        """Return what `embed_canvas` does, for embeddings x (..., LOOK_BACK + C, D) of the last context and canvas."""
        near = [_moved(x, n)[..., LOOK_BACK:, :] for n in (*range(1, LOOK_BACK + 1), -1)]
        own = x[..., LOOK_BACK:, :] + pinned.unsqueeze(-1).to(self.pinned.dtype) * self.pinned
        first = F.pad(self.onward(expected).unsqueeze(-2), (0, 0, 0, pinned.shape[-1] - 1))
        return own, self.around(torch.cat(near, dim=-1)) + first

    def logits(self, x: Tensor) -> Tensor:
        """Map (..., D) normed states to (..., V)."""
        out: Tensor = F.linear(x, self.embedding.weight) if self.head is None else self.head(x)
        return out

    def encode(self, ids: Tensor) -> Tensor:
        """Map clean code (B, T) to normed encoder output (B, T, D), without a cache."""
        x = self.embed_context(ids)
        rotary = self.rotary[:, : ids.shape[1]]
        for layer in self.encoder:
            x = layer(x, rotary)
        return norm(x)

    def denoise(
        self, context: Tensor, encoded: Tensor, visible: Tensor, ids: Tensor, pinned: Tensor, valid: Tensor
    ) -> Tensor:
        """Denoise many canvases against shared contexts, for training.

        Args:
            context: (B, T) int64, the clean code.
            encoded: (B, T, D), the output of `encode` for `context`.
            visible: (B, K) int64; canvas k of a row sees the first `visible` context tokens and follows them.
            ids: (B, K, C) int64.
            pinned: (B, K, C) bool.
            valid: (B, K, C) bool; false on padding.

        Returns:
            (B, K, C, D) normed states.
        """
        t, c = encoded.shape[1], ids.shape[2]
        positions = visible.unsqueeze(-1) + torch.arange(c, device=ids.device)  # (B, K, C)
        rotary = self.rotary[:, positions].unsqueeze(3)  # (2, B, K, 1, C, E/2)
        in_context = torch.arange(t, device=ids.device) < visible.unsqueeze(-1)  # (B, K, T)
        attention_mask = torch.cat([in_context, valid], dim=-1)[:, :, None, None]  # (B, K, 1, 1, T + C)
        attention_mask = torch.zeros_like(attention_mask, dtype=encoded.dtype).masked_fill(
            ~attention_mask, float("-inf")
        )
        back = visible.unsqueeze(-1) + torch.arange(-LOOK_BACK, 0, device=ids.device)  # (B, K, LOOK_BACK)
        left = context.gather(1, back.clamp_min(0).flatten(1)).view_as(back).masked_fill(back < 0, PAD)
        last = (visible - 1).clamp_min(0).unsqueeze(-1).expand(-1, -1, encoded.shape[-1])
        x, near = self.embed_canvas(ids, pinned, left, encoded.gather(1, last))
        x, memory = x + near, self.memory(encoded, self.embed_context(context))
        for layer in self.denoiser:
            x = layer(x, rotary, memory, self.rotary[:, :t], attention_mask)
        return norm(x)


def _moved(x: Tensor, places: int) -> Tensor:
    """Shift (..., n, D) right by some positions (left if negative), filling with zeros."""
    empty = torch.zeros_like(x[..., : abs(places), :])
    pieces = [empty, x[..., :-places, :]] if places > 0 else [x[..., -places:, :], empty]
    return torch.cat(pieces, dim=-2)
