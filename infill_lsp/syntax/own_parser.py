"""What a language's own parser says of a draft, where it is at hand: Python's.

Grammars are lenient, for they read what is still being written: a `try` without a body passes, and a line indented too
far. The language's own parser is strict, so it can only be asked about files that are right but for the gap. Which are,
is found by trying. Where it takes the file with something simple in the gap, a draft that it does not take is wrong;
where it takes it with something simple instead of the gap's line, a draft that it stumbles over is. It knows neither
trees nor bytes; offsets are code points.
"""

import ast
import itertools
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeAlias

ErrorAt: TypeAlias = Callable[[str], int | None]
"""From a text to where its first syntax error is; None where there is none, or nothing can be said."""

_STAND_INS: Final = (
    *("pass", "", "if x:", "if x: pass", "try: pass", "try:", "else:", "except x:"),
    *("x(", "x = [", "x = {", "x,"),
)
"""Lines, one of which fits in most places of a Python file. None closes a bracket that somebody may still close."""

_COMPLETIONS: Final = ("x", "x:", ":", "", "x,")
"""What may finish a line that was begun, or stand in the middle of it; none closes a bracket."""


def python_error_at(text: str) -> int | None:
    """Where the running Python's parser first objects to a text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Escapes that will be errors one day are not yet.
        try:
            ast.parse(text)
        except SyntaxError as error:
            above = itertools.islice(text.split("\n"), max(0, (error.lineno or 1) - 1))
            return min(len(text), sum(len(line) + 1 for line in above) + max(0, (error.offset or 1) - 1))
        except (ValueError, RecursionError, MemoryError):
            return None
    return None


class OwnParser:
    """Judges drafts of the gaps of one request.

    Args:
        pieces: the text around the gaps: before the first, between each two, after the last.
        error_at: the parser.
    """

    def __init__(self, pieces: Sequence[str], error_at: ErrorAt) -> None:
        self._pieces, self._error_at = pieces, error_at
        self._right: dict[tuple[str, ...], bool] = {}
        self._can_be_right: bool | None = None

    def objection(self, texts: Sequence[str]) -> int | None:
        """Where a draft, as one text with what is around it, brings in an error; None where it brings in none."""
        at = self._error_at("".join(_alternating(self._pieces, texts)))
        if at is None:
            return None
        blamed = self._is_in_gap(at, texts) and self._is_right(self._indentations(texts))
        return at if blamed or self._may_be_right() else None

    def _is_in_gap(self, at: int, texts: Sequence[str]) -> bool:
        """Whether an error is in what a draft has written, not in a line that it only goes on with."""
        start = 0
        for piece, text in zip(self._pieces, texts, strict=False):
            start += len(piece)
            line_is_the_drafts = not piece[piece.rfind("\n") + 1 :].strip()
            if start <= at < start + len(text) or (line_is_the_drafts and at >= start):
                return True
            start += len(text)
        return False

    def _may_be_right(self) -> bool:
        """Whether the file is right with something simple in every gap."""
        if self._can_be_right is None:
            gaps = len(self._pieces) - 1
            found = (self._error_at("".join(_alternating(self._pieces, [it] * gaps))) is None for it in _COMPLETIONS)
            self._can_be_right = any(found)
        return self._can_be_right

    def _is_right(self, indentations: tuple[str, ...]) -> bool:
        """Whether the file is right with some simple line, so indented, in the place of each line with a gap."""
        if indentations not in self._right:
            found = (self._error_at(self._with(indentations, it)) is None for it in _STAND_INS)
            self._right[indentations] = any(found)
        return self._right[indentations]

    def _with(self, indentations: tuple[str, ...], stand_in: str) -> str:
        first, *between, last = self._pieces
        start, end = first.rfind("\n") + 1, last.find("\n")
        parts = [first[:start], indentations[0], stand_in]
        for piece, indentation in zip(between, indentations[1:], strict=True):
            if "\n" in piece:  # Gaps on one line share what stands in.
                parts += [piece[piece.find("\n") : piece.rfind("\n") + 1], indentation, stand_in]
        return "".join([*parts, last[end:] if end >= 0 else ""])

    def _indentations(self, texts: Sequence[str]) -> tuple[str, ...]:
        """Of the line that each gap starts in; the draft's own where there is nothing before it."""
        stems = (piece[piece.rfind("\n") + 1 :] for piece in self._pieces[:-1])
        lines = (f"{stem}x" if stem else text for stem, text in zip(stems, texts, strict=True))
        return tuple(line[: len(line) - len(line.lstrip(" \t"))] for line in lines)


def _alternating(pieces: Sequence[str], texts: Sequence[str]) -> Iterator[str]:
    """Pieces and texts by turns; there is one piece more."""
    for piece, text in zip(pieces, texts, strict=False):
        yield piece
        yield text
    yield pieces[-1]
