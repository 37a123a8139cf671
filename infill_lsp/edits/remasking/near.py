"""Which lines around an edit are read: those near it, from the first to the last that shares a name with it.

Reading is what a search takes its time for, and a line that an edit calls to change nearly always shares a name with
the edited lines, or with those that enclose them: the function's, the class's. The body below a head is read whole.
"""

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Final

from infill_lsp.syntax.keywords import keywords
from infill_lsp.text.document import Document

NEAR: Final = 600
"""Code points on each side of an edit, in whole lines, that may be read."""

_NAME: Final = re.compile(r"[^\W\d]\w+")


def near(document: Document, edited: tuple[int, int], old: str) -> tuple[int, int]:
    """Return where the lines to read start above an edit, and where they end below it, in code points.

    Args:
        document: the document as it is now.
        edited: where the edited lines start and end.
        old: what they were before.
    """
    lines, (start, end) = document.lines, edited
    low, high = max(0, start - NEAR), min(lines.length, end + NEAR)
    low = low and min(start, lines.start(lines.number(low) + 1))
    high = high if high == lines.length else max(end, lines.start(lines.number(high)))
    edits = f"{lines.slice(start, end)}\n{old}"
    text = "\n".join([edits, *_enclosing(document, start, edits)])
    names = {*_NAME.findall(text)} - keywords(document.language)
    above, below = (lines.slice(*it).splitlines(keepends=True) for it in ((low, start), (end, high)))
    first = next((n for n, it in enumerate(above) if _has(it, names)), len(above))
    last = next((n for n in range(len(below), 0, -1) if _has(below[n - 1], names)), 0)
    last = max(last, _headed(below, lines.slice(start, end)))
    return low + sum(map(len, above[:first])), end + sum(map(len, below[:last]))


def _has(line: str, names: set[str]) -> bool:
    return not names.isdisjoint(_NAME.findall(line))


def _headed(below: Sequence[str], edited: str) -> int:
    """Return how many lines below edited ones lie deeper than these: the body of a function whose head they are."""
    own = next((indent for line in edited.splitlines() if (indent := _indent(line)) is not None), None)
    inner = itertools.takewhile(lambda it: own is not None and (_indent(it) is None or (_indent(it) or 0) > own), below)
    return max((n for n, it in enumerate(inner, 1) if it.strip()), default=0)


def _enclosing(document: Document, start: int, edited: str) -> Iterator[str]:
    """Yield the lines above a line's start that enclose edited lines, as indentation tells, from the inside out."""
    least = next((indent for line in edited.splitlines() if (indent := _indent(line)) is not None), 0)
    for line in document.lines_above(document.lines.number(start)):
        if least == 0:
            return
        if (_indent(line) or 0) < least:
            least = _indent(line) or 0
            yield line


def _indent(line: str) -> int | None:
    """Return how far a line is indented; None if it is blank."""
    text = line.lstrip()
    return len(line) - len(text) if text else None
