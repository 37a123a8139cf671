"""Drafts a continuation for a causal encoder: a shallow bidirectional denoiser on the encoder's caches.

A canvas holds the token committed last and masks after it. Every position starts from the encoder's residual stream at
the last token it read, and sees the whole canvas and, layer for layer, the encoder's own keys and values of everything
read (after DFlash, arXiv 2602.06036, which projects features of several layers instead). The denoising loop writes the
canvas; the encoder then reads the draft and keeps the part that it accepts.

Ids on a canvas are indices of the trimmed head's tokens, counted from `RESERVED`. Shapes: B fills, always 1; C canvas
positions, N positions requested; D width; V tokens of the trimmed head.
"""

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from infill_model.coder.encoder import ROOT, CausalEncoder, RowCache
from infill_model.denoising.canvas import Canvas, Piece
from infill_model.transformer.packed import DenoiserLayers
from infill_model.vocabulary import MASK, RESERVED

CANVAS: Final = 6
"""Positions of a canvas: the known token, and the masks."""

LEAST_SURE: Final = 0.1
"""A draft is cut before its probability falls below this: tokens unlikely to be accepted only lengthen a forward."""

BRANCHES: Final = 3
MOST: Final = 8
"""Tokens considered for a position, and tokens of all drafts together."""


@dataclass(frozen=True, slots=True)
class Tip:
    """The end of the tokens read: a row, and a node of the tree after it."""

    cache: RowCache
    node: int = ROOT

    @property
    def batch(self) -> int:
        """The number of fills, always one."""
        return 1


class ShallowDenoiser:
    """The denoiser of an encoder, with the interface of the denoising loop."""

    def __init__(self, encoder: CausalEncoder, weights: DenoiserLayers) -> None:
        self.encoder, self._weights = encoder, weights
        head = encoder.network.head_ids
        self._number_of = {token: number for number, token in enumerate(head.tolist())}
        self._columns = weights.numbers + RESERVED

    def encode(self, contexts: Sequence[Sequence[int]]) -> Tip:
        """Read the one row."""
        (row,) = contexts
        cache = self.encoder.cache_for(row)
        cache.open(row)
        cache.grow([(ROOT, ())])
        return Tip(cache)

    def logits(self, context: Tip, canvas: Canvas, where: Tensor) -> Tensor:
        """Return (N, V + RESERVED) float32, as in `Denoiser.logits`."""
        x = self._begin(context.cache.residual(context.node), canvas)
        states = context.cache.denoise(self._weights, context.node, x)[where[0]]
        logits = states.new_full((len(states), len(self._number_of) + RESERVED), -math.inf, dtype=torch.float32)
        return logits.index_copy_(1, self._columns, self._weights.logits(states))

    def logits_with_shadow(self, context: Tip, canvas: Canvas, where: Tensor, shadows: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits as in `Denoiser.logits_with_shadow`, with a forward pass for each shadow."""
        alone = [torch.zeros_like(shadows).index_fill(1, it, True) for it in shadows[0].nonzero()]
        shadowed = [self.logits(context, canvas.remask(it), it) for it in alone]
        logits = self.logits(context, canvas, where)
        return logits, torch.cat([logits[:0], *shadowed])

    def drafts(self, cache: RowCache, node: int, token: int, masks: int) -> list[list[int]]:
        """Write likely continuations of a token that follows a node, in one step; none if the denoiser is not sure.

        Args:
            cache: of the row.
            node: the last node that was read, or `ROOT`.
            token: the token after it, one of the trimmed head.
            masks: the maximum number of tokens of a continuation.
        """
        known = self._number_of.get(token)
        masks = min(masks, CANVAS - 1)
        if masks == 0 or known is None or not cache.knows(node) or not cache.has_room(1 + masks):
            return []
        canvas = Canvas.of([[Piece([known + RESERVED], True), Piece([MASK] * masks, False)]])
        likely = self.logits(Tip(cache, node), canvas, canvas.masked).softmax(1).topk(BRANCHES, 1)
        ids = self.encoder.network.head_ids[(likely.indices - RESERVED).clamp(min=0).cpu()].tolist()
        return likeliest_paths(ids, likely.values.tolist())

    def _begin(self, residual: Tensor, canvas: Canvas) -> Tensor:
        """Return the initial states (C, D) of the canvas positions."""
        network, weights = self.encoder.network, self._weights
        ids = canvas.ids[0].cpu()
        tokens = network.head_ids[(ids - RESERVED).clamp(min=0)].to(network.device)
        known = F.linear(network.embedded(tokens), weights.token)
        known = known.masked_fill((ids == MASK).unsqueeze(1).to(known.device), 0.0)
        begins = weights.canvas[: len(ids)] + F.linear(residual, weights.seed) + known[0]
        return begins + F.pad(known[1:], (0, 0, 1, 0))


def likeliest_paths(ids: Sequence[Sequence[int]], probabilities: Sequence[Sequence[float]]) -> list[list[int]]:
    """Return the paths of the tree of the `MOST` likeliest nodes, the likeliest first.

    Args:
        ids: the tokens considered for each position, the most probable first.
        probabilities: of each, independent of the other positions.
    """
    nodes = list[tuple[int, ...]]()
    found: list[tuple[float, tuple[int, ...]]] = [(-1.0, ())]
    while found and len(nodes) <= MOST and -found[0][0] >= LEAST_SURE:
        negative, path = heapq.heappop(found)
        nodes.append(path)
        if len(path) < len(ids):
            for token, probability in zip(ids[len(path)], probabilities[len(path)], strict=True):
                heapq.heappush(found, (negative * probability, (*path, token)))
    inner = {it[:-1] for it in nodes}
    return [list(it) for it in nodes if it and it not in inner]
