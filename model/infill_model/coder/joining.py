"""Weighs fills by how well they join the rest of their line.

The rest of a line was read before the gap was written, as part of the code below; whether a fill joins it is better
judged by reading on: the encoder reads each fill followed by the beginning of the rest, and assigns a low probability
to text that does not fit. All are read in one forward pass.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final

from infill_model.infill.window import split_suffix

LOOK: Final = 16
"""Characters of the rest of the line that are read after a fill."""

WEIGHT: Final = 0.25
"""The exponent of the joined text's probability, relative to the fill's own."""


def rest_of_line(suffix: str) -> str:
    """Return the beginning of the rest of the gap's line; empty if only blanks are left."""
    rest, _ = split_suffix(suffix)
    return rest[:LOOK] if rest.strip() else ""


def cut_back(texts: Sequence[str], rest: str) -> list[str]:
    """Return the texts, and each without an ending that the rest of the line begins with."""
    shorter = [text[: len(text) - length] for text in texts for length in _overlaps(text, rest)]
    return list(dict.fromkeys([*texts, *shorter]))


def _overlaps(text: str, rest: str) -> list[int]:
    """Return the lengths of the endings of a text with which the rest begins."""
    return [it for it in range(1, min(len(text), len(rest)) + 1) if text.endswith(rest[:it])]


def weighed(own: Mapping[str, float], joined: Mapping[str, float]) -> dict[str, float]:
    """Return the probability that each fill is right, the most probable first.

    How probable it is that any of them is right depends on their own probabilities; which of them it is also depends on
    the joined text.

    Args:
        own: log-probabilities of fills and their ends, in nats.
        joined: log-probabilities of fills followed by the rest of the line, in nats.
    """
    if not own:
        return {}
    scores = {text: own[text] + WEIGHT * joined[text] for text in own}
    most = max(scores.values())
    weights = {text: math.exp(it - most) for text, it in scores.items()}
    mass = min(1.0, sum(math.exp(it) for it in own.values())) / sum(weights.values())
    return {text: weights[text] * mass for text in sorted(scores, key=scores.__getitem__, reverse=True)}
