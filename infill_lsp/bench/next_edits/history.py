"""Takes cases from the history of a git repository, which is only read.

A commit counts if it changes one source file, and this in two to six places, two or more of which are related: they
change the same words into the same others, or a name that occurs more or less often in one does so in the other. The
first place that is no import stands for the user's change. The related ones are what it calls for, if they are short
and bring in no word that the file does not have by then; the others may be offered and are not missed. A commit that
changes one place calls for nothing.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Final

from infill_lsp.bench.next_edits.case import SILENT, EditCase, Expected
from infill_lsp.bench.next_edits.git import ChangedFile, Repository
from infill_lsp.bench.next_edits.tokens import (
    changed_names,
    common,
    is_import,
    is_name,
    replacements,
    small_changes,
    words,
)
from infill_lsp.edits.edit import Change
from infill_lsp.errors import SourceError
from infill_lsp.syntax import languages
from infill_lsp.text.document import Document

_PLACES: Final = 6
"""The most places that a commit changes."""

_FIRST: Final = 8
"""The most lines of the user's change, old or new."""

_NEXT: Final = 3
"""The most lines of an edit that it calls for, old or new."""

_FUNCTION: Final = re.compile(r"\b(?:def|function|fn|func|fun)\b.*\(")


@dataclass(frozen=True, slots=True)
class ChangedPlace:
    """A place that a commit changes.

    Attributes:
        start: where it starts in the old text, in code points.
        old: the lines that were there.
        new: the lines that come instead.
    """

    start: int
    old: str
    new: str

    @property
    def end(self) -> int:
        """Where it ends in the old text."""
        return self.start + len(self.old)

    @property
    def size(self) -> int:
        """The number of its lines, old or new, whichever are more."""
        return max(self.old.count("\n"), self.new.count("\n"))

    @property
    def is_import(self) -> bool:
        """Whether it changes nothing but imports."""
        return all(is_import(line.strip()) for line in (self.old + self.new).splitlines() if line.strip())


def read_history(path: Path, limit: int) -> list[EditCase]:
    """Return the cases in the last commits of a repository.

    Args:
        path: a work tree, a folder in one, or a bare repository.
        limit: the number of commits to look at, merges not counted.

    Raises:
        SourceError: git is not installed or cannot read it, or no commit counts.
    """
    source = path.absolute().name
    with Repository(path) as repository:
        cases = [
            case
            for it in repository.changed_files(limit, _is_source)
            if (case := _case(source, it, repository.text(it.old), repository.text(it.new))) is not None
        ]
    if not cases:
        raise SourceError(f"{path}: none of its last {limit} commits changes one source file in related places")
    return cases


def _is_source(path: str) -> bool:
    """Report whether a file holds code, rather than data or text."""
    language = languages.of_file(path)
    return language is not None and bool(language.functions)


def _case(source: str, changed: ChangedFile, old: str | None, new: str | None) -> EditCase | None:
    hunks = list(_hunks(old, new)) if old is not None and new is not None else []
    first = next((it for it in hunks if not it.is_import), None)
    if old is None or first is None or first.size > _FIRST or len(hunks) > _PLACES:
        return None
    others = [it for it in hunks if it is not first]
    known = words(old) | words(first.new)
    related = {it for it in others if it.size <= _NEXT and words(it.new) <= known and _are_related(first, it)}
    if others and not related:
        return None
    name = f"{changed.commit[:12]}:{changed.path}"
    language = languages.of_file(changed.path)
    before = Document(changed.path, old, language, 1)
    after = before.edited(first.start, first.end, first.new, 2)
    expected = tuple(_expected(first, others, related))
    near = min(related, key=lambda it: abs(it.start - first.start), default=None)
    return EditCase(name, source, _kind(first, near) if near else SILENT, before, after, _cursor(first), expected)


def _hunks(old: str, new: str) -> Iterator[ChangedPlace]:
    olds, news = old.splitlines(keepends=True), new.splitlines(keepends=True)
    above = common(olds, news)
    below = common(olds[above:][::-1], news[above:][::-1])
    olds, news = olds[: len(olds) - below], news[: len(news) - below]
    starts = [0]
    for line in olds:
        starts.append(starts[-1] + len(line))
    for operation, a, b, c, d in SequenceMatcher(None, olds[above:], news[above:], autojunk=False).get_opcodes():
        if operation != "equal":
            yield ChangedPlace(
                starts[above + a], "".join(olds[above + a : above + b]), "".join(news[above + c : above + d])
            )


def _are_related(first: ChangedPlace, other: ChangedPlace) -> bool:
    if replacements(first.old, first.new).items() & replacements(other.old, other.new).items():
        return True
    return bool(changed_names(first.old, first.new) & changed_names(other.old, other.new))


def _expected(first: ChangedPlace, others: Sequence[ChangedPlace], related: set[ChangedPlace]) -> Iterator[Expected]:
    """Yield the edits that are left, word by word, in code points of the document after the first change."""
    for it in others:
        moved = len(first.new) - len(first.old) if it.start >= first.end else 0
        for change in _small(it, it.start + moved):
            yield Expected(change.start, change.end, (change.text,), it in related)


def _small(place: ChangedPlace, start: int) -> Iterator[Change]:
    """Yield the changes of words and signs at a place; of imports that come or go, one for each line."""
    if place.is_import and not (place.old and place.new):
        for line in (place.old or place.new).splitlines(keepends=True):
            yield Change(start, start + len(line) if place.old else start, "" if place.old else line)
            start += len(line) if place.old else 0
    else:
        yield from small_changes(place.old, place.new, start)


def _kind(first: ChangedPlace, other: ChangedPlace) -> str:
    same = dict(replacements(first.old, first.new).items() & replacements(other.old, other.new).items())
    if any(is_name(was) and is_name(now) for was, now in same.items()):
        return "rename"
    if same:
        return "repeat"
    if other.is_import:
        return "import"
    return "arguments" if _FUNCTION.search(first.new) else "same name"


def _cursor(first: ChangedPlace) -> int:
    """Return the end of the last word that the first change touches."""
    last = max(small_changes(first.old, first.new, first.start), key=lambda it: it.start)
    return first.start + len(first.new) - (first.end - last.end)
