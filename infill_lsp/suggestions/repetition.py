"""A model that has nothing more to say repeats itself: the same line or the same tokens again and again."""

import re
from typing import Final

from infill_lsp.document import Document
from infill_lsp.suggestions.insertion import Dropped, Insertion, before
from infill_lsp.syntax.gap import Target

_TOKENS: Final = re.compile(r"\w+|[^\w\s]")
_LETTERS: Final = re.compile(r"[^\W\d_]")
_MOST_LINES: Final = 3
_MOST_TOKENS: Final = 4
"""How often a sequence of tokens may stand in a row; tables of constants have three of a kind, seldom four."""
_LONGEST: Final = 12
"""Tokens, or lines, of the longest sequence looked for."""


def repeated_lines(document: Document, target: Target, insertion: Insertion) -> Insertion:
    """Keep the first where the same lines follow each other three times."""
    lines = (before(document, insertion) + insertion.text).split("\n")
    for at in range(len(lines)):
        for period in range(1, min(_LONGEST, (len(lines) - at) // _MOST_LINES) + 1):
            once = lines[at : at + period]
            if lines[at : at + period * _MOST_LINES] == once * _MOST_LINES and _LETTERS.search("".join(once)):
                kept = "\n".join(lines[: at + period])
                return insertion.saying(kept.removeprefix(before(document, insertion)))
    return insertion


def repeated_tokens(document: Document, target: Target, insertion: Insertion) -> Insertion | Dropped:
    """Drop what says the same four times in a row: where to cut it nobody can tell."""
    tokens = _TOKENS.findall(insertion.text)
    for at in range(len(tokens)):
        for period in range(1, min(_LONGEST, (len(tokens) - at) // _MOST_TOKENS) + 1):
            once = tokens[at : at + period]
            if tokens[at + period] != tokens[at] or not any(it[0].isalpha() for it in once):
                continue
            if tokens[at : at + period * _MOST_TOKENS] == once * _MOST_TOKENS:
                return Dropped("it says the same again and again")
    return insertion
