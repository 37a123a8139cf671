"""Which texts go into several gaps together: gap after gap, while the likeliest ways so far are kept (beam search).

What stands in one gap changes what is likely in the next, as a name that is given here and used there does. It knows
requests and probabilities, not where either comes from.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from infill_model.request import Request

BEAM: Final = 3
"""Hypotheses that are kept after each gap; five are no better (docs/log.md)."""


@dataclass(frozen=True, slots=True)
class Scored:
    """The text of one gap as the model reads it left to right.

    Attributes:
        ids: its tokens.
        log_probs: of the tokens, then of the end, in nats; what is beyond the network's positions is left out.
    """

    ids: tuple[int, ...]
    log_probs: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """Texts for some gaps.

    Attributes:
        texts: of the gaps, in order.
        probability: that all of them are right.
        scored: what the model says of each.
    """

    texts: tuple[str, ...]
    probability: float
    scored: tuple[Scored, ...]

    @property
    def log_prob(self) -> float:
        """Of all texts under the model, ends included, in nats."""
        return sum(sum(it.log_probs) for it in self.scored)

    @property
    def score(self) -> float:
        """The mean of that for each token and each end."""
        return self.log_prob / sum(len(it.ids) + 1 for it in self.scored)

    def then(self, later: "Hypothesis") -> "Hypothesis":
        """With the next gap's text behind them."""
        return Hypothesis(self.texts + later.texts, self.probability * later.probability, self.scored + later.scored)


HypothesesOfOne: TypeAlias = Callable[[Request, int], Sequence[Hypothesis]]
"""Different texts for the gap of this number, as the only one of a request; the gaps before it are filled."""


def beam_search(request: Request, of_one: HypothesesOfOne, width: int) -> list[Hypothesis]:
    """At most `width` ways to fill all gaps of a request, the most probable first."""
    pieces = (*request.between, request.suffix)
    kept = [Hypothesis((), 1.0, ())]
    for number in range(len(pieces)):
        later = "".join(pieces[number:])
        longer = []
        for hypothesis in kept:
            filled = itertools.chain.from_iterable(zip(hypothesis.texts, request.between, strict=False))
            one = replace(request, prefix=request.prefix + "".join(filled), suffix=later, between=())
            longer += [hypothesis.then(it) for it in of_one(one, number)]
        # Of texts too long for their probability to differ from zero the logarithm decides.
        kept = sorted(longer, key=lambda it: (it.probability, it.log_prob), reverse=True)[:width]
    return kept
