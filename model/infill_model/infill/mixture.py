"""Which of several ways to fill the same gaps is most probably right.

It knows probabilities only: neither where they come from nor what the texts are.
"""

import math
from collections.abc import Mapping
from typing import Final, TypeAlias

Texts: TypeAlias = tuple[str, ...]
"""The text of each gap."""

SAY: Final = 0.25
"""The power of a copy's own probability in the choice among several copies."""


def rank_by_mixture(log_probs: Mapping[Texts, float], copied: Mapping[Texts, float]) -> dict[Texts, float]:
    """Different fills in their order, each with its probability.

    The text is taken to come from a mixture: with the copies' probability it is one of them, else it is what the model
    says, as in pointer-generator networks (See et al. 2017). How often any of the copies is right is told by their
    probabilities alone; which of them it is, by the model, too.

    Args:
        log_probs: the log-probability (nats) of each fill under the model.
        copied: how often copies like these are right, for the fills that are copies.
    """
    own = {texts: math.log(probability) + SAY * log_probs[texts] for texts, probability in copied.items()}
    most = max(own.values(), default=0.0)
    weights = {texts: math.exp(it - most) for texts, it in own.items()}
    any_copy = min(1.0, sum(copied.values()))
    total = sum(weights.values())

    def right(texts: Texts) -> float:
        copy = any_copy * weights[texts] / total if texts in weights else 0.0
        return copy + (1 - any_copy) * math.exp(log_probs[texts])

    found = {texts: right(texts) for texts in log_probs}
    # Of texts too long for their probability to differ from zero the logarithm decides.
    return dict(sorted(found.items(), key=lambda it: (it[1], log_probs[it[0]]), reverse=True))
