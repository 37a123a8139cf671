"""The same weights as an autoregressive fill-in-the-middle model: a fair baseline, and the scorer of finished fills.

The encoder alone reads [context]<rest>rest of the line<middle> and writes the gap left to right, one token per forward,
with the same exact cache.

Shapes: n tokens scored, D width, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from infill_model.denoising.stop import Limits
from infill_model.embedded.denoiser import EmbeddedDenoiser
from infill_model.embedded.kv_cache import EncoderCache
from infill_model.request import StopReason
from infill_model.vocabulary import END, MIDDLE, RESERVED, REST


@dataclass(frozen=True, slots=True)
class Continuation:
    """The tokens written, one forward pass each: ids without the end marker, their probabilities, and why it ended."""

    ids: list[int]
    confidence: list[float]
    stopped: StopReason


@torch.no_grad()
def continue_greedily(
    denoiser: EmbeddedDenoiser, context: Sequence[int], rest: Sequence[int], limits: Limits
) -> Continuation:
    """Write the gap token by token; `limits.steps` is the maximum number of tokens."""
    row = [*context, REST, *rest, MIDDLE]
    cache = denoiser.cache_for(row)
    ids: list[int] = []
    confidence: list[float] = []
    stopped: StopReason = "steps"
    while len(ids) < min(limits.steps, denoiser.network.shape.positions - len(row)):
        if limits.cancelled():
            stopped = "cancelled"
            break
        if limits.deadline is not None and limits.clock() >= limits.deadline:
            stopped = "deadline"
            break
        best, token = _next_token(denoiser, cache).max(dim=0)
        if token == END:
            stopped = "complete"
            break
        ids.append(int(token))
        confidence.append(float(best))
        cache.encode([*row, *ids])
    return Continuation(ids, confidence, stopped)


def _next_token(denoiser: EmbeddedDenoiser, cache: EncoderCache) -> Tensor:
    """Return the next-token probabilities (V,) after the cached row; of the special ids only the end is possible."""
    logits = denoiser.network.logits(cache.states[len(cache.ids) - 1]).float()
    logits[:END] = float("-inf")
    logits[END + 1 : RESERVED] = float("-inf")
    return logits.softmax(dim=0)


@torch.no_grad()
def token_log_probs(
    denoiser: EmbeddedDenoiser, context: Sequence[int], rest: Sequence[int], middles: Sequence[Sequence[int]]
) -> list[list[float]]:
    """Return the log-probabilities (nats) of each gap's tokens and of its end, in one forward pass for all gaps.

    Tokens beyond the rotary positions are left out.
    """
    stem = [REST, *rest, MIDDLE]
    cache = denoiser.cache_for(context)
    room = denoiser.network.shape.positions - len(context) - len(stem)
    kept = [it[:room] for it in middles]
    states = cache.branches(stem, kept)[len(stem) - 1 :]
    start, behind = states[:1], torch.split(states[1:], [len(it) for it in kept])
    logits = denoiser.network.logits(torch.cat([torch.cat([start, it]) for it in behind])).float()  # (n, V)
    targets = torch.tensor([i for it in kept for i in (*it, END)], device=logits.device)
    logs = logits.log_softmax(dim=1).gather(1, targets.unsqueeze(1)).squeeze(1)
    return [it.tolist() for it in torch.split(logs, [len(it) + 1 for it in kept])]
