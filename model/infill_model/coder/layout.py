"""Turns a request into the ids of its row: as much as fits, in an order and with edges that stay put while typing.

The code after the gap begins at the gap, so typing does not change it. The code before it begins at a line whose
number is a multiple of a coarse step, so the window does not slide with every line.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from infill_model.packing.fim import FimMarks

ANCHOR: Final = 16
"""The number of lines between possible window starts."""

_CHARACTERS: Final = 8
"""The maximum number of characters read per token; more than any code needs on average."""

_MOST_LINE: Final = 2000


@dataclass(frozen=True, slots=True)
class RowBudget:
    """Token limits of a row: before the gap, after it, and for other files."""

    above: int = 512
    below: int = 160
    files: int = 0

    @property
    def longest(self) -> int:
        """The maximum length of a row in tokens, marks included."""
        return self.above + self.below + self.files + 16


class RowLayout:
    """Lays requests out for one tokenizer."""

    def __init__(
        self, encode: Callable[[str], list[int]], marks: FimMarks, budget: RowBudget, *, prefix_first: bool = False
    ) -> None:
        self.encode, self.marks, self.budget, self.prefix_first = encode, marks, budget, prefix_first
        self._count = lru_cache(maxsize=20_000)(lambda line: len(encode(line)))

    def row(self, prefix: str, behind: Sequence[str], files: Sequence[str] = ()) -> list[int]:
        """Return the ids for a gap after `prefix`.

        Args:
            prefix: all text before the gap.
            behind: the text after it; if it is in pieces, other gaps lie between them.
            files: excerpts of other files, the most relevant last.
        """
        parts = self._files(files), self._behind(behind), self._above(prefix)
        return self.marks.row(*parts, prefix_first=self.prefix_first)

    def _behind(self, pieces: Sequence[str]) -> list[int]:
        """Encode whole lines from the gap on, as many as fit; at least a part of the first."""
        most, ids = self.budget.below, list[int]()
        for number, piece in enumerate(pieces):
            ids += [self.marks.other_gap] if number else []
            for line in piece[: most * _CHARACTERS].splitlines(keepends=True):
                ids += self.encode(line[:_MOST_LINE])
                if len(ids) >= most:
                    return ids[:most]
        return ids

    def _above(self, prefix: str) -> list[int]:
        """Encode the text before the gap, from the first anchor after which it fits."""
        most = self.budget.above
        lines = prefix.split("\n")
        counts = [self._count(line[-_MOST_LINE:]) + 1 for line in lines[-most:]]
        first, used = len(lines), 0
        while first > max(0, len(lines) - most) and used + counts[first - 1 - len(lines)] <= most:
            first -= 1
            used += counts[first - len(lines)]
        anchored = -(-first // ANCHOR) * ANCHOR
        start = anchored if anchored < len(lines) - 1 else first
        text = "\n".join(lines[min(start, len(lines) - 1) :])
        return self.encode(text[-most * _CHARACTERS :])[-most:]

    def _files(self, files: Sequence[str]) -> list[list[int]]:
        """Encode the end of the list of excerpts, as much as fits."""
        left, kept = self.budget.files, list[list[int]]()
        for text in reversed(files):
            ids = self.encode(text[: left * _CHARACTERS])[: max(0, left - 1)]
            if ids:
                kept.insert(0, ids)
                left -= len(ids) + 1
        return kept
