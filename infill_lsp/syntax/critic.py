"""The critic: finds the parts of a draft that break the syntax of its file.

Only errors that the gap introduced count against it, not those elsewhere in the file with empty gaps. Must not depend
on tokens, models or files; bytes, the unit of tree-sitter, stay internal.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from infill_lsp.syntax import languages
from infill_lsp.syntax.errors import broken
from infill_lsp.syntax.languages import Language
from infill_lsp.syntax.parse import parse
from infill_lsp.syntax.part import first_outermost, last_match, last_outermost
from infill_lsp.syntax.python_parser import OwnParser, starts_of
from infill_lsp.syntax.tree import utf8
from infill_model.request import Request

NEAR: Final = 4_000
"""Minimum number of code points of prefix and of suffix to parse: some 100 lines each way."""

FAR: Final = 64_000
"""Maximum number of code points; in between, the window ends where an outermost definition starts."""

MOST_OPEN: Final = 6
"""Maximum number of open blocks that a critic closes."""

Span = tuple[int, int]
"""Start and end, in code points of one gap's text; (0, 1) in an empty one, where something must be written."""

_Place = tuple[int, int]
"""A place around the gaps: the index of the text piece, and a byte offset in it."""


@dataclass(frozen=True, slots=True)
class _Error:
    """An ERROR or MISSING node: its position in bytes of the draft, and the missing token, "" if none."""

    start: int
    end: int
    missing: str


@dataclass(frozen=True, slots=True)
class _Draft:
    """A document with its gaps filled, in bytes; gap i starts at `starts[i]` and ends at `ends[i]`."""

    data: bytes
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    @classmethod
    def of(cls, pieces: Sequence[str], texts: Sequence[str]) -> "_Draft":
        data, starts, ends = utf8(pieces[0]), [], []
        for text, piece in zip(texts, pieces[1:], strict=True):
            starts.append(len(data))
            data += utf8(text)
            ends.append(len(data))
            data += utf8(piece)
        return cls(data, tuple(starts), tuple(ends))

    def in_gap(self, at: int) -> bool:
        """Report whether byte `at` belongs to the text of a gap."""
        return any(start <= at < end for start, end in zip(self.starts, self.ends, strict=True))

    def place(self, at: int) -> _Place:
        """Return the place of byte `at`, outside the gaps, regardless of the gaps' contents."""
        piece = sum(end <= at for end in self.ends)
        return piece, at - (self.ends[piece - 1] if piece else 0)

    def touches(self, gap: int, error: _Error) -> bool:
        """Report whether only blanks lie between the gap and the error."""
        start, end = self.starts[gap], self.ends[gap]
        return not self.data[error.end : start].strip(b" \t") and not self.data[end : error.start].strip(b" \t")

    def misses_before(self, gap: int, error: _Error) -> bool:
        """Report whether the error is a missing token, such as a brace, after the last code before the gap."""
        start = self.starts[gap]
        return bool(error.missing) and error.end <= start and not self.data[error.end : start].strip()

    def distance(self, gap: int, error: _Error) -> int:
        """Return the number of bytes between the gap and the error."""
        return max(error.start - self.ends[gap], self.starts[gap] - error.end)

    def under(self, gap: int, error: _Error) -> Span:
        """Return the part of a touched gap's text under the error, or the character next to it; all of a blank text."""
        data = self.data[self.starts[gap] : self.ends[gap]]
        start, end = (_length(data[: max(at - self.starts[gap], 0)]) for at in (error.start, error.end))
        text = data.decode("utf-8")
        if start < end:
            return start, end
        if not text.strip():
            return _all_of(text)
        first, last = len(text) - len(text.lstrip()), len(text.rstrip()) - 1
        at = first if error.start <= self.starts[gap] else last
        return at, at + 1


class Critic:
    """Syntax judge for drafts of the gaps of one request.

    `pieces` is the text around the gaps: before the first, between each two, and after the last.
    """

    def __init__(self, pieces: Sequence[str], language: Language) -> None:
        if language.grammar is None:
            raise ValueError(f"there is no grammar for {language.name} here")
        self._language = language
        first, last = _end_of(pieces[0], language), _start_of(pieces[-1], language)
        self._pieces = (first, *pieces[1:-1], last)
        self._own = OwnParser(self._pieces, language.error_at) if language.error_at else None
        self._known_spans: dict[tuple[str, ...], list[list[Span]]] = {}

    @classmethod
    def of(cls, request: Request) -> "Critic | None":
        """Return the critic of a request; None without a grammar for its language."""
        language = languages.by_id(request.language)
        if language is None or language.grammar is None:
            return None
        return cls((request.prefix, *request.between, request.suffix), language)

    def __call__(self, texts: Sequence[str]) -> list[list[Span]]:
        """Return for each gap the spans of its text that should be rewritten (a `TextCritic`)."""
        key = tuple(texts)
        if key not in self._known_spans:
            self._known_spans[key] = self._spans(key)
        return self._known_spans[key]

    def _spans(self, texts: tuple[str, ...]) -> list[list[Span]]:
        spans = self._spans_as_it_is(texts)
        return self._closed(texts) if any(spans) and self._closed is not None else spans

    @cached_property
    def _closed(self) -> "Critic | None":
        """The critic of the same file with the user's unclosed blocks closed.

        If a brace is missing, some grammars treat everything from the head of the block on as an error, whatever it
        contains. None if braces do not make the file whole, apart from the lines of the gaps.
        """
        *pieces, last = self._without_lines
        empty = [""] * len(pieces)
        if "{" not in pieces[0] or not self._errors(_Draft.of([*pieces, last], empty)):
            return None
        for closing in ("\n" + "}" * braces for braces in range(1, MOST_OPEN + 1)):
            if not self._errors(_Draft.of([*pieces, last + closing], empty)):
                return Critic([*self._pieces[:-1], self._pieces[-1] + closing], self._language)
        return None

    def _spans_as_it_is(self, texts: tuple[str, ...]) -> list[list[Span]]:
        draft = _Draft.of(self._pieces, texts)
        gaps = range(len(texts))
        spans: list[list[Span]] = [[] for _ in gaps]
        for error in self._new_errors(draft):
            touched = [gap for gap in gaps if draft.touches(gap, error)]
            for gap in touched:
                spans[gap].append(draft.under(gap, error))
            if not touched:
                gap = min(gaps, key=lambda gap: draft.distance(gap, error))
                spans[gap].append(_all_of(texts[gap]))
        if not any(spans):
            self._ask_own_parser(texts, spans)
        return [_merged(found) for found in spans]

    def _ask_own_parser(self, texts: tuple[str, ...], spans: list[list[Span]]) -> None:
        """Add the objection of the language's own parser; if it lies in no gap, the whole of the nearest gap."""
        at = self._own.objection(texts) if self._own else None
        if at is None:
            return
        starts = starts_of(self._pieces, texts)
        gap = min(range(len(texts)), key=lambda it: max(starts[it] - at, at - starts[it] - len(texts[it]), 0))
        inside = starts[gap] <= at < starts[gap] + len(texts[gap])
        start = at - starts[gap]
        spans[gap].append((start, start + 1) if inside else _all_of(texts[gap]))

    def parses(self, texts: Sequence[str]) -> bool:
        """Report whether the draft introduces no syntax error into the file."""
        return not any(self(texts))

    def _new_errors(self, draft: _Draft) -> list[_Error]:
        errors = self._errors(draft)
        return [error for error in errors if not self._was_there(error, draft)] if errors else []

    def _was_there(self, error: _Error, draft: _Draft) -> bool:
        """Report whether the file with empty gaps has this error too.

        If the error is at a gap that finishes a line, such as `x = f(`, the gap must fix it, unless the file is broken
        there even without that line.
        """
        if draft.in_gap(error.start):
            return False
        place = draft.place(error.start)
        duties = [gap for gap in range(len(draft.starts)) if draft.touches(gap, error)]
        if error.missing and duties and all((gap, error.missing) in self._broken_without for gap in duties):
            return True
        known = any(start <= place <= end for start, end in self._known)
        return known and all({(gap, error.missing), (gap, "")} & self._broken_without for gap in duties)

    @cached_property
    def _known(self) -> list[tuple[_Place, _Place]]:
        """The ranges in which the file with empty gaps is broken."""
        empty = _Draft.of(self._pieces, [""] * (len(self._pieces) - 1))
        return [(empty.place(error.start), empty.place(error.end)) for error in self._errors(empty)]

    @cached_property
    def _broken_without(self) -> set[tuple[int, str]]:
        """The gaps around which the file is broken even if their lines are empty.

        Each comes with the missing token: a brace if a block is not closed yet; then only that is not the gap's fault.
        """
        lines = _Draft.of(self._without_lines, [""] * (len(self._pieces) - 1))
        gaps, errors = range(len(lines.starts)), self._errors(lines)
        near = (lines.touches, lines.misses_before)
        return {(gap, error.missing) for gap in gaps for error in errors if any(at(gap, error) for at in near)}

    @cached_property
    def _without_lines(self) -> tuple[str, ...]:
        """The text around the gaps without the gaps' lines."""
        first, *between, last = self._pieces
        rest = [_after_line(_before_line(piece)) if "\n" in piece else "" for piece in between]
        return _before_line(first), *rest, _after_line(last)

    def _errors(self, draft: _Draft) -> list[_Error]:
        nodes = broken(parse(draft.data, self._language).root_node)
        return [_Error(it.start_byte, it.end_byte, it.type if it.is_missing else "") for it in nodes]


def _end_of(prefix: str, language: Language) -> str:
    """Return the end of `prefix` from the last outermost definition that leaves enough context."""
    if len(prefix) <= (FAR if language.unindented_blocks else NEAR):
        return prefix
    window = prefix[-FAR:]
    start = last_match(language.definition, window, 0, len(window) - NEAR)
    if start is not None or len(prefix) <= FAR:
        return window[start or 0 :]
    return window[last_outermost(window, len(window) - NEAR) :]


def _start_of(suffix: str, language: Language) -> str:
    """Return the start of `suffix` up to the first outermost definition that leaves enough context."""
    if len(suffix) <= (FAR if language.unindented_blocks else NEAR):
        return suffix
    window = suffix[:FAR]
    end = language.definition.search(window, NEAR)
    if end or len(suffix) <= FAR:
        return window[: end.start() if end else len(window)]
    return window[: first_outermost(window, NEAR)]


def _before_line(piece: str) -> str:
    """Return `piece` without its last, unfinished line."""
    return piece[: piece.rfind("\n") + 1]


def _after_line(piece: str) -> str:
    """Return `piece` without the rest of the line it starts in."""
    end = piece.find("\n")
    return piece[end:] if end >= 0 else ""


def _length(data: bytes) -> int:
    return len(data.decode("utf-8", "ignore"))


def _all_of(text: str) -> Span:
    return 0, max(len(text), 1)


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Return the spans in order, with overlapping ones joined."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged
