"""Which part of a text is parsed to know what is at a place: all of a short one, and of a long one what is around.

Parsers go through every outermost statement of a file even where nothing but one letter has changed, so a tree of the
whole would make each key as dear as the file is long. It begins and ends where an outermost definition starts, if one
does so within reach: there nothing is open, neither a block nor a bracket nor a text.
"""

import re
from collections.abc import Iterator
from typing import Final

WHOLE: Final = 16_000
"""Code points of a text that is always parsed as a whole."""

NEAR: Final = 3_000
"""Code points on each side of a place that its part has at the least: some 75 lines."""

_REACH: Final = 2_000
"""Code points in which the line is looked for that is indented least."""

FAR: Final = 12_000
"""Code points at the most."""

_LINE_START: Final = re.compile(r"^([ \t]*)(?=\S)", re.MULTILINE)

Part = tuple[int, int]
"""From and to, in code points."""


def parts(text: str, definition: re.Pattern[str]) -> Iterator[Part]:
    """A text in parts that begin where outermost definitions start, as far as they do so within reach."""
    start = 0
    while start < len(text):
        end = len(text) if len(text) - start <= FAR else _end(text, start, definition)
        yield start, end
        start = end


def part_around(text: str, at: int, definition: re.Pattern[str]) -> Part:
    """The part around an offset; `definition` matches where an outermost definition starts."""
    if len(text) <= WHOLE:
        return 0, len(text)
    return _start(text, at, definition), _end(text, at, definition)


def _start(text: str, at: int, definition: re.Pattern[str]) -> int:
    """The last definition in front; where there is none, the last of the lines that are indented least."""
    if at <= NEAR:
        return 0
    first, last = max(0, at - FAR), at - NEAR
    starts = [it.start() for it in definition.finditer(text, first, last)]
    if starts:
        return starts[-1]
    return 0 if first == 0 else last_outermost(text, last)


def _end(text: str, at: int, definition: re.Pattern[str]) -> int:
    """The first definition behind; where there is none, the first of the lines that are indented least."""
    first, last = at + NEAR, at + FAR
    if first >= len(text):
        return len(text)
    if found := definition.search(text, first, last):
        return found.start()
    if last >= len(text):
        return len(text)
    return first_outermost(text, first)


def last_outermost(text: str, offset: int) -> int:
    """Where the last of the lines starts that are indented least before an offset; the offset where there is none."""
    lines = [(len(it[1]), -it.start()) for it in _LINE_START.finditer(text, max(0, offset - _REACH), offset)]
    return -min(lines)[1] if lines else offset


def first_outermost(text: str, offset: int) -> int:
    """Where the first of the lines starts that are indented least behind an offset; the offset where there is none."""
    lines = [(len(it[1]), it.start()) for it in _LINE_START.finditer(text, offset, offset + _REACH)]
    return min(lines)[1] if lines else offset
