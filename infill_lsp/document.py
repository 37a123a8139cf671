r"""A text with lines, places and a syntax tree: what is to be filled, before and after.

Offsets are code points. Lines and columns are what people say: both count from one, and a column stands before its
character. Only `\n`, `\r\n` and `\r` end a line. It knows nothing of files, editors or models.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from infill_lsp.errors import PositionError
from infill_lsp.syntax.languages import Language
from infill_lsp.syntax.tree import SyntaxTree
from infill_model.request import Request

GAP_MARK: Final = "<gap>"

_LINE_END: Final = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of a document to be filled anew, in code points."""

    start: int
    end: int


@dataclass(frozen=True)
class Document:
    """An immutable text.

    Attributes:
        name: what people know it by: a path, or the URI of an editor's buffer.
        language: None where it is not known.
        version: what the editor calls this state of it; None outside of editors.
        parsed: the tree, where one was handed on; `tree` is what to ask.
    """

    name: str
    text: str
    language: Language | None = None
    version: int | None = None
    parsed: SyntaxTree | None = field(default=None, repr=False, compare=False)

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

    @cached_property
    def tree(self) -> SyntaxTree | None:
        """Its syntax tree; None where there is no grammar for its language."""
        if self.parsed is not None:
            return self.parsed
        if self.language is None or self.language.grammar is None:
            return None
        return SyntaxTree.parse(self.text, self.language)

    def edited(self, start: int, end: int, new: str, version: int | None = None) -> "Document":
        """The document with `new` in place of what is from offset `start` to `end`; its tree is edited with it."""
        text = self.text[:start] + new + self.text[end:]
        known = self.parsed or self.__dict__.get("tree")  # A tree nobody has asked for is not worth editing.
        return Document(self.name, text, self.language, version, known.edited(start, end, new) if known else None)

    @cached_property
    def _starts(self) -> list[int]:
        """The offset at which each line starts."""
        return [0, *(end.end() for end in _LINE_END.finditer(self.text))]

    @property
    def line_count(self) -> int:
        """Lines, the empty one after a final line end included."""
        return len(self._starts)

    @cached_property
    def newline(self) -> str:
        r"""The line end this document uses most, `\n` if it has none."""
        ends = _LINE_END.findall(self.text)
        return max(("\n", "\r\n", "\r"), key=ends.count)

    def line(self, number: int) -> str:
        """The text of a line, without its end."""
        start = self._starts[number - 1]
        end = _LINE_END.search(self.text, start)
        return self.text[start : end.start() if end else len(self.text)]

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
        return self._starts[line - 1] + column - 1

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def line_before(self, offset: int) -> str:
        """The line of an offset, up to it."""
        line, column = self.place(offset)
        return self.line(line)[: column - 1]

    def line_behind(self, offset: int) -> str:
        """The line of an offset, from it on."""
        line, column = self.place(offset)
        return self.line(line)[column - 1 :]

    def lines_above(self, number: int) -> Iterator[str]:
        """The lines above a line that are not blank, the nearest first."""
        lines = (self.line(it) for it in range(number - 1, 0, -1))
        return (line for line in lines if line.strip())

    def lines_below(self, number: int) -> Iterator[str]:
        """The lines below a line that are not blank, the nearest first."""
        lines = (self.line(it) for it in range(number + 1, self.line_count + 1))
        return (line for line in lines if line.strip())

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

    def pieces(self, gaps: Sequence[Gap]) -> list[str]:
        """The text before the first gap, between each two, and after the last."""
        starts = [0, *(gap.end for gap in gaps)]
        ends = [*(gap.start for gap in gaps), len(self.text)]
        return [self.text[start:end] for start, end in zip(starts, ends, strict=True)]

    def request(self, gaps: Sequence[Gap], *, block: bool | None = None) -> Request:
        r"""What a model is asked; it sees `\n` at every line's end. `block` None: the gaps tell."""
        prefix, *between, suffix = (normalised(piece) for piece in self.pieces(gaps))
        if block is None:
            block = any(self._wants_block(gap) for gap in gaps)
        return Request(prefix, suffix, tuple(between), self.language.id if self.language else None, block)

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
