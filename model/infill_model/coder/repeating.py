"""Recognises a gap of several lines that is written past its end: it repeats the code below.

A model that misses the end of a gap often goes on with what it has read as the code below it. That is as good a sign
that the gap was full as an end.
"""

from dataclasses import dataclass
from typing import Final, Self

LINES: Final = 2
"""How many lines must be repeated, unless fewer are left."""

LETTERS: Final = 10
"""How many letters and digits they must hold together; closing brackets alone repeat for good reasons."""

_CHARACTERS: Final = 2000


@dataclass(frozen=True, slots=True)
class LinesBelow:
    """The first lines below a gap that hold anything; none if its own line goes on after it."""

    lines: tuple[str, ...]

    @classmethod
    def of(cls, suffix: str) -> Self:
        """Take as many lines as it takes to recognise them."""
        rest, _, below = suffix[:_CHARACTERS].partition("\n")
        lines = list[str]()
        for line in filter(str.strip, below.split("\n")):
            lines.append(line.rstrip())
            if len(lines) >= LINES and _letters(lines) >= LETTERS:
                break
        return cls(() if rest.strip() or _letters(lines) < LETTERS else tuple(lines))

    def repeated_from(self, text: str) -> int | None:
        """Return the offset at which a text begins to repeat these lines; None if it does not.

        A line counts once it has a line break after it, and the first one not at all: it began before the gap.
        """
        if not self.lines:
            return None
        starts, at = list[tuple[int, str]](), 0
        for line in text.split("\n")[:-1]:
            if at and line.strip():
                starts.append((at, line.rstrip()))
            at += len(line) + 1
        for number, (start, _) in enumerate(starts):
            if tuple(line for _, line in starts[number : number + len(self.lines)]) == self.lines:
                return len(text[:start].rstrip())
        return None


def _letters(lines: list[str]) -> int:
    return sum(it.isalnum() for line in lines for it in line)
