"""How probably texts are right for gaps: what the weights say of them left to right, weighed with the copies' chances.

It knows texts, tokens and the autoregressive mode; neither canvases nor the denoising loop.
"""

from collections.abc import Mapping, Sequence
from functools import partial

from infill_model.autoregressive import log_probabilities
from infill_model.backends.embedded import EmbeddedDenoiser
from infill_model.choice import Texts, most_probable_first
from infill_model.copied import copies_for
from infill_model.job import Layout
from infill_model.request import Request
from infill_model.together import BEAM, Way, likeliest_together
from infill_model.window import split_suffix


class Ranking:
    """Puts texts for the gaps of requests in the order of how probably they are right."""

    def __init__(self, denoiser: EmbeddedDenoiser, layout: Layout) -> None:
        self.denoiser, self.layout = denoiser, layout

    def log_probabilities(self, request: Request, fills: Sequence[Sequence[str]]) -> list[tuple[float, int]]:
        """For each way to fill all gaps its log-probability, ends included, in nats; and of how many tokens it is."""
        encode = self.layout.vocabulary.encode
        prefixes, totals, tokens = [request.prefix] * len(fills), [0.0] * len(fills), [0] * len(fills)
        for gap, after in enumerate((*request.between, request.suffix)):
            rest, below = split_suffix(after)
            tail = self.layout.rest(rest, block=request.block)
            middles = [encode(texts[gap]) for texts in fills]
            same = [range(len(fills))] if gap == 0 else [[n] for n in range(len(fills))]  # What stands before the gap.
            for group in same:
                context = self.layout.window.context(prefixes[group[0]], below, request.files)
                logs = log_probabilities(self.denoiser, context, tail, [middles[n] for n in group])
                for n, value in zip(group, logs, strict=True):
                    totals[n] += value
                    tokens[n] += len(middles[n]) + 1
            prefixes = [prefix + texts[gap] + after for prefix, texts in zip(prefixes, fills, strict=True)]
        return list(zip(totals, tokens, strict=True))

    def of_one_gap(self, request: Request, drafted: Sequence[Texts], copied: Mapping[Texts, float]) -> list[Way]:
        """Different texts for the only gap of a request, the one most probably right first.

        Args:
            request: of one gap.
            drafted: what was written.
            copied: what may be copied, with its chance; it may have been written, too.
        """
        texts = list(dict.fromkeys((*copied, *drafted)))
        said = dict(zip(texts, self.log_probabilities(request, texts), strict=True))
        chances = most_probable_first({it: total for it, (total, _) in said.items()}, copied)
        return [Way(it, chance, *said[it]) for it, chance in chances.items()]

    def of_several_gaps(self, request: Request, drafted: Sequence[Texts], most: int, *, retrieve: bool) -> list[Way]:
        """Different texts for all gaps, the most probable first.

        Args:
            request: of several gaps.
            drafted: what was written, for all gaps together.
            most: ways that are wanted.
            retrieve: whether each gap may be filled with a copy as well.
        """
        return likeliest_together(request, partial(self._of_the_next, drafted, retrieve), max(BEAM, most))

    def _of_the_next(self, drafted: Sequence[Texts], retrieve: bool, request: Request, number: int) -> list[Way]:
        """What was drafted for one of several gaps, and what may be copied there once those before it are filled."""
        copied = dict(copies_for(request)) if retrieve else {}
        return self.of_one_gap(request, [(texts[number],) for texts in drafted], copied)
