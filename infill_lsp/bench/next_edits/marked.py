"""Reads cases from files of marked code.

A file holds any number of cases. Each begins with a line `=== KIND NAME`, where NAME is a file's name that gives the
language, and is followed by code with marks:

- `⟦old→new⟧` is the user's change, in one or more pieces
- `«old→new»` is an edit that it calls for; `«old→new¦other»` if another text is right too
- `‹old→new›` is an edit that is right, but not missed

So one text holds the document before the change, after it, and after everything. Lines before the first case are
comments. A case of the kind `silent` calls for nothing.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from infill_lsp.bench.next_edits.case import CASES, SILENT, EditCase, Expected
from infill_lsp.errors import SourceError
from infill_lsp.syntax import languages
from infill_lsp.text.document import Document
from infill_lsp.text.files import read_file

_HEADING: Final = re.compile(r"^=== (?P<kind>[^\n]+) (?P<name>[^\s]+)[ \t]*\n", re.MULTILINE)
_SIGNS: Final = "⟦⟧«»‹›→¦"
_MARK: Final = re.compile(rf"⟦([^{_SIGNS}]*)→([^{_SIGNS}]*)⟧|([«‹])([^{_SIGNS}]*)→([^{_SIGNS.replace('¦', '')}]*)[»›]")


def read_cases(paths: Iterable[Path]) -> list[EditCase]:
    """Read the cases of several files.

    Raises:
        SourceError: a file cannot be read, holds no case, or is malformed.
    """
    cases = [case for path in paths for case in _read(path)]
    seen: set[str] = set()
    for it in cases:
        if it.name in seen:
            raise SourceError(f"{it.name}: is the name of two cases")
        seen.add(it.name)
    return cases


def _read(path: Path) -> Iterator[EditCase]:
    text = read_file(path).text
    headings = list(_HEADING.finditer(text))
    if not headings:
        raise SourceError(f"{path}: holds no case; each begins with a line '=== KIND NAME'")
    ends = [it.start() for it in headings[1:]] + [len(text)]
    for heading, end in zip(headings, ends, strict=True):
        code = text[heading.end() : end].rstrip("\n") + "\n"
        yield marked(heading["name"], heading["kind"], code)


def marked(name: str, kind: str, code: str) -> EditCase:
    """Make a case of marked code.

    Raises:
        SourceError: a mark is malformed, there is no change, or a silent case has wanted edits or another one has none.
    """
    before = after = ""
    at = cursor = 0
    expected = []
    for mark in _MARK.finditer(code):
        plain = code[at : mark.start()]
        before, after, at = before + plain, after + plain, mark.end()
        if mark[3] is None:
            before, after = before + mark[1], after + mark[2]
            cursor = len(after)
        else:
            expected.append(Expected(len(after), len(after) + len(mark[4]), tuple(mark[5].split("¦")), mark[3] == "«"))
            before, after = before + mark[4], after + mark[4]
    before, after = before + code[at:], after + code[at:]
    case = EditCase(name, CASES, kind, _document(name, before, 1), _document(name, after, 2), cursor, tuple(expected))
    _check(case)
    return case


def _document(name: str, text: str, version: int) -> Document:
    return Document(f"file:///{name}", text, languages.of_file(name), version)


def _check(case: EditCase) -> None:
    """Check that a case can be what somebody meant.

    Raises:
        SourceError: it cannot.
    """
    left = re.search(f"[{_SIGNS}]", case.before.text + case.after.text)
    if left is not None:
        raise SourceError(f"{case.name}: a mark with {left[0]} is malformed")
    if case.before.text == case.after.text:
        raise SourceError(f"{case.name}: has no change; mark it as ⟦old→new⟧")
    if case.is_silent != (case.kind == SILENT):
        wrong = "is not silent and calls for nothing" if case.is_silent else "is silent and calls for edits"
        raise SourceError(f"{case.name}: {wrong}; mark edits as «old→new»")
