r"""A text with lines, places and a syntax tree: what is to be filled, before and after.

Offsets are code points. Lines and columns are what people say: both count from one, and a column stands before its
character. Only `\n`, `\r\n` and `\r` end a line. It knows nothing of files, editors or models.
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
"""Code points above a gap that a model is given at the least where there are more: it reads some 4,000 of them, and
copies from the others."""

BELOW: Final = 64_000
"""Code points below that it is given at the most."""

LARGEST: Final = 8_000_000
"""Code points of a document in which anything is suggested."""

LONG_LINE: Final = 1_000
"""Code points of a line on each side of a place that count; longer lines are data."""

_STEP: Final = 512
"""What is above starts at a multiple of so many lines, so that typing seldom moves it."""

_BLOCK: Final = 256
"""Code points that are looked at first to get past blanks, and twice as many each time."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of a document to be filled anew, in code points."""

    start: int
    end: int


@dataclass(frozen=True, init=False)
class Document:
    """An immutable text.

    Attributes:
        name: what people know it by: a path, or the URI of an editor's buffer.
        lines: the text with its lines.
        language: None where it is not known.
        version: what the editor calls this state of it; None outside of editors.
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
        """All of it."""
        return self.lines.text

    @property
    def is_too_large(self) -> bool:
        """Whether it is so large that nothing is done with it but to keep it."""
        return self.lines.length > LARGEST

    @classmethod
    def with_marks(cls, name: str, text: str, language: Language | None = None) -> tuple["Document", tuple[Gap, ...]]:
        """A text in which each gap is marked by `<gap>`.

        Raises:
            PositionError: there is no mark in it.
        """
        first, *others = text.split(GAP_MARK)
        if not others:
            raise PositionError(f"{name}: no gap in it; write {GAP_MARK} where text is to be filled in")
        places = [len(first)]
        for piece in others[:-1]:
            places.append(places[-1] + len(piece))
        return cls(name, first + "".join(others), language), tuple(Gap(place, place) for place in places)

    def tree_at(self, offset: int) -> SyntaxTree | None:
        """The syntax tree of what is around an offset; None where there is no grammar for its language."""
        return self.parsed(self.part_at(offset))

    def part_at(self, offset: int) -> Part:
        """What is parsed to know what is at an offset: all, unless the text is long; the same for all of a line."""
        if self.language is None:
            return 0, len(self.text)
        start = self.lines.start(self.lines.number(offset))
        known = start, (offset - start) // LONG_LINE
        if known not in self._parts:
            self._parts[known] = part_around(self.text, start + known[1] * LONG_LINE, self.language.definition)
        return self._parts[known]

    def parsed(self, part: Part | None = None) -> SyntaxTree | None:
        """The syntax tree of a part, or of all; None where there is no grammar for its language."""
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
        """The document with `new` in place of what is from offset `start` to `end`."""
        return Document(self.name, self.lines.edited(start, end, new), self.language, version)

    @property
    def line_count(self) -> int:
        """Lines, the empty one after a final line end included."""
        return self.lines.count

    @cached_property
    def newline(self) -> str:
        r"""The line end this document uses most, `\n` if it has none."""
        return self.lines.newline

    def line(self, number: int) -> str:
        """The text of a line, without its end."""
        return self.lines.line(number)

    def offset(self, line: int, column: int) -> int:
        """The offset of a place.

        Raises:
            PositionError: the document has no such place.
        """
        if not 1 <= line <= self.line_count:
            lines = "1 line" if self.line_count == 1 else f"{self.line_count} lines"
            raise PositionError(f"{self.name}: line {line} is outside; it has {lines}")
        last = len(self.line(line)) + 1
        if not 1 <= column <= last:
            raise PositionError(f"{self.name}: column {column} is outside of line {line}; its columns are 1 to {last}")
        return self.lines.start(line) + column - 1

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset."""
        line = self.lines.number(offset)
        return line, offset - self.lines.start(line) + 1

    def line_before(self, offset: int) -> str:
        """The line of an offset, up to it; of a line that is very long the end of that."""
        return self.lines.slice(max(self.lines.start(self.lines.number(offset)), offset - LONG_LINE), offset)

    def line_behind(self, offset: int) -> str:
        """The line of an offset, from it on; of a line that is very long the beginning of that."""
        return self.lines.slice(offset, min(self.lines.end(self.lines.number(offset)), offset + LONG_LINE))

    def lines_above(self, number: int) -> Iterator[str]:
        """The lines above a line that are not blank, the nearest first."""
        while (at := self.code_end(self.lines.start(number))) > 0:
            number = self.lines.number(at - 1)
            yield self.line(number)

    def lines_below(self, number: int) -> Iterator[str]:
        """The lines below a line that are not blank, the nearest first."""
        while number < self.line_count:
            at = self.code_start(self.lines.start(number + 1))
            if at == len(self.text):
                return
            number = self.lines.number(at)
            yield self.line(number)

    def code_end(self, offset: int) -> int:
        """The offset behind the last sign before `offset` that is not blank; 0 where there is none."""
        text, size = self.text, _BLOCK
        while offset > 0:
            start = max(0, offset - size)
            if kept := text[start:offset].rstrip():
                return start + len(kept)
            offset, size = start, 2 * size
        return 0

    def code_start(self, offset: int) -> int:
        """The offset of the first sign from `offset` on that is not blank; the text's end where there is none."""
        text, size = self.text, _BLOCK
        while offset < len(text):
            block = text[offset : offset + size]
            if kept := block.lstrip():
                return offset + len(block) - len(kept)
            offset, size = offset + len(block), 2 * size
        return len(text)

    def opens_block(self, line: str) -> bool:
        """Whether the body of a block belongs below such a line."""
        return self.language is not None and self.language.opens_block.search(line) is not None

    def gap(self, start: tuple[int, int], end: tuple[int, int] | None = None) -> Gap:
        """The gap from one place to another, or at one place.

        Raises:
            PositionError: a place is outside, or the end is before the start.
        """
        first = self.offset(*start)
        last = first if end is None else self.offset(*end)
        if last < first:
            raise PositionError(f"{self.name}: the gap ends before it starts")
        return Gap(first, last)

    def is_around(self, before: "Document", start: int, end: int) -> bool:
        """Whether it is an earlier text but for what is from `start` to `end` there: nothing else has changed."""
        return self.lines.is_around(before.lines, start, end)

    def pieces(self, gaps: Sequence[Gap], part: Part | None = None) -> list[str]:
        """The text, or a part of it, before the first gap, between each two, and after the last."""
        first, last = part or (0, len(self.text))
        starts = [first, *(gap.end for gap in gaps)]
        ends = [*(gap.start for gap in gaps), last]
        return [self.text[start:end] for start, end in zip(starts, ends, strict=True)]

    def request(self, gaps: Sequence[Gap], *, block: bool | None = None) -> Request:
        r"""What a model is asked; it sees `\n` at every line's end. `block` None: the gaps tell."""
        part = self._reach_above(gaps[0].start), min(len(self.text), gaps[-1].end + BELOW)
        prefix, *between, suffix = (normalised(piece) for piece in self.pieces(gaps, part))
        if block is None:
            block = any(self._wants_block(gap) for gap in gaps)
        return Request(prefix, suffix, tuple(between), self.language.id if self.language else None, block)

    def _reach_above(self, offset: int) -> int:
        """Where what a model is given starts."""
        if offset <= ABOVE:
            return 0
        line = (self.lines.number(offset - ABOVE) - 1) // _STEP * _STEP
        start = self.lines.start(line + 1)
        return start if offset - start < 2 * ABOVE else offset - offset % ABOVE - ABOVE  # Few lines, but long ones.

    def filled(self, gaps: Sequence[Gap], texts: Sequence[str]) -> "Document":
        """The document with its gaps filled; the new text gets the line ends of the old."""
        pieces = self.pieces(gaps)
        own = [normalised(text).replace("\n", self.newline) for text in texts]
        text = pieces[0] + "".join(a + b for a, b in zip(own, pieces[1:], strict=True))
        return Document(self.name, text, self.language)

    def _wants_block(self, gap: Gap) -> bool:
        """Whether a gap takes the place of several lines, or is all there is on a line after one that opens a block."""
        first, last = (self.place(at)[0] for at in (gap.start, gap.end))
        if first != last:
            return True
        if self.line_before(gap.start).strip() or self.line_behind(gap.end).strip():
            return False
        return self.opens_block(next(self.lines_above(first), ""))


def normalised(text: str) -> str:
    r"""`text` with `\n` for every line end."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
