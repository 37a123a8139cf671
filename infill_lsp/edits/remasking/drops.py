"""Where: the lines around an edit are read before and after it, and tokens that lost much probability are found.

The lines below are read behind the edited ones, those above as a gap before them. Nothing is written.
"""

import math
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from infill_lsp.edits.next_edits.hunks import hunks
from infill_lsp.edits.remasking.near import near
from infill_lsp.text.document import Document, normalised
from infill_model.request import Fill, Options, Request, Token

CONTEXT: Final = 400
"""Code points of the code beyond the edited lines that are read first."""

BEHIND: Final = 160
"""Code points of the code below an edit with which the lines above it are read."""

_MOST_KNOWN: Final = 4
"""Pieces that are remembered: of both states of an edit."""

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
        low: where the lines above them start that are read.
        high: where those below them end.
    """

    before: Document
    after: Document
    start: int
    old_end: int
    end: int
    low: int
    high: int

    @classmethod
    def of(cls, before: Document, after: Document) -> "Edited | None":
        """Return the lines in which two states differ; None if they are too many."""
        found = hunks(before.text, after.text)
        if not found:
            return None
        lines = after.lines
        start, at = lines.start(lines.number(found[0].start)), found[-1].end
        last = lines.number(at)
        head = lines.slice(start, found[0].start)
        if head == lines.slice(lines.start(last), at) == before.lines.slice(*_in_line(before, found[-1].old_end)):
            end = lines.start(last)  # Whole lines came or went, though what is equal was cut off within them.
        else:
            end = lines.start(last + 1) if last < lines.count else lines.length
        old_end = before.lines.length - (lines.length - end)
        if old_end < start or max(end, old_end) - start > _LARGEST:
            return None
        place = near(after, (start, end), before.lines.slice(start, old_end))
        return cls(before, after, start, old_end, end, *place)

    def pieces(self, state: Document) -> "tuple[Neighbours, Neighbours]":
        """Return the lines below the edit and those above it, with the code around them in one of the states."""
        lines, language = self.after.lines, self.after.language
        end = self.old_end if state is self.before else self.end
        reach = min(lines.length, self.end + BEHIND) - self.end

        def piece(start: int, stop: int, prefix: str, suffix: str) -> Neighbours:
            request = Request(normalised(prefix), normalised(suffix), (), language.id if language else None, True)
            return Neighbours(start, normalised(lines.slice(start, stop)), request)

        below = piece(self.end, self.high, state.lines.slice(begin(state, self.start), end), "")
        return below, piece(self.low, self.start, "", state.lines.slice(self.start, end + reach))


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Lines beside an edit, with the code around them in one state of the document.

    Attributes:
        start: where they start in the document as it is now, in code points.
        text: of the lines, the same in both states.
        request: the gap that they are.
    """

    start: int
    text: str
    request: Request


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


class Readings:
    """What was read last of a document: its state before an edit stays the same while one types on in one place."""

    def __init__(self) -> None:
        self._known: dict[tuple[Request, str], Sequence[Token]] = {}

    async def read(self, pieces: Iterable[Neighbours], ask: Reader) -> list[Sequence[Token]]:
        """Return the tokens of each piece as `read` does, of one that is known without asking."""
        found = list[Sequence[Token]]()
        for it in pieces:
            known = self._known.pop((it.request, it.text), ()) or (await read([it], ask))[0]
            self._known[it.request, it.text] = known
            found.append(known)
        for key in list(self._known)[:-_MOST_KNOWN]:
            del self._known[key]
        return found


async def read_tokens(edited: Edited, ask: Reader, readings: Readings | None = None) -> list[ReadToken]:
    """Return the tokens of the lines around an edit; fewer if the model had no time for all.

    Args:
        edited: the edit.
        ask: the engine.
        readings: what was read before, to be used and added to.
    """
    readings = readings or Readings()
    before, after = [await readings.read(edited.pieces(it), ask) for it in (edited.before, edited.after)]
    return compared(edited, before, after)


async def read(pieces: Iterable[Neighbours], ask: Reader) -> list[Sequence[Token]]:
    """Return the tokens of each piece; none of a blank one, and of one for which the model had no time."""
    found = list[Sequence[Token]]()
    for it in pieces:
        fills = await ask(it.request, Options(steps=0, start=(it.text,))) if it.text.strip() else ()
        found.append(fills[0].tokens if fills else ())
    return found


def compared(edited: Edited, before: Sequence[Sequence[Token]], after: Sequence[Sequence[Token]]) -> list[ReadToken]:
    """Return the tokens of the lines around an edit, as `read` found them in both states."""
    return [
        ReadToken(start, line, now.text, math.log(was.confidence), math.log(now.confidence))
        for piece, olds, news in zip(edited.pieces(edited.after), before, after, strict=True)
        for (start, line), was, now in zip(
            _places(edited.after, piece.start, [it.text for it in news]), olds, news, strict=False
        )
    ]


def _in_line(document: Document, offset: int) -> tuple[int, int]:
    """Return where the line of an offset starts, and the offset."""
    return document.lines.start(document.lines.number(offset)), offset


def begin(document: Document, offset: int) -> int:
    """Return where the code above an offset begins for a model: with a line, unless that is very long."""
    start = max(0, offset - CONTEXT)
    line = document.lines.start(document.lines.number(start))
    return line if start - line < CONTEXT else start


def _places(document: Document, start: int, pieces: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield where each piece starts in a document, whatever its line ends are; and its line."""
    line, column = document.place(start)
    for piece in pieces:
        yield document.lines.start(line) + column - 1, line
        breaks = piece.count("\n")
        line += breaks
        column = len(piece) - piece.rfind("\n") if breaks else column + len(piece)
