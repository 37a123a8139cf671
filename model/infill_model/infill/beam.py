"""Beam search over the texts of several gaps: gap after gap, keeping the most probable hypotheses.

The text of one gap changes the probabilities in the next, as when a name is introduced here and used there. Must not
depend on the origin of requests or probabilities.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from infill_model.request import Request

BEAM: Final = 3
"""Hypotheses kept after each gap; five are no better (docs/log.md)."""


@dataclass(frozen=True, slots=True)
class Scored:
    """The text of one gap as scored by the model left to right.

    Attributes:
        ids: of its tokens.
        log_probs: of the tokens, then of the end, in nats; those beyond the network's positions are left out.
    """

    ids: tuple[int, ...]
    log_probs: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """Texts for some of the gaps.

    Attributes:
        texts: of the gaps, in order.
        probability: that all of them are right.
        scored: the model's scores of each.
    """

    texts: tuple[str, ...]
    probability: float
    scored: tuple[Scored, ...]

    @property
    def log_prob(self) -> float:
        """The log-probability of all texts under the model, ends included, in nats."""
        return sum(sum(it.log_probs) for it in self.scored)

    @property
    def score(self) -> float:
        """The mean log-probability per token, counting each end as a token."""
        return self.log_prob / sum(len(it.ids) + 1 for it in self.scored)

    def then(self, later: "Hypothesis") -> "Hypothesis":
        """Return the hypothesis extended by the next gap's text."""
        return Hypothesis(self.texts + later.texts, self.probability * later.probability, self.scored + later.scored)


HypothesesOfOne: TypeAlias = Callable[[Request, int], Sequence[Hypothesis]]
"""Returns different texts for the gap of this number as the only gap of a request; earlier gaps are filled."""


def beam_search(request: Request, of_one: HypothesesOfOne, width: int) -> list[Hypothesis]:
    """Return at most `width` ways to fill all gaps of a request, the most probable first."""
    pieces = (*request.between, request.suffix)
    kept = [Hypothesis((), 1.0, ())]
    for number in range(len(pieces)):
        later = "".join(pieces[number:])
        longer = []
        for hypothesis in kept:
            filled = itertools.chain.from_iterable(zip(hypothesis.texts, request.between, strict=False))
            one = replace(request, prefix=request.prefix + "".join(filled), suffix=later, between=())
            longer += [hypothesis.then(it) for it in of_one(one, number)]
        # Texts too long for their probability to differ from zero are ordered by log_prob.
        kept = sorted(longer, key=lambda it: (it.probability, it.log_prob), reverse=True)[:width]
    return kept
