"""A change with the edits that it calls for, and the comparison of an offered edit with them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from infill_lsp.bench.next_edits.tokens import common, is_import, settled
from infill_lsp.edits.edit import Change
from infill_lsp.text.document import Document

CASES: Final = "cases"
"""The source of the cases that people wrote."""

SILENT: Final = "silent"
"""The kind of the cases that call for nothing, and the verdict where nothing is offered."""

VERDICTS: Final = ("right", "inexact", "false")
"""What an offered edit is worth: right, in a right place but with another text, or where nothing is called for."""


@dataclass(frozen=True, slots=True)
class Expected:
    """An edit that a careful colleague would offer, or would not mind.

    Attributes:
        start: where it starts, in code points of the document after the user's change.
        end: where it ends.
        texts: what may stand there instead, the most natural one first.
        wanted: whether it is missed where it is not offered.
    """

    start: int
    end: int
    texts: tuple[str, ...]
    wanted: bool = True


@dataclass(frozen=True, slots=True)
class EditCase:
    """A user's change, and what it calls for elsewhere in the document.

    Attributes:
        name: its file, or the commit and the path.
        source: `CASES`, or the repository that it is from.
        kind: the kind of edit, for the table.
        before: the document before the change.
        after: the document after it.
        cursor: the end of the change in `after`.
        expected: in order, without overlaps; with none that is wanted, nothing should be offered.
    """

    name: str
    source: str
    kind: str
    before: Document
    after: Document
    cursor: int
    expected: tuple[Expected, ...]

    @property
    def is_silent(self) -> bool:
        """Whether nothing should be offered."""
        return not self.wanted

    @property
    def wanted(self) -> frozenset[int]:
        """The positions of the wanted edits."""
        return frozenset(at for at, it in enumerate(self.expected) if it.wanted)

    @property
    def final(self) -> str:
        """The document's text with all wanted edits."""
        return applied(self.after.text, [Change(it.start, it.end, it.texts[0]) for it in self.expected if it.wanted])


@dataclass(frozen=True, slots=True)
class Judged:
    """An offered edit, its verdict, and the positions of the expected edits that it makes.

    Attributes:
        change: the edit.
        verdict: one of `VERDICTS`.
        met: positions in `EditCase.expected`; none if it is not right.
    """

    change: Change
    verdict: str
    met: tuple[int, ...] = ()


def applied(text: str, changes: Sequence[Change]) -> str:
    """Return a text with changes, which are in order and do not overlap."""
    pieces, at = [], 0
    for it in changes:
        pieces += [text[at : it.start], it.text]
        at = it.end
    return "".join([*pieces, text[at:]])


def judge(case: EditCase, change: Change) -> Judged:
    """Compare an offered edit with what is expected.

    It is right if the document becomes the same as by one expected edit, or by several neighbouring ones at once; so
    it does not matter how much of the unchanged text an edit repeats, nor in which order imports stand. It has the
    right place if it touches a line that an expected edit changes, or stands next to lines that one adds.
    """
    text = applied(case.after.text, [change])
    imports = _is_import(case.after, change)
    for run in _runs(case, change, imports=imports):
        for texts in product(*(case.expected[at].texts for at in run)):
            places = [case.expected[at] for at in run]
            edits = [Change(it.start, it.end, new) for it, new in zip(places, texts, strict=True)]
            wanted = applied(case.after.text, edits)
            if text == wanted or (imports and settled(text) == settled(wanted)):
                return Judged(change, "right", run)
    lines = set(_lines(case.after, change))
    edits = [Change(it.start, it.end, it.texts[0]) for it in case.expected]
    near = any((imports and _is_import(case.after, it)) or lines & set(_lines(case.after, it)) for it in edits)
    return Judged(change, "inexact" if near else "false")


def _is_import(document: Document, change: Change) -> bool:
    """Report whether a change begins in an import, or adds one beside another."""
    number = document.lines.number(change.start)
    if is_import(document.line(number)):
        return True
    return is_import(change.text.lstrip("\r\n")) and is_import(next(document.lines_above(number), ""))


def _runs(case: EditCase, change: Change, *, imports: bool) -> Iterator[tuple[int, ...]]:
    """Yield the positions of neighbouring expected edits on the lines of a change and next to them.

    Args:
        case: the case.
        change: the change.
        imports: whether it changes imports, and those elsewhere are near too.
    """
    lines = case.after.lines
    start = lines.start(max(1, lines.number(change.start) - 1))
    end = lines.end(min(lines.count, lines.number(change.end) + 1))
    near = [
        at
        for at, it in enumerate(case.expected)
        if (start <= it.start and it.end <= end)
        or (imports and _is_import(case.after, Change(it.start, it.end, it.texts[0])))
    ]
    for first in range(len(near)):
        for last in range(first + 1, len(near) + 1):
            yield tuple(near[first:last])


def _lines(document: Document, change: Change) -> range:
    """Return the lines that a change touches; with their neighbours if it adds lines and removes nothing."""
    old = document.lines.slice(change.start, change.end)
    kept = common(old, change.text)
    behind = common(old[kept:][::-1], change.text[kept:][::-1])
    start, end = change.start + kept, change.end - behind
    wider = int(start == end and "\n" in change.text)
    return range(document.lines.number(start) - wider, document.lines.number(end) + wider + 1)
