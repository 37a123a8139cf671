"""Drafts a continuation from the n-grams of a row, without a network: what followed its last tokens before.

Candidates have probabilities, fitted to how often an encoder writes them, so that only drafts that are likely to be
accepted lengthen a forward pass.
"""

import heapq
from collections.abc import Container, Iterator, Sequence
from typing import Final

LEAST_LIKELY: Final = 0.25
"""The minimum probability of a path: a less likely token costs a forward more than it saves."""

MOST: Final = 8
"""The maximum number of tokens of all paths."""

DEEPEST: Final = 11
"""The maximum number of tokens of one path."""

LOOKED_AT: Final = 40
"""Occurrences of the last two tokens that are compared, the nearest to the gap first."""

_LONGEST_MATCH: Final = 8
_SECOND: Final = (0.13, 0.06)
"""How often the second and third best continuation in the row is right."""

_TIED: Final = 0.25
"""How often a continuation is right if another one matches as many tokens."""


class Ngrams:
    """The n-grams of one row; tokens that end the gap are never drafted."""

    def __init__(self, row: Sequence[int], ends: Container[int] = ()) -> None:
        self._row, self._ends = list(row), ends
        self._behind: dict[tuple[int, int], list[int]] = {}
        for place in range(2, len(self._row)):
            self._behind.setdefault((self._row[place - 2], self._row[place - 1]), []).append(place)

    def drafts(self, written: Sequence[int]) -> list[list[int]]:
        """Return likely continuations of the row and the tokens written after it, the likeliest first.

        They are the paths of a tree of at most `MOST` tokens, each path at least `LEAST_LIKELY`.
        """
        ids = [*self._row, *written]
        found = list[tuple[float, tuple[int, ...]]]()
        found += [(-probability, (token,)) for token, probability in self._candidates(ids)]
        heapq.heapify(found)
        nodes = list[tuple[int, ...]]()
        while found and len(nodes) < MOST and -found[0][0] >= LEAST_LIKELY:
            negative, path = heapq.heappop(found)
            nodes.append(path)
            if len(path) < DEEPEST:
                for token, probability in self._candidates([*ids, *path]):
                    heapq.heappush(found, (negative * probability, (*path, token)))
        inner = {it[:-1] for it in nodes}
        return [list(it) for it in nodes if it not in inner]

    def _candidates(self, ids: Sequence[int]) -> Iterator[tuple[int, float]]:
        """Yield tokens that may follow and do not end the gap, each with its probability."""
        matches = sorted(self._matches(ids).items(), key=lambda it: -it[1])[: 1 + len(_SECOND)]
        for rank, (token, length) in enumerate(matches):
            if token in self._ends:
                continue
            if len(matches) > 1 and matches[0][1] == matches[1][1] == length:
                yield token, _TIED
            else:
                yield token, _SECOND[rank - 1] if rank else 1 - 0.44 * 0.8 ** (length - 2)

    def _matches(self, ids: Sequence[int]) -> dict[int, int]:
        """Return tokens that follow earlier occurrences of the last tokens, nearest first, with the matching length."""
        found: dict[int, int] = {}
        if len(ids) < 2:
            return found
        for place in self._places(ids):
            length = 2
            while length < min(_LONGEST_MATCH, place) and ids[place - length - 1] == ids[-length - 1]:
                length += 1
            if found.get(ids[place], 0) < length:
                found[ids[place]] = length
        return found

    def _places(self, ids: Sequence[int]) -> Iterator[int]:
        """Yield the places after earlier occurrences of the last two tokens, the last one first."""
        first, second = ids[-2], ids[-1]
        for place in range(len(ids) - 1, max(2, len(self._row)) - 1, -1):
            if ids[place - 2] == first and ids[place - 1] == second:
                yield place
        yield from reversed(self._behind.get((first, second), ())[-LOOKED_AT:])
