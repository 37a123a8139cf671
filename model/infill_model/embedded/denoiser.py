"""The embedded model as a denoiser: a cached encoder, and a step over the canvas alone.

Must not depend on text or policies.

Shapes: B fills, T context tokens (the longest of the batch), C canvas positions, D width, H query heads, G key/value
heads, E head width, N positions requested, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from infill_model.denoising.canvas import Canvas
from infill_model.embedded.kv_cache import EncoderCache
from infill_model.embedded.network import LOOK_BACK, DenoiserLayer, Network, norm
from infill_model.vocabulary import MASK, PAD

CACHES = 4
"""How many contexts are kept: enough for a few places between which a user moves back and forth."""


@dataclass(frozen=True, slots=True)
class EncodedContext:
    """The denoiser's view of the contexts of a batch.

    Attributes:
        lengths: (B,) int64, the number of context tokens of each fill.
        last: (B, LOOK_BACK) int64, the last context tokens; `PAD` where a context is shorter.
        expected: (B, D), the encoder's output at the last token; zeros for an empty context.
        longest: T.
        keys_values: per denoiser layer (2, B, G, P, E), P > T. The canvas's own keys and values are written from T on;
            positions to the right of a shorter context are never read.
        even: whether all lengths are T, so that no mask is needed.
    """

    lengths: Tensor
    last: Tensor
    expected: Tensor
    longest: int
    keys_values: tuple[Tensor, ...]
    even: bool

    @property
    def batch(self) -> int:
        """The number of fills this context serves."""
        return len(self.lengths)


class EmbeddedDenoiser:
    """`Denoiser` over a `Network`; not thread-safe."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._most = CACHES
        self._caches = [EncoderCache(network)]

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return self.network.embedding.weight.device

    def forget(self) -> None:
        """Drop all caches."""
        self._caches = [EncoderCache(self.network)]

    def reserve(self, contexts: int) -> None:
        """Keep as many contexts as a batch of this many needs, so that each can be reused."""
        self._most = max(CACHES, contexts)
        self._caches = self._caches[-self._most :]

    def cache_for(self, ids: Sequence[int], beside: Sequence[EncoderCache] = ()) -> EncoderCache:
        """Return a cache that now holds `ids`, reusing the longest common prefix; the oldest cache is dropped.

        Args:
            ids: of a context.
            beside: caches whose contexts will be reused; the prefix they share with `ids` is copied.
        """
        ids = list(ids)
        best = max(self._caches, key=lambda it: it.common_prefix(ids))
        shared = best.common_prefix(ids)
        if best.ids and best.ids != ids and (best in beside or shared < len(ids) // 4):
            other = EncoderCache(self.network) if len(self._caches) < self._most else self._caches[0]
            if best in beside and other is not best:
                other.copy(best, shared)
            best = other
        self._caches = [it for it in self._caches if it is not best] + [best]
        best.encode(ids)
        return best

    @torch.no_grad()
    def encode(self, contexts: Sequence[Sequence[int]]) -> EncodedContext:
        """Encode one context per fill; equal contexts only once."""
        lengths = [len(it) for it in contexts]
        longest = max(lengths)
        shape = self.network.shape
        size = (2, len(contexts), shape.kv_heads, shape.positions, shape.head_width)
        new = partial(torch.zeros, device=self.device, dtype=self.network.rotary.dtype)
        if len(contexts) == 1:
            cache = self.cache_for(contexts[0])
            layers, expected = tuple(cache.keys_values()), [cache.last_state]
        else:
            layers, expected = tuple(new(size) for _ in self.network.denoiser_layers), []
            beside: list[EncoderCache] = []
            for row, ids in enumerate(contexts):
                cache = self.cache_for(ids, beside)
                beside.append(cache)
                expected.append(cache.last_state)
                for layer, cached in zip(layers, cache.keys_values(), strict=True):
                    layer[:, row, :, : len(ids)] = cached[:, 0, :, : len(ids)]
        last = [[PAD] * (LOOK_BACK - len(it)) + list(it[-LOOK_BACK:]) for it in contexts]
        return EncodedContext(
            lengths=torch.tensor(lengths, device=self.device),
            last=torch.tensor(last, device=self.device),
            expected=torch.stack(expected),
            longest=longest,
            keys_values=layers,
            even=min(lengths) == longest,
        )

    @torch.no_grad()
    def logits(self, context: EncodedContext, canvas: Canvas, where: Tensor) -> Tensor:
        """Return (N, V) float32 logits at the positions where `where` (B, C) is true."""
        real = canvas.ids != PAD
        own = None if context.even and bool(real.all()) else real.unsqueeze(1).expand(-1, real.shape[1], -1)
        x, near = self.network.embed_canvas(canvas.ids, canvas.pinned, context.last, context.expected)
        states = self._forward(context, x + near, self._rotary(context, canvas), own)
        return self._logits(states, where)

    @torch.no_grad()
    def logits_with_shadow(
        self, context: EncodedContext, canvas: Canvas, where: Tensor, shadows: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the logits, and those of each position as if it alone were masked.

        Shadows are masks at the same rotary positions as the canvas; each sees the canvas without its original, and
        itself, and is seen by no other position (WINO, arXiv 2507.18578).
        """
        c = canvas.ids.shape[1]
        x, near = self.network.embed_canvas(canvas.ids, canvas.pinned, context.last, context.expected)
        masks = self.network.embed(torch.full_like(canvas.ids, MASK))
        rotary = self._rotary(context, canvas)
        own = _shadow_mask(c, self.device) & (canvas.ids != PAD).repeat(1, 2).unsqueeze(1)
        both = self._forward(
            context, torch.cat([x + near, masks + near], dim=1), torch.cat([rotary, rotary], dim=-2), own
        )
        return self._logits(both[:, :c], where), self._logits(both[:, c:], shadows)

    def _logits(self, states: Tensor, where: Tensor) -> Tensor:
        """Map states (B, C, D) to (N, V) float32 logits at the positions where `where` (B, C) is true."""
        return self.network.logits(norm(states[where])).float()

    def _rotary(self, context: EncodedContext, canvas: Canvas) -> Tensor:
        """Return cosines and sines (2, C, E/2), or (2, B, 1, C, E/2) if the contexts differ in length."""
        c, table = canvas.ids.shape[1], self.network.rotary
        if context.even:
            start = context.longest
            return table[:, start : start + c]
        positions = context.lengths.unsqueeze(1) + torch.arange(c, device=self.device)
        return table[:, positions].unsqueeze(2)

    def _forward(self, context: EncodedContext, x: Tensor, rotary: Tensor, own: Tensor | None) -> Tensor:
        """Map (B, n, D) embeddings to (B, n, D) states; `own` (B, n, n) masks the canvas, None for full attention."""
        net = self.network
        mask = None
        if own is not None:
            seen = torch.arange(context.longest, device=self.device) < context.lengths.view(-1, 1, 1)
            mask = torch.cat([seen.expand(-1, own.shape[1], -1), own], dim=-1).unsqueeze(1)  # (B, 1, n, T + n)
        for layer, cached in zip(net.denoiser_layers, context.keys_values, strict=True):
            x = _layer(layer, x, rotary, cached, context.longest, mask)
        return x


def _layer(layer: DenoiserLayer, x: Tensor, rotary: Tensor, cached: Tensor, start: int, mask: Tensor | None) -> Tensor:
    """Run one denoiser layer over (B, n, D); write its keys and values to `cached` (2, B, G, P, E) at `start`."""
    q, k, v = layer.attention.project(norm(x), rotary)
    end = start + x.shape[1]
    cached[0, :, :, start:end] = k
    cached[1, :, :, start:end] = v
    keys, values = cached[:, :, :, :end]
    y = F.scaled_dot_product_attention(q, keys, values, attn_mask=mask, enable_gqa=True)
    x = x + layer.attention.out(y.transpose(1, 2).flatten(2))
    out: Tensor = x + layer.mlp(norm(x))
    return out


def _shadow_mask(c: int, device: torch.device) -> Tensor:
    """Return (2C, 2C) bool: the attention mask over [canvas, shadows]."""
    eye = torch.eye(c, dtype=torch.bool, device=device)
    everyone = torch.ones_like(eye)
    return torch.cat([torch.cat([everyone, ~eye]), torch.cat([~everyone, eye])], dim=1)
