"""Finds common slips of typing on a line that does not parse, and what mends each of them with the least change.

Whether a change mends the line is known only when it is tried.
"""

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from itertools import pairwise
from typing import Final

from infill_lsp.edits.attempt import Attempt
from infill_lsp.syntax.keywords import keywords
from infill_lsp.syntax.languages import CLOSERS
from infill_lsp.text.document import Document, Gap

_QUOTED: Final = frozenset({"python", "javascript", "typescript", "typescriptreact", "javascriptreact", "php", "ruby"})
"""Languages in which single quotes hold strings of any length."""

_CONDITION: Final = re.compile(r"(?:el)?if|while|assert|return")
_LIKE: Final = 0.75
"""The likeness of a word to the keyword that it may be a misspelling of."""

Span = tuple[int, int]


def slips(document: Document, code: Sequence[Span]) -> Iterator[Attempt]:
    """Yield attempts that start from what may mend a line, the surest first.

    Args:
        document: the document.
        code: the spans of the line's tokens, left to right, in code points.
    """
    if not code:
        return
    yield from _doubled_comma(document, code)
    yield from _open_before_colon(document, code)
    yield from _open_quote(document, code)
    yield from _missing_comma(document, code)
    if document.language is not None and document.language.id == "python":
        yield from _assigned_in_condition(document, code)
    yield from _misspelt_keyword(document, code)


def _doubled_comma(document: Document, code: Sequence[Span]) -> Iterator[Attempt]:
    for (_, end), (start, after) in pairwise(code):
        if document.text[end - 1 : end] == document.text[start:after] == ",":
            yield Attempt((Gap(end, after),), start=("",))


def _open_before_colon(document: Document, code: Sequence[Span]) -> Iterator[Attempt]:
    """Yield the closers that a line lacks in front of the colon at its end."""
    last, _ = code[-1]
    open_ = _open_brackets(document, code)
    if open_ and document.text[slice(*code[-1])] == ":":
        yield Attempt((Gap(last, last),), start=("".join(CLOSERS[it] for it in reversed(open_)),))


def _open_quote(document: Document, code: Sequence[Span]) -> Iterator[Attempt]:
    """Yield a quote that ends a string before the closers at the end of its line, and a backslash before one within."""
    number = document.place(code[0][0])[0]
    line, start = document.line(number).rstrip(), document.offset(number, 1)
    quotes = "\"'" if document.language is not None and document.language.id in _QUOTED else '"'
    at = _opened(line, quotes)
    if at is None or line[at] * 3 in line:
        return
    for match in re.finditer(rf"(?<=\w){line[at]}(?=\w)", line[1:]):
        within = start + 1 + match.start()
        yield Attempt((Gap(within, within),), start=("\\",))
    behind = len(line) - len(line.rstrip(")]}:,;"))
    for end in range(len(line) - behind, len(line) + 1):
        if end > at + 1:
            yield Attempt((Gap(start + end, start + end),), start=(line[at],))


def _opened(line: str, quotes: str) -> int | None:
    """Return the column of the quote that opens a string which the line does not end; None if there is none."""
    opened, skip = None, False
    for column, sign in enumerate(line):
        if skip:
            skip = False
        elif sign == "\\":
            skip = True
        elif opened is None:
            if sign == "#":
                return None
            opened = column if sign in quotes else None
        elif sign == line[opened]:
            opened = None
    return opened


def _missing_comma(document: Document, code: Sequence[Span]) -> Iterator[Attempt]:
    """Yield a comma between two values that stand next to each other in brackets."""
    reserved, depth = keywords(document.language), 0
    for (first, end), (start, after) in pairwise(code):
        token, following = document.text[first:end], document.text[start:after]
        depth += (token in CLOSERS) - (token in CLOSERS.values())
        apart = depth > 0 and end < start and document.text[end:start].isspace()
        values = re.match(r"[\w'\"]", token[-1:]) and re.match(r"[\w'\"]", following)
        if apart and values and token not in reserved and following not in reserved:
            yield Attempt((Gap(end, end),), start=(",",))


def _assigned_in_condition(document: Document, code: Sequence[Span]) -> Iterator[Attempt]:
    """Yield the comparison that a condition with a single equals sign means."""
    if not _CONDITION.fullmatch(document.text[slice(*code[0])]):
        return
    for number, span in enumerate(code):
        if document.text[slice(*span)] == "=" and not _open_brackets(document, code[:number]):
            yield Attempt((Gap(*span),), start=("==",))


def _misspelt_keyword(document: Document, code: Sequence[Span]) -> Iterator[Attempt]:
    """Yield the keyword that a line's first word, which the document has nowhere else, is close to."""
    start, end = code[0]
    word = document.text[start:end]
    reserved = keywords(document.language)
    if not word.isidentifier() or word in reserved or document.text.count(word) > 1:
        return
    for close in get_close_matches(word, reserved, n=1, cutoff=_LIKE):
        yield Attempt((Gap(start, end),), start=(close,))


def _open_brackets(document: Document, code: Sequence[Span]) -> list[str]:
    """Return the brackets that are open behind some tokens, the outermost first."""
    found: list[str] = []
    for start, end in code:
        token = document.text[start:end]
        if token in CLOSERS:
            found.append(token)
        elif found and CLOSERS[found[-1]] == token:
            found.pop()
    return found
