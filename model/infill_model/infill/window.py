"""Turns the code around a gap into the encoder's tokens: as much as fits, in the order that keeps the cache exact.

The order is [lines below the gap's line][lines above, up to the gap]; the rest of the gap's line is not included,
because it is pinned on the canvas. Lines are tokenised one by one and the window above starts at a line whose number is
a multiple of a coarse step, so typing changes nothing but the end of the row. Must not depend on networks.
"""

from collections.abc import Sequence
from functools import lru_cache

from infill_model.vocabulary import ABOVE, BELOW, BOS, Vocabulary

ANCHORS = (16, 4, 1)
"""The window above starts at a multiple of the first of these line steps that leaves it at least half full."""

MOST_LINE = 2000
"""Characters of a line that are read; longer lines are data."""


def split_suffix(suffix: str) -> tuple[str, str]:
    """Return the rest of the gap's line, and the lines below it, starting with their newline."""
    end = suffix.find("\n")
    return (suffix, "") if end < 0 else (suffix[:end], suffix[end:])


class ContextWindow:
    """Lays out the context of a gap within a number of tokens."""

    def __init__(self, vocabulary: Vocabulary, tokens: int) -> None:
        """Set up for a model's vocabulary and the token limit of its whole context."""
        self.tokens = tokens
        self._encode = lru_cache(maxsize=20_000)(vocabulary.encode)

    def context(self, prefix: str, below: str) -> list[int]:
        """Lay out the context of a gap after `prefix` with the lines `below` its line; never more than `tokens`."""
        lower = self._below(below)
        upper, from_start = self._above(prefix, self.tokens - len(lower) - 3)
        return [BELOW, *lower, ABOVE, *([BOS] if from_start else []), *upper]

    def _below(self, below: str) -> list[int]:
        """Encode the lines below, up to a third of the window."""
        most = self.tokens // 3
        ids: list[int] = []
        for line in below[: most * 40].split("\n")[1:]:
            ids += self._encode("\n" + line[:MOST_LINE])
            if len(ids) >= most:
                break
        return ids[:most]

    def _above(self, prefix: str, most: int) -> tuple[list[int], bool]:
        """Encode the last lines of `prefix` that fit `most` tokens; also report whether they are all of it."""
        lines = prefix.split("\n")
        first = max(0, len(lines) - most)  # A line has at least one token.
        encoded = [self._line(number, line) for number, line in enumerate(lines[first:], first)]
        used, start = 0, len(encoded)
        while start > 0 and used + len(encoded[start - 1]) <= most:
            start -= 1
            used += len(encoded[start])
        if start == len(encoded):  # Not even the gap's own line fits.
            return encoded[-1][-most:], False
        if first + start == 0:
            return _joined(encoded), True
        return _joined(encoded[self._anchor(encoded, first, start, most) :]), False

    def _line(self, number: int, line: str) -> list[int]:
        return self._encode(line[-MOST_LINE:] if number == 0 else "\n" + line[-MOST_LINE:])

    @staticmethod
    def _anchor(encoded: Sequence[Sequence[int]], first: int, start: int, most: int) -> int:
        """Return the first line to keep, at or after `start`, so that the window does not slide with every line."""
        for step in ANCHORS:
            anchored = start + -(first + start) % step
            if sum(map(len, encoded[anchored:])) * 2 >= most:
                return anchored
        return start


def _joined(lines: Sequence[Sequence[int]]) -> list[int]:
    return [i for line in lines for i in line]
