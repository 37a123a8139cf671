"""Ranks texts for gaps by probability: the model's left-to-right scores, weighted with the copies' probabilities.

Must not depend on canvases or the denoising loop.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from infill_model.embedded.autoregressive import token_log_probs
from infill_model.embedded.denoiser import EmbeddedDenoiser
from infill_model.infill.beam import BEAM, Hypothesis, Scored, beam_search
from infill_model.infill.copied import copies_for
from infill_model.infill.job import GapTokens
from infill_model.infill.layout import Layout
from infill_model.infill.mixture import Texts, rank_by_mixture
from infill_model.request import Request


class Ranking:
    """Orders texts for the gaps of requests by their probability of being right."""

    def __init__(self, denoiser: EmbeddedDenoiser, layout: Layout) -> None:
        self.denoiser, self.layout = denoiser, layout

    def scored(self, place: GapTokens, texts: Sequence[str]) -> list[Scored]:
        """Score texts for one gap in one forward pass; the context is encoded only if it is not cached."""
        ids = [tuple(self.layout.vocabulary.encode(it)) for it in texts]
        log_probs = token_log_probs(self.denoiser, place.context, place.rest, ids)
        return [Scored(own, tuple(its)) for own, its in zip(ids, log_probs, strict=True)]

    def as_they_are(self, request: Request, fills: Sequence[Texts]) -> list[Hypothesis]:
        """Score fills by the model alone; each gap sees the gaps before it and the rest of its line."""
        kept = [Hypothesis((), 1.0, ()) for _ in fills]
        prefixes = [request.prefix] * len(fills)
        for gap, after in enumerate((*request.between, request.suffix)):
            same = [range(len(fills))] if gap == 0 else [[n] for n in range(len(fills))]  # By the text before it.
            for group in same:
                one = replace(request, prefix=prefixes[group[0]], suffix=after, between=())
                found = self.scored(self.layout.place(one), [fills[n][gap] for n in group])
                for n, it in zip(group, found, strict=True):
                    kept[n] = kept[n].then(Hypothesis((fills[n][gap],), 1.0, (it,)))
            prefixes = [prefix + texts[gap] + after for prefix, texts in zip(prefixes, fills, strict=True)]
        return [replace(it, probability=math.exp(it.log_prob)) for it in kept]

    def of_one_gap(self, place: GapTokens, drafted: Sequence[Texts], copied: Mapping[Texts, float]) -> list[Hypothesis]:
        """Rank different texts for the only gap of a request, the most probable first.

        Args:
            place: of the gap.
            drafted: the texts written.
            copied: possible copies with their probabilities; a copy may also have been drafted.
        """
        texts = list(dict.fromkeys((*copied, *drafted)))
        scored = dict(zip(texts, self.scored(place, [text for (text,) in texts]), strict=True))
        log_probs = {it: sum(own.log_probs) for it, own in scored.items()}
        ranked = rank_by_mixture(log_probs, copied)
        return [Hypothesis(it, probability, (scored[it],)) for it, probability in ranked.items()]

    def of_several_gaps(
        self, request: Request, drafted: Sequence[Texts], most: int, *, retrieve: bool
    ) -> list[Hypothesis]:
        """Rank different texts for all gaps, the most probable first.

        Args:
            request: with several gaps.
            drafted: the texts written, for all gaps together.
            most: the number of hypotheses wanted.
            retrieve: whether each gap may also be filled with a copy.
        """
        return beam_search(request, partial(self._of_the_next, drafted, retrieve), max(BEAM, most))

    def _of_the_next(self, drafted: Sequence[Texts], retrieve: bool, request: Request, number: int) -> list[Hypothesis]:
        """Rank the drafts for one of several gaps and the copies possible there once the gaps before it are filled."""
        copied = dict(copies_for(request)) if retrieve else {}
        return self.of_one_gap(self.layout.place(request), [(texts[number],) for texts in drafted], copied)
