"""Metrics: the similarity of a fill to the original text, and the confidence interval of a mean over many fills.

Must not depend on tasks or models: texts and numbers in, numbers out.
"""

import ast
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from infill_model.data.grammars import parser


def exact_match(texts: Sequence[str], gold: Sequence[str]) -> bool:
    """Report whether every gap matches its gold, ignoring white space at the ends of both."""
    return [it.rstrip() for it in texts] == [it.rstrip() for it in gold]


def edit_similarity(texts: Sequence[str], gold: Sequence[str]) -> float:
    """Return 1 - edit distance / longer length, in [0, 1], white space at the ends ignored; mean of the gaps."""
    pairs = [(a.rstrip(), b.rstrip()) for a, b in zip(texts, gold, strict=True)]
    return sum(1 - levenshtein(a, b) / max(len(a), len(b), 1) for a, b in pairs) / len(pairs)


def levenshtein(a: str, b: str) -> int:
    """Return the fewest insertions, deletions and substitutions of code points that turn `a` into `b`.

    Myers' bit-vector algorithm (J. ACM 46, 1999) in Hyyrö's form (2003): bit i of `up` and `down` says whether the
    distance table rises or falls by one from row i to row i + 1 of the current column. A column costs a few operations
    on integers of len(a) bits, so texts of thousands of characters take milliseconds.
    """
    if not a or not b:
        return len(a) or len(b)
    rows: dict[str, int] = {}
    for index, character in enumerate(a):
        rows[character] = rows.get(character, 0) | 1 << index
    mask, last = (1 << len(a)) - 1, 1 << (len(a) - 1)
    up, down, distance = mask, 0, len(a)
    for character in b:
        equal = rows.get(character, 0)
        diagonal = ((((equal & up) + up) ^ up) | equal | down) & mask
        right_up, right_down = (down | ~(diagonal | up)) & mask, up & diagonal
        distance += bool(right_up & last) - bool(right_down & last)
        right_up, right_down = (right_up << 1 | 1) & mask, right_down << 1 & mask
        up, down = (right_down | ~(diagonal | right_up)) & mask, right_up & diagonal
    return distance


def parses(text: str, language: str = "python") -> bool:
    """Report whether a file of this text parses: with the running Python's own parser, or another language's grammar.

    Any text of a language without a grammar counts as parsing.
    """
    if language != "python":
        reading = parser(language)
        return reading is None or not reading.parse(text.encode()).root_node.has_error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Warnings about escapes concern only the authors of the code.
        try:
            ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean of `count` values with its 95% confidence interval."""

    mean: float
    low: float
    high: float
    count: int


def bootstrap(values: Sequence[float], *, resamples: int = 2000, seed: int = 0) -> Interval | None:
    """Return the mean with its 95% percentile bootstrap interval (Efron 1979); None when there are no values.

    The values are resampled as if independent; tasks of one project are somewhat alike, so the interval is a lower
    bound of the uncertainty. The same values and seed give the same interval.
    """
    if not values:
        return None
    sample = np.asarray(values, dtype=np.float64)
    rng = np.random.default_rng(seed)
    means = np.array([rng.choice(sample, len(sample)).mean() for _ in range(resamples)])
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(float(sample.mean()), float(low), float(high), len(values))
