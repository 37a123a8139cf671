"""How probably texts are right for gaps: what the weights say of them left to right, weighed with the copies'.

It knows texts, tokens and the autoregressive mode; neither canvases nor the denoising loop.
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
    """Puts texts for the gaps of requests in the order of how probably they are right."""

    def __init__(self, denoiser: EmbeddedDenoiser, layout: Layout) -> None:
        self.denoiser, self.layout = denoiser, layout

    def scored(self, place: GapTokens, texts: Sequence[str]) -> list[Scored]:
        """Each of some texts for one gap, read in one forward; the context is encoded only if it is not yet."""
        ids = [tuple(self.layout.vocabulary.encode(it)) for it in texts]
        log_probs = token_log_probs(self.denoiser, place.context, place.rest, ids)
        return [Scored(own, tuple(its)) for own, its in zip(ids, log_probs, strict=True)]

    def as_they_are(self, request: Request, fills: Sequence[Texts]) -> list[Hypothesis]:
        """Fills as the model alone finds them; each gap knows those before it and the line that it is in."""
        kept = [Hypothesis((), 1.0, ()) for _ in fills]
        prefixes = [request.prefix] * len(fills)
        for gap, after in enumerate((*request.between, request.suffix)):
            same = [range(len(fills))] if gap == 0 else [[n] for n in range(len(fills))]  # What stands before the gap.
            for group in same:
                one = replace(request, prefix=prefixes[group[0]], suffix=after, between=())
                found = self.scored(self.layout.place(one), [fills[n][gap] for n in group])
                for n, it in zip(group, found, strict=True):
                    kept[n] = kept[n].then(Hypothesis((fills[n][gap],), 1.0, (it,)))
            prefixes = [prefix + texts[gap] + after for prefix, texts in zip(prefixes, fills, strict=True)]
        return [replace(it, probability=math.exp(it.log_prob)) for it in kept]

    def of_one_gap(self, place: GapTokens, drafted: Sequence[Texts], copied: Mapping[Texts, float]) -> list[Hypothesis]:
        """Different texts for the only gap of a request, the one most probably right first.

        Args:
            place: of the gap.
            drafted: what was written.
            copied: what may be copied, with its probability; it may have been written, too.
        """
        texts = list(dict.fromkeys((*copied, *drafted)))
        scored = dict(zip(texts, self.scored(place, [text for (text,) in texts]), strict=True))
        log_probs = {it: sum(own.log_probs) for it, own in scored.items()}
        ranked = rank_by_mixture(log_probs, copied)
        return [Hypothesis(it, probability, (scored[it],)) for it, probability in ranked.items()]

    def of_several_gaps(
        self, request: Request, drafted: Sequence[Texts], most: int, *, retrieve: bool
    ) -> list[Hypothesis]:
        """Different texts for all gaps, the most probable first.

        Args:
            request: of several gaps.
            drafted: what was written, for all gaps together.
            most: ways that are wanted.
            retrieve: whether each gap may be filled with a copy as well.
        """
        return beam_search(request, partial(self._of_the_next, drafted, retrieve), max(BEAM, most))

    def _of_the_next(self, drafted: Sequence[Texts], retrieve: bool, request: Request, number: int) -> list[Hypothesis]:
        """What was drafted for one of several gaps, and what may be copied there once those before it are filled."""
        copied = dict(copies_for(request)) if retrieve else {}
        return self.of_one_gap(self.layout.place(request), [(texts[number],) for texts in drafted], copied)
