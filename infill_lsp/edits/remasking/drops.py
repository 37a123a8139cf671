"""Where: the lines around an edit are read before and after it, and tokens that lost much probability are found.

The lines below are read behind the edited ones, those above as a gap before them. Nothing is written.
"""

import math
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from infill_lsp.edits.next_edits.hunks import hunks
from infill_lsp.text.document import Document, normalised
from infill_model.request import Fill, Options, Request

NEAR: Final = 900
"""Code points that are read on each side of an edit, in whole lines."""

CONTEXT: Final = 400
"""Code points of the code beyond the edited lines that are read first."""

_LARGEST: Final = 2_000
"""Code points of an edit, before and after; a larger one was no small thought."""


class Reader(Protocol):
    """A model that reads present text and writes: requests fills, as `Engine.ask` does."""

    def __call__(self, request: Request, options: Options, /) -> Awaitable[Sequence[Fill]]:
        """Return the fills, best first."""


@dataclass(frozen=True, slots=True)
class Edited:
    """The lines of an edit in both states of a document, in code points.

    Attributes:
        before: the document before it.
        after: the document as it is now.
        start: where they start, in both.
        old_end: where they end before it.
        end: where they end now.
    """

    before: Document
    after: Document
    start: int
    old_end: int
    end: int

    @classmethod
    def of(cls, before: Document, after: Document) -> "Edited | None":
        """Return the lines in which two states differ; None if they are too many."""
        found = hunks(before.text, after.text)
        if not found:
            return None
        lines = after.lines
        start = lines.start(lines.number(found[0].start))
        last = lines.number(found[-1].end)
        end = lines.start(last + 1) if last < lines.count else lines.length
        old_end = before.lines.length - (lines.length - end)
        if old_end < start or max(end, old_end) - start > _LARGEST:
            return None
        return cls(before, after, start, old_end, end)


@dataclass(frozen=True, slots=True)
class ReadToken:
    """A token of the document that was read in both states.

    Attributes:
        start: where it starts in the document, in code points.
        line: its number, from 1.
        text: the token's.
        before: its log-probability before the edit, in nats.
        after: its log-probability now.
    """

    start: int
    line: int
    text: str
    before: float
    after: float

    @property
    def drop(self) -> float:
        """How much less probable the edit made it, in nats."""
        return self.before - self.after


async def read_tokens(edited: Edited, ask: Reader) -> list[ReadToken]:
    """Return the tokens of the lines around an edit; fewer if the model had no time for all."""
    return [*await _below(edited, ask), *await _above(edited, ask)]


async def _below(edited: Edited, ask: Reader) -> list[ReadToken]:
    lines, start = edited.after.lines, edited.end
    end = min(lines.length, start + NEAR)
    whole = end if end == lines.length else max(start, lines.start(lines.number(end)))
    context = begin(edited.after, edited.start)
    prefixes = edited.before.lines.slice(context, edited.old_end), lines.slice(context, edited.end)
    return await _both(edited.after, (start, whole), [(it, "") for it in prefixes], ask)


async def _above(edited: Edited, ask: Reader) -> list[ReadToken]:
    lines, end = edited.after.lines, edited.start
    start = max(0, end - NEAR)
    whole = start if start == 0 else min(end, lines.start(lines.number(start) + 1))
    reach = min(lines.length, edited.end + CONTEXT) - edited.end
    suffixes = edited.before.lines.slice(end, edited.old_end + reach), lines.slice(end, edited.end + reach)
    return await _both(edited.after, (whole, end), [("", it) for it in suffixes], ask)


def begin(document: Document, offset: int) -> int:
    """Return where the code above an offset begins for a model: with a line, unless that is very long."""
    start = max(0, offset - CONTEXT)
    line = document.lines.start(document.lines.number(start))
    return line if start - line < CONTEXT else start


async def _both(
    document: Document, place: tuple[int, int], around: Sequence[tuple[str, str]], ask: Reader
) -> list[ReadToken]:
    """Read one piece of a document between two surroundings, those before the edit first."""
    text = normalised(document.lines.slice(*place))
    if not text.strip():
        return []
    language = document.language.id if document.language else None
    options, read = Options(steps=0, start=(text,)), []
    for prefix, suffix in around:
        fills = await ask(Request(normalised(prefix), normalised(suffix), (), language, True), options)
        if not fills:
            return []
        read.append(fills[0].tokens)
    places = _places(document, place[0], [it.text for it in read[1]])
    return [
        ReadToken(start, line, now.text, math.log(was.confidence), math.log(now.confidence))
        for (start, line), was, now in zip(places, *read, strict=False)
    ]


def _places(document: Document, start: int, pieces: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield where each piece starts in a document, whatever its line ends are; and its line."""
    line, column = document.place(start)
    for piece in pieces:
        yield document.lines.start(line) + column - 1, line
        breaks = piece.count("\n")
        line += breaks
        column = len(piece) - piece.rfind("\n") if breaks else column + len(piece)
