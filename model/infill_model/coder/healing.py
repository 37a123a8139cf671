"""Heals the token at the cursor: a word or blank just typed may be the beginning of a longer token.

The encoder's probabilities after the row without its last token are weighed against those after the whole row. If a
longer token with the same beginning is more probable than the last token and its best successor, the gap is written
from one token earlier (token healing). Indentation is left alone, because lines begin with tokens of their own.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from infill_model.coder.encoder import BEFORE, ROOT, RowCache
from infill_model.coder.writing import Writer

_LAST: Final = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Healed:
    """A longer token in place of the row's last one.

    Attributes:
        last: the row's last token.
        dropped: its text, which the longer one begins with.
        token: the longer token's id.
        probability: of the longer token, among all tokens with this beginning.
        mass: the total probability of those tokens.
    """

    last: int
    dropped: str
    token: int
    probability: float
    mass: float


class Healer:
    """Finds tokens by their beginnings."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Sort the texts of the trimmed head's tokens; they are given in the head's order."""
        self._order = sorted(range(len(texts)), key=texts.__getitem__)
        self._texts = [texts[it] for it in self._order]

    def beginning(self, text: str) -> list[int]:
        """Return the head indices of the tokens that begin with a text, an exact match first."""
        return self._order[bisect_left(self._texts, text) : bisect_left(self._texts, text + _LAST)]

    def heal(self, cache: RowCache, writer: Writer, decode: Callable[[Sequence[int]], str], line: str) -> Healed | None:
        """Return a longer token if it is more probable than the row's last token with its best successor.

        Args:
            cache: of the row, which was read.
            writer: after the row.
            decode: maps ids to text.
            line: the text of the gap's line before the cursor.
        """
        last = decode(cache.ids[-1:])
        own = writer.ends.index(cache.ids[-1])
        if not last or not line.strip() or "\n" in last or own < 0 or not cache.knows(BEFORE):
            return None
        places = self.beginning(last)
        longer = [it for it in places if it != own]
        probabilities, _ = writer.probabilities(BEFORE)
        mass = float(probabilities[places].sum())
        if not longer or mass <= 0:
            return None
        best = max(longer, key=probabilities.__getitem__)
        behind, ends = writer.probabilities(ROOT)
        stays = float(probabilities[own]) * max(float(behind.max()), ends)
        if float(probabilities[best]) <= stays:
            return None
        longest = int(writer.ends.ids[best])
        return Healed(cache.ids[-1], last, longest, float(probabilities[best]) / mass, mass)
