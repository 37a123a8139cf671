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
"""Ways that are kept after each gap; five are no better (docs/log.md)."""


@dataclass(frozen=True, slots=True)
class Way:
    """Texts for some gaps: how probably they are right, and what the model says of them left to right.

    Attributes:
        texts: of the gaps, in order.
        chance: that all of them are right.
        total: their log-probability, ends included, in nats.
        tokens: how many tokens that is of.
    """

    texts: tuple[str, ...]
    chance: float
    total: float
    tokens: int

    def then(self, later: "Way") -> "Way":
        """With the next gap's text behind them."""
        tokens = self.tokens + later.tokens
        return Way(self.texts + later.texts, self.chance * later.chance, self.total + later.total, tokens)


WaysOfOne: TypeAlias = Callable[[Request, int], Sequence[Way]]
"""Different ways to fill the gap of this number, as the only one of a request; the gaps before it are filled."""


def likeliest_together(request: Request, ways: WaysOfOne, width: int) -> list[Way]:
    """At most `width` ways to fill all gaps of a request, the most probable first."""
    pieces = (*request.between, request.suffix)
    kept = [Way((), 1.0, 0.0, 0)]
    for number in range(len(pieces)):
        later = "".join(pieces[number:])
        longer = []
        for way in kept:
            filled = itertools.chain.from_iterable(zip(way.texts, request.between, strict=False))
            one = replace(request, prefix=request.prefix + "".join(filled), suffix=later, between=())
            longer += [way.then(it) for it in ways(one, number)]
        # Of texts too long for their probability to differ from zero the logarithm decides.
        kept = sorted(longer, key=lambda it: (it.chance, it.total), reverse=True)[:width]
    return kept
