"""Chooses the part of a text to parse for a position: all of a short text, the surroundings in a long one.

Parsers visit every outermost statement of a file even if only one letter has changed, so parsing the whole would make
the cost of each key grow with the file. A part begins and ends where an outermost definition starts, if one does so
within reach: there nothing is open, neither a block nor a bracket nor a string.
"""

import re
from collections.abc import Iterator
from typing import Final

WHOLE: Final = 16_000
"""Code points up to which a text is always parsed as a whole."""

NEAR: Final = 3_000
"""Minimum number of code points in a part on each side of the position: some 75 lines."""

_REACH: Final = 2_000
"""Code points searched for the least indented line."""

FAR: Final = 12_000
"""Maximum number of code points on each side of the position."""

LONGEST: Final = 60_000
"""Maximum number of code points in one of the parts of a whole text: some classes are that long."""

_LINE_START: Final = re.compile(r"^([ \t]*)(?=\S)", re.MULTILINE)

Part = tuple[int, int]
"""Start and end, in code points."""


def parts(text: str, definition: re.Pattern[str]) -> Iterator[Part]:
    """Yield a text in parts that begin where outermost definitions start, if they do so within reach."""
    start = 0
    while start < len(text):
        end = len(text) if len(text) - start <= FAR else _end(text, start, definition, LONGEST)
        yield start, end
        start = end


def part_around(text: str, at: int, definition: re.Pattern[str]) -> Part:
    """Return the part around an offset; `definition` matches where an outermost definition starts."""
    if len(text) <= WHOLE:
        return 0, len(text)
    return _start(text, at, definition), _end(text, at, definition)


def _start(text: str, at: int, definition: re.Pattern[str]) -> int:
    """Return the start of the last definition before; if there is none, of the last of the least indented lines."""
    if at <= NEAR:
        return 0
    first, last = max(0, at - FAR), at - NEAR
    if (start := last_match(definition, text, first, last)) is not None:
        return start
    return 0 if first == 0 else last_outermost(text, last)


def _end(text: str, at: int, definition: re.Pattern[str], far: int = FAR) -> int:
    """Return the start of the first definition after; if there is none, of the first of the least indented lines."""
    first, last = at + NEAR, at + far
    if first >= len(text):
        return len(text)
    if found := definition.search(text, first, last):
        return found.start()
    if last >= len(text):
        return len(text)
    return first_outermost(text, first)


def last_match(pattern: re.Pattern[str], text: str, first: int, last: int) -> int | None:
    """Return the start of the last match in a range, which is searched from its end; None if there is none.

    Args:
        pattern: matches at the start of a line, and within that.
        text: to be searched.
        first: where the range starts, in code points.
        last: where it ends.
    """
    reach = _REACH
    while True:
        start = max(first, last - reach)
        starts = [it.start() for it in pattern.finditer(text, start, last)]
        if starts or start == first:
            return starts[-1] if starts else None
        reach *= 4


def last_outermost(text: str, offset: int) -> int:
    """Return the start of the last of the least indented lines before an offset; the offset if there is none."""
    lines = [(len(it[1]), -it.start()) for it in _LINE_START.finditer(text, max(0, offset - _REACH), offset)]
    return -min(lines)[1] if lines else offset


def first_outermost(text: str, offset: int) -> int:
    """Return the start of the first of the least indented lines after an offset; the offset if there is none."""
    lines = [(len(it[1]), it.start()) for it in _LINE_START.finditer(text, offset, offset + _REACH)]
    return min(lines)[1] if lines else offset
