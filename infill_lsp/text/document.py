r"""A text with lines, places and a syntax tree: the document to fill, before and after.

Offsets are code points. Lines and columns follow users' convention: both count from one, and a column stands before its
character. Only `\n`, `\r\n` and `\r` end a line. Must not depend on files, editors or models.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from infill_lsp.errors import PositionError
from infill_lsp.syntax.languages import Language
from infill_lsp.syntax.part import Part, part_around
from infill_lsp.syntax.tree import SyntaxTree
from infill_lsp.text.lines import Lines
from infill_model.request import Request

GAP_MARK: Final = "<gap>"

ABOVE: Final = 128_000
"""Minimum number of code points above a gap given to a model, if there are more: it reads some 4,000 of them, and
copies from the others."""

BELOW: Final = 64_000
"""Maximum number of code points below a gap given to a model."""

LARGEST: Final = 8_000_000
"""Maximum number of code points of a document in which anything is suggested."""

LONG_LINE: Final = 1_000
"""Code points of a line that count on each side of a position; longer lines are data."""

_STEP: Final = 512
"""The text above starts at a multiple of this number of lines, so that typing seldom moves it."""

_BLOCK: Final = 256
"""Code points examined first to skip blanks; the number doubles each time."""

_AT_ONCE: Final = 64
"""Maximum number of lines that are cut at a time for those who read line after line; the first is cut alone."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A range of a document to be filled anew, in code points."""

    start: int
    end: int


@dataclass(frozen=True, init=False)
class Document:
    """An immutable text.

    Attributes:
        name: its name for people: a path, or the URI of an editor's buffer.
        lines: the text with its lines.
        language: its language; None if unknown.
        version: the editor's version of this state; None outside editors.
    """

    name: str
    lines: Lines
    language: Language | None
    version: int | None

    def __init__(self, name: str, text: str | Lines, language: Language | None = None, version: int | None = None):
        lines = Lines(text) if isinstance(text, str) else text
        self.__dict__.update(name=name, lines=lines, language=language, version=version)

    @property
    def text(self) -> str:
        """The whole text."""
        return self.lines.text

    @property
    def is_too_large(self) -> bool:
        """Whether the document is so large that it is only stored."""
        return self.lines.length > LARGEST

    @property
    def in_notebook(self) -> bool:
        """Whether the document is a cell of a notebook, by its name."""
        return "notebook-cell:" in self.name or ".ipynb#" in self.name

    @classmethod
    def with_marks(cls, name: str, text: str, language: Language | None = None) -> tuple["Document", tuple[Gap, ...]]:
        """Split a text in which each gap is marked by `<gap>` into document and gaps.

        Raises:
            PositionError: the text contains no mark.
        """
        first, *others = text.split(GAP_MARK)
        if not others:
            raise PositionError(f"{name}: contains no gap; write {GAP_MARK} where text should be filled in")
        places = [len(first)]
        for piece in others[:-1]:
            places.append(places[-1] + len(piece))
        return cls(name, first + "".join(others), language), tuple(Gap(place, place) for place in places)

    def tree_at(self, offset: int) -> SyntaxTree | None:
        """Return the syntax tree of the part around an offset; None without a grammar for the language."""
        return self.parsed(self.part_at(offset))

    def part_at(self, offset: int) -> Part:
        """Return the part to parse for an offset: everything, unless the text is long; the same for a whole line."""
        if self.language is None:
            return 0, len(self.text)
        start = self.lines.start(self.lines.number(offset))
        known = start, (offset - start) // LONG_LINE
        if known not in self._parts:
            self._parts[known] = part_around(self.text, start + known[1] * LONG_LINE, self.language.definition)
        return self._parts[known]

    def parsed(self, part: Part | None = None) -> SyntaxTree | None:
        """Return the syntax tree of a part, or of everything; None without a grammar for the language."""
        part = part or (0, len(self.text))
        if self.language is None or self.language.grammar is None:
            return None
        if part not in self._trees:
            self._trees[part] = SyntaxTree.parse(self.text, self.language, part)
        return self._trees[part]

    @cached_property
    def _parts(self) -> dict[tuple[int, int], Part]:
        return {}

    @cached_property
    def _trees(self) -> dict[Part, SyntaxTree]:
        return {}

    def edited(self, start: int, end: int, new: str, version: int | None = None) -> "Document":
        """Return the document with `new` in place of the text from offset `start` to `end`."""
        return Document(self.name, self.lines.edited(start, end, new), self.language, version)

    @property
    def line_count(self) -> int:
        """The number of lines, including the empty one after a final line end."""
        return self.lines.count

    @cached_property
    def newline(self) -> str:
        r"""The line end this document uses most, `\n` if it has none."""
        return self.lines.newline

    def line(self, number: int) -> str:
        """Return the text of a line, without its end."""
        return self.lines.line(number)

    def offset(self, line: int, column: int) -> int:
        """Return the offset of a place.

        Raises:
            PositionError: the document has no such place.
        """
        if not 1 <= line <= self.line_count:
            lines = "1 line" if self.line_count == 1 else f"{self.line_count} lines"
            raise PositionError(f"{self.name}: line {line} does not exist; the document has {lines}")
        last = len(self.line(line)) + 1
        if not 1 <= column <= last:
            raise PositionError(f"{self.name}: column {column} is outside line {line}; its columns are 1 to {last}")
        return self.lines.start(line) + column - 1

    def place(self, offset: int) -> tuple[int, int]:
        """Return the line and column of an offset."""
        line = self.lines.number(offset)
        return line, offset - self.lines.start(line) + 1

    def line_before(self, offset: int) -> str:
        """Return the line of an offset, up to it; only the end of that if it is very long."""
        return self.lines.slice(max(self.lines.start(self.lines.number(offset)), offset - LONG_LINE), offset)

    def line_behind(self, offset: int) -> str:
        """Return the line of an offset, from it on; only the beginning of that if it is very long."""
        return self.lines.slice(offset, min(self.lines.end(self.lines.number(offset)), offset + LONG_LINE))

    def lines_above(self, number: int) -> Iterator[str]:
        """Yield the non-blank lines above a line, the nearest first."""
        count = 1
        while (at := self.code_end(self.lines.start(number))) > 0:
            last = self.lines.number(at - 1)
            number = max(1, last + 1 - count)
            yield from filter(str.strip, reversed(self._lines(number, last)))
            count = min(2 * count, _AT_ONCE)

    def lines_below(self, number: int) -> Iterator[str]:
        """Yield the non-blank lines below a line, the nearest first."""
        count = 1
        while number < self.line_count:
            at = self.code_start(self.lines.start(number + 1))
            if at == len(self.text):
                return
            first = self.lines.number(at)
            number = min(self.line_count, first + count - 1)
            yield from filter(str.strip, self._lines(first, number))
            count = min(2 * count, _AT_ONCE)

    def _lines(self, first: int, last: int) -> list[str]:
        """Return the texts of the lines from one to another, without their ends."""
        return normalised(self.lines.slice(self.lines.start(first), self.lines.end(last))).split("\n")

    def code_end(self, offset: int) -> int:
        """Return the offset just after the last non-blank character before `offset`; 0 if there is none."""
        text, size = self.text, _BLOCK
        while offset > 0:
            start = max(0, offset - size)
            if kept := text[start:offset].rstrip():
                return start + len(kept)
            offset, size = start, 2 * size
        return 0

    def code_start(self, offset: int) -> int:
        """Return the offset of the first non-blank character from `offset` on; the text's end if there is none."""
        text, size = self.text, _BLOCK
        while offset < len(text):
            block = text[offset : offset + size]
            if kept := block.lstrip():
                return offset + len(block) - len(kept)
            offset, size = offset + len(block), 2 * size
        return len(text)

    def opens_block(self, line: str) -> bool:
        """Report whether the body of a block belongs below this line."""
        return self.language is not None and self.language.opens_block.search(line) is not None

    def gap(self, start: tuple[int, int], end: tuple[int, int] | None = None) -> Gap:
        """Return the gap from one place to another, or at one place.

        Raises:
            PositionError: a place is outside the document, or the end is before the start.
        """
        first = self.offset(*start)
        last = first if end is None else self.offset(*end)
        if last < first:
            raise PositionError(f"{self.name}: the gap ends before it starts")
        return Gap(first, last)

    def is_around(self, before: "Document", start: int, end: int) -> bool:
        """Report whether only the range from `start` to `end` of the earlier document `before` has changed."""
        return self.lines.is_around(before.lines, start, end)

    def pieces(self, gaps: Sequence[Gap], part: Part | None = None) -> list[str]:
        """Return the text, or a part of it, before the first gap, between each two, and after the last."""
        first, last = part or (0, len(self.text))
        starts = [first, *(gap.end for gap in gaps)]
        ends = [*(gap.start for gap in gaps), last]
        return [self.text[start:end] for start, end in zip(starts, ends, strict=True)]

    def request(self, gaps: Sequence[Gap], *, block: bool | None = None) -> Request:
        r"""Return the request for a model, with `\n` at every line's end. If `block` is None, the gaps determine it."""
        part = self._reach_above(gaps[0].start), min(len(self.text), gaps[-1].end + BELOW)
        prefix, *between, suffix = (normalised(piece) for piece in self.pieces(gaps, part))
        if block is None:
            block = any(self._wants_block(gap) for gap in gaps)
        return Request(prefix, suffix, tuple(between), self.language.id if self.language else None, block)

    def _reach_above(self, offset: int) -> int:
        """Return the start of the text given to a model."""
        if offset <= ABOVE:
            return 0
        line = (self.lines.number(offset - ABOVE) - 1) // _STEP * _STEP
        start = self.lines.start(line + 1)
        return start if offset - start < 2 * ABOVE else offset - offset % ABOVE - ABOVE  # Few lines, but long ones.

    def filled(self, gaps: Sequence[Gap], texts: Sequence[str]) -> "Document":
        """Return the document with its gaps filled; the new text gets the line ends of the old."""
        pieces = self.pieces(gaps)
        own = [normalised(text).replace("\n", self.newline) for text in texts]
        text = pieces[0] + "".join(a + b for a, b in zip(own, pieces[1:], strict=True))
        return Document(self.name, text, self.language)

    def _wants_block(self, gap: Gap) -> bool:
        """Report whether a gap replaces several lines, or is alone on a line after one that opens a block."""
        first, last = (self.place(at)[0] for at in (gap.start, gap.end))
        if first != last:
            return True
        if self.line_before(gap.start).strip() or self.line_behind(gap.end).strip():
            return False
        return self.opens_block(next(self.lines_above(first), ""))


def normalised(text: str) -> str:
    r"""Return `text` with `\n` for every line end."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
