r"""A text in chunks, with the lines in each: the cost of an edit depends on its size, not on the length of the text.

Only `\n`, `\r\n` and `\r` end a line, and no chunk ends between the two characters of `\r\n`. Chunks never change, so
the states of a text share those that an edit left alone. Offsets are code points; line numbers count from one.
"""

import itertools
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Final

CHUNK: Final = 4_096
"""Code points of a newly cut chunk; edits let it grow to twice that."""

_LINE_END: Final = re.compile(r"\r\n|\n|\r")


class _Chunk:
    """A section of a text."""

    def __init__(self, text: str) -> None:
        self.text = text
        carriage = text.count("\r")
        self.pairs = text.count("\r\n") if carriage else 0
        self.ends = text.count("\n") + carriage - self.pairs

    @cached_property
    def starts(self) -> list[int]:
        """The starts of the lines after the line ends in the chunk."""
        return [end.end() for end in _LINE_END.finditer(self.text)]


class Lines:
    """An immutable text with its lines, made from a string or by editing another."""

    def __init__(self, text: str) -> None:
        self.length = len(text)
        self.__dict__["text"] = text

    @classmethod
    def _of(cls, chunks: list[_Chunk], length: int) -> "Lines":
        made = cls.__new__(cls)
        made.length = length
        made.__dict__["_chunks"] = chunks
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Lines) and (self is other or self.text == other.text)

    def __hash__(self) -> int:
        return hash(self.text)

    @cached_property
    def text(self) -> str:
        """The whole text as one string; after an edit it is joined on first use."""
        return "".join(it.text for it in self._chunks)

    @cached_property
    def _chunks(self) -> list[_Chunk]:
        """The chunks, at least one; a new text is cut on first use."""
        return [*_cut(self.text)] or [_Chunk("")]

    @cached_property
    def _ends(self) -> list[int]:
        """The end of each chunk."""
        return [*accumulate(len(it.text) for it in self._chunks)]

    @cached_property
    def _ended(self) -> list[int]:
        """The number of lines that have ended by the end of each chunk."""
        return [*accumulate(it.ends for it in self._chunks)]

    @property
    def count(self) -> int:
        """The number of lines, including the empty one after a final line end."""
        return self._ended[-1] + 1

    def start(self, number: int) -> int:
        """Return the offset at which a line starts."""
        if number <= 1:
            return 0
        at = bisect_left(self._ended, number - 1)
        before = self._ended[at - 1] if at else 0
        return self._first(at) + self._chunks[at].starts[number - 2 - before]

    def number(self, offset: int) -> int:
        """Return the number of the line that contains an offset."""
        at = min(bisect_right(self._ends, offset), len(self._chunks) - 1)
        before = self._ended[at - 1] if at else 0
        return before + bisect_right(self._chunks[at].starts, offset - self._first(at)) + 1

    def end(self, number: int) -> int:
        """Return the offset at which a line's line end begins."""
        if number >= self.count:
            return self.length
        end = self.start(number + 1)
        return end - 2 if self.slice(end - 2, end) == "\r\n" else end - 1

    def line(self, number: int) -> str:
        """Return the text of a line, without its end."""
        return self.slice(self.start(number), self.end(number))

    def slice(self, start: int, end: int) -> str:
        """Return the text from one offset to another, without joining the whole text."""
        if "text" in self.__dict__:
            return self.text[start:end]
        first = min(bisect_right(self._ends, start), len(self._chunks) - 1)
        found = []
        at = self._first(first)
        for chunk in self._chunks[first:]:
            if at >= end:
                break
            found.append(chunk.text[max(0, start - at) : end - at])
            at += len(chunk.text)
        return "".join(found)

    def edited(self, start: int, end: int, new: str) -> "Lines":
        """Return the text with `new` in place of the range from `start` to `end`."""
        if end - start == self.length:
            return Lines(new)
        # The characters before and after are cut anew too: they may become, or have been, half of a line end.
        first = min(bisect_right(self._ends, max(0, start - 1)), len(self._chunks) - 1)
        last = min(bisect_right(self._ends, end), len(self._chunks) - 1)
        at = self._first(first)
        touched = self._chunks[first : last + 1]
        old = touched[0].text if len(touched) == 1 else "".join(it.text for it in touched)
        cut = _cut(old[: start - at] + new + old[end - at :])
        chunks = [*self._chunks[:first], *cut, *self._chunks[last + 1 :]] or [_Chunk("")]
        return Lines._of(chunks, self.length - (end - start) + len(new))

    def is_around(self, other: "Lines", start: int, end: int) -> bool:
        """Report whether this text differs from another only in the range from `start` to `end` of the other."""
        shorter, behind = min(self.length, other.length), other.length - end
        if start + behind > shorter:
            return False
        above, below = _same(self._chunks, other._chunks), _same(self._chunks[::-1], other._chunks[::-1])
        if above < start and self.slice(above, start) != other.slice(above, start):
            return False
        if below >= behind:
            return True
        return self.slice(self.length - behind, self.length - below) == other.slice(end, other.length - below)

    @property
    def newline(self) -> str:
        r"""The line end that is used most, `\n` if there is none."""
        ends: Counter[str] = Counter()
        for chunk in self._chunks:
            feeds = chunk.text.count("\n")
            ends.update({"\n": feeds - chunk.pairs, "\r\n": chunk.pairs, "\r": chunk.ends - feeds})
        return max(("\n", "\r\n", "\r"), key=lambda it: ends[it])

    def _first(self, at: int) -> int:
        """Return the start of a chunk."""
        return self._ends[at - 1] if at else 0


def _same(some: Iterable[_Chunk], others: Iterable[_Chunk]) -> int:
    """Return the number of code points in the leading chunks that two texts share."""
    shared = itertools.takewhile(lambda both: both[0] is both[1], zip(some, others, strict=False))
    return sum(len(chunk.text) for chunk, _ in shared)


def _cut(text: str) -> Iterator[_Chunk]:
    """Yield a text as chunks; none if it is empty."""
    if len(text) <= 2 * CHUNK:
        if text:
            yield _Chunk(text)
        return
    for start, end in pairwise(_places(text)):
        yield _Chunk(text[start:end])


def _places(text: str) -> list[int]:
    """Return the positions at which a text is cut, including its ends."""
    inner = range(CHUNK, len(text) - CHUNK // 2, CHUNK)
    return [0, *(it + (text[it - 1 : it + 1] == "\r\n") for it in inner), len(text)]
