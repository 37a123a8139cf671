"""Turns the denoiser's logits into the input of the policies: per position a token, its probability and the entropy.

Made once per step, and only at the positions that are read: at this model's size the exponentials over the vocabulary
are most of the work outside the network. Must not depend on policies.

Shapes: B fills, C canvas positions, V vocabulary, N positions predicted.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeAlias

import torch
from torch import Tensor

from infill_model.denoising.noise import Noise, Purpose
from infill_model.vocabulary import DEL, RESERVED

LOG2_E: Final = math.log2(math.e)
BLOCK: Final = 64
CANDIDATES: Final = 64
"""Sampling chooses among this many most probable tokens; the rest is noise."""

Sampler: TypeAlias = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Maps logits (N, V), their argmax (N,) and positions (N,) in the flattened (B, C) to the chosen tokens (N,)."""


@dataclass(frozen=True)
class Prediction:
    """The denoiser's choice of token at the positions `at`, and its confidence.

    Attributes:
        token: (B, C) int64; the most probable token, or the sampled one. 0 where nothing was predicted.
        confidence: (B, C) float32; the probability of `token` at temperature 1. 0 where nothing was predicted.
        at: (N,) int64; the predicted positions in the flattened (B, C).
        weights: (N, V) float32; the unnormalised probabilities, 1 for the most probable token.
        total: (N,) float32; the sum of the weights.
        mass: (N,) float32; the sum of the exponentials of the logits. Meaningful only for a denoiser that predicts
            scores and not probabilities (`families/research/sedd.py`).
    """

    token: Tensor
    confidence: Tensor
    at: Tensor
    weights: Tensor
    total: Tensor
    mass: Tensor

    @classmethod
    def of(cls, rows: Tensor, where: Tensor, sample: Sampler | None = None) -> "Prediction":
        """Read (N, V) float32 logits of the positions where `where` (B, C) is true; the logits are overwritten.

        Reserved ids other than `DEL` are never predicted.
        """
        at = where.flatten().nonzero().squeeze(1)
        best, token = _maximum(forbid_reserved(rows))
        chosen = token if sample is None else sample(rows, token, at)
        # In place, because fresh memory costs as much as the arithmetic. exp2 takes half the time of exp on a CPU, so
        # the logits are converted to base 2 while the maximum is subtracted.
        weights = torch.add(best.unsqueeze(1) * -LOG2_E, rows, alpha=LOG2_E, out=rows).exp2_()
        total = weights.sum(1)
        confidence = total.reciprocal()
        if chosen is not token:
            confidence = weights.gather(1, chosen.unsqueeze(1)).squeeze(1) * confidence
        mass = best.exp() * total
        return cls(_spread(chosen, at, where), _spread(confidence, at, where), at, weights, total, mass)

    @cached_property
    def entropy(self) -> Tensor:
        """(B, C) float32, nats; 0 where nothing was predicted."""
        # The entropy of weights w with sum Z is log Z - sum(w log w) / Z. nansum treats 0 log 0 as 0, as it should;
        # torch.xlogy would too, at three times the cost.
        bits = self.total.log2() - (self.weights * self.weights.log2()).nansum(1) / self.total
        return _spread(bits / LOG2_E, self.at, self.token)

    def probability_of(self, ids: Tensor) -> Tensor:
        """Return (B, C) float32: the probability of the given ids (B, C); 0 where nothing was predicted."""
        chosen = ids.flatten().index_select(0, self.at).unsqueeze(1)
        return _spread(self.weights.gather(1, chosen).squeeze(1) / self.total, self.at, ids)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are chosen in each row of a batch.

    Attributes:
        temperatures: one for each row; 0 takes the most probable token.
        seeds: for each row's random numbers, including those of random policies.
        top_p: the least probability mass that is sampled from (nucleus sampling, Holtzman et al., arXiv 1904.09751).
    """

    temperatures: tuple[float, ...]
    seeds: tuple[int, ...]
    top_p: float = 0.95

    @classmethod
    def greedy(cls, batch: int) -> "Sampling":
        """Take the most probable token everywhere."""
        return cls(temperatures=(0.0,) * batch, seeds=(0,) * batch)

    def sampler(self, noise: Noise, step: int) -> Sampler | None:
        """Return the sampler of one step; None if every row is greedy."""
        if not any(self.temperatures):
            return None

        def sample(logits: Tensor, token: Tensor, at: Tensor) -> Tensor:
            temperature = (
                torch.tensor(self.temperatures, device=at.device).repeat_interleave(noise.width).index_select(0, at)
            )
            warm = temperature.nonzero().squeeze(1)
            uniform = noise.uniform(step, Purpose.SAMPLE).flatten().index_select(0, at.index_select(0, warm))
            chosen = _nucleus(logits.index_select(0, warm), temperature.index_select(0, warm), self.top_p, uniform)
            return token.index_copy(0, warm, chosen)

        return sample


def _nucleus(logits: Tensor, temperature: Tensor, top_p: float, uniform: Tensor) -> Tensor:
    """Return the token (N,) at which the nucleus' cumulative probability passes `uniform` (N,)."""
    top, ids = logits.topk(min(CANDIDATES, logits.shape[1]), dim=1)
    probability = (top / temperature.unsqueeze(1)).softmax(1)
    cumulative = probability.cumsum(1)
    inside = cumulative - probability < top_p
    mass = (probability * inside).sum(1)
    # Rounding may put the draw at the very end; the last token inside the nucleus catches it.
    index = (cumulative <= (uniform * mass).unsqueeze(1)).sum(1).minimum(inside.sum(1) - 1)
    return ids.gather(1, index.unsqueeze(1)).squeeze(1)


def _maximum(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return the maximum (N,) of each row (N, V) and its first position (N,).

    torch's argmax is not vectorised on a CPU. Finding the block that holds the maximum is, and then one block is left.
    """
    if rows.shape[1] % BLOCK:
        best, token = rows.max(1)
        return best, token
    count, width = len(rows), rows.shape[1] // BLOCK
    blocks = rows.view(count, width, BLOCK)
    best, block = blocks.amax(2).max(1)
    holder = torch.arange(0, count * width, width, device=rows.device) + block
    return best, block * BLOCK + blocks.flatten(0, 1).index_select(0, holder).argmax(1)


def _spread(values: Tensor, at: Tensor, like: Tensor) -> Tensor:
    """Scatter values (N,) to the flattened positions `at` of a (B, C) tensor of zeros."""
    return values.new_zeros(like.numel()).index_copy_(0, at, values).view(like.shape)


def forbid_reserved(logits: Tensor) -> Tensor:
    """Make reserved ids other than `DEL` impossible in logits (..., V), in place; return them."""
    logits[..., :DEL].fill_(-math.inf)
    logits[..., DEL + 1 : RESERVED].fill_(-math.inf)
    return logits
