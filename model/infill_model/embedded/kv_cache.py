"""Keys and values of the code around a gap, kept exactly across steps and keystrokes.

The encoder is causal and the gap comes last in its order, so typing only changes the end of the row: the longest common
prefix with the cached row is kept, and the rest is encoded anew. Logits from a reused cache equal those computed from
scratch. Must not depend on text, canvases or when to fill.

Shapes: T context tokens, n new tokens, P rotary positions, D width, H query heads, G key/value heads, E head width.
"""

from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from infill_model.embedded.network import LOOK_BACK, EncoderLayer, Network, norm


class EncoderCache:
    """The encoded row of one context, as far as it is valid."""

    def __init__(self, network: Network) -> None:
        shape = network.shape
        new = partial(torch.zeros, device=network.embedding.weight.device, dtype=network.rotary.dtype)
        slots = (2, 1, shape.kv_heads, shape.positions, shape.head_width)
        self.network = network
        self.ids: list[int] = []
        self.reused = 0
        self._encoder = [new(slots) for _ in range(shape.encoder_layers)]
        self._denoiser = [new(slots) for _ in range(shape.denoiser_layers)]
        self._projected = 0
        self.states = new((shape.positions, shape.width))

    def common_prefix(self, ids: Sequence[int]) -> int:
        """Return how many leading tokens of `ids` are already encoded."""
        shared = 0
        for cached, wanted in zip(self.ids, ids, strict=False):
            if cached != wanted:
                break
            shared += 1
        return shared

    @property
    def last_state(self) -> Tensor:
        """(D,), a copy of the encoder's output at the last token; zeros if there is none."""
        return self.states[len(self.ids) - 1].clone() if self.ids else torch.zeros_like(self.states[0])

    def copy(self, other: "EncoderCache", count: int) -> None:
        """Copy the first `count` tokens of another cache."""
        self.ids, self._projected = other.ids[:count], min(count, other._projected)
        for own, its in zip((*self._encoder, *self._denoiser), (*other._encoder, *other._denoiser), strict=True):
            own[:, :, :, :count] = its[:, :, :, :count]
        self.states[:count] = other.states[:count]

    @torch.no_grad()
    def encode(self, ids: Sequence[int]) -> None:
        """Make the cache hold exactly `ids`.

        Raises:
            ValueError: there are more ids than rotary positions.
        """
        if len(ids) > self.network.shape.positions:
            raise ValueError(f"{len(ids)} context tokens do not fit {self.network.shape.positions} positions")
        self.reused = self.common_prefix(ids)
        self._projected = min(self._projected, self.reused)
        self.ids = list(ids)
        if self.reused < len(ids):
            self._extend()

    def _extend(self) -> None:
        """Encode the ids after the part that is kept."""
        net, start, end = self.network, self.reused, len(self.ids)
        rotary = net.rotary[:, start:end]
        x = self._embedded(start)
        for layer, cache in zip(net.encoder_layers, self._encoder, strict=True):
            x = _encoder_layer(layer, x, rotary, cache, start)
        self.states[start:end] = norm(x)[0]

    def _embedded(self, start: int) -> Tensor:
        """Return (1, n, D), the embedded ids from `start` on."""
        seen = max(0, start - LOOK_BACK)
        ids = torch.tensor([self.ids[seen:]], device=self.states.device)
        return self.network.embed_context(ids)[:, start - seen :]

    @torch.no_grad()
    def branches(self, stem: Sequence[int], rows: Sequence[Sequence[int]]) -> Tensor:
        """Encode a stem that follows the cached row, and rows that each follow the stem alone.

        One forward pass for all of them; the cache stays as it is.

        Args:
            stem: ids, at least one.
            rows: ids; none longer than the rotary positions that the stem leaves.

        Returns:
            Encoder output (n, D): the stem's, then the rows' one after another.
        """
        net, start, device = self.network, len(self.ids), self.states.device
        last = [*self.ids, *stem][-LOOK_BACK:]
        # Each piece is embedded after its context, and the context is cut off again.
        pieces = [(self.ids[-LOOK_BACK:], stem)] + [(last, it) for it in rows]
        embedded = [
            net.embed_context(torch.tensor([[*left, *it]], device=device))[:, len(left) :] for left, it in pieces if it
        ]
        x = torch.cat(embedded, 1)
        owner = torch.tensor([n for n, (_, it) in enumerate(pieces) for _ in it], device=device)
        place = torch.tensor(
            [n + (len(stem) if piece else 0) for piece, (_, it) in enumerate(pieces) for n in range(len(it))],
            device=device,
        )
        own = ((owner.unsqueeze(1) == owner) | (owner == 0)) & (place.unsqueeze(1) >= place)
        mask = torch.cat([own.new_ones(len(own), start), own], dim=1)  # (n, T + n)
        for layer, cache in zip(net.encoder_layers, self._encoder, strict=True):
            q, k, v = layer.attention.project(norm(x), net.rotary[:, start + place])
            keys, values = (torch.cat([old[:, :, :start], new], dim=2) for old, new in zip(cache, (k, v), strict=True))
            y = F.scaled_dot_product_attention(q, keys, values, attn_mask=mask, enable_gqa=True)
            x = _rest_of_layer(layer, x, y)
        return norm(x)[0]

    @torch.no_grad()
    def keys_values(self) -> list[Tensor]:
        """Return the context's keys and values for each denoiser layer: (2, 1, G, P, E), valid until the next `encode`.

        The first T places hold the context; those after it are free for the canvas.
        """
        start, end = self._projected, len(self.ids)
        if start < end:
            x = self.network.memory(self.states[start:end].unsqueeze(0), self._embedded(start))
            rotary = self.network.rotary[:, start:end]
            for layer, cache in zip(self.network.denoiser_layers, self._denoiser, strict=True):
                cache[:, :, :, start:end] = torch.stack(layer.project_context(x, rotary))
            self._projected = end
        return self._denoiser


def _encoder_layer(layer: EncoderLayer, x: Tensor, rotary: Tensor, cache: Tensor, start: int) -> Tensor:
    """Run one causal layer over n new positions (1, n, D); `cache` (2, 1, G, P, E) holds everything to their left."""
    n = x.shape[1]
    q, k, v = layer.attention.project(norm(x), rotary)
    cache[0, :, :, start : start + n] = k
    cache[1, :, :, start : start + n] = v
    keys, values = cache[:, :, :, : start + n]
    mask = None
    if n > 1 and start > 0:
        mask = torch.ones(n, start + n, dtype=torch.bool, device=x.device).tril(start)
    causal = n > 1 and start == 0
    y = F.scaled_dot_product_attention(q, keys, values, attn_mask=mask, is_causal=causal, enable_gqa=True)
    return _rest_of_layer(layer, x, y)


def _rest_of_layer(layer: EncoderLayer, x: Tensor, y: Tensor) -> Tensor:
    """Add the output of attention (1, H, n, E), then the MLP's, to the residual stream (1, n, D)."""
    x = x + layer.attention.out(y.transpose(1, 2).flatten(2))
    out: Tensor = x + layer.mlp(norm(x))
    return out
