"""Ranks several ways to fill the same gaps by probability.

Probabilities only: must not depend on their origin or on the texts' content.
"""

import math
from collections.abc import Mapping
from typing import Final, TypeAlias

Texts: TypeAlias = tuple[str, ...]
"""The text of each gap."""

SAY: Final = 0.25
"""The exponent of the model's probability of a copy when choosing among several copies."""


def rank_by_mixture(log_probs: Mapping[Texts, float], copied: Mapping[Texts, float]) -> dict[Texts, float]:
    """Return different fills in order, each with its probability.

    The text is assumed to come from a mixture: with the copies' probability it is one of them, otherwise it is the
    model's, as in pointer-generator networks (See et al. 2017). How often any of the copies is right depends on their
    probabilities alone; which of them it is also depends on the model.

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
    # Texts too long for their probability to differ from zero are ordered by log_prob.
    return dict(sorted(found.items(), key=lambda it: (it[1], log_probs[it[0]]), reverse=True))
