"""Filters for unwanted blanks, and for suggestions not worth showing."""

import re
from collections.abc import Callable
from typing import Final

from infill_lsp.suggestions.brackets import Around, scan
from infill_lsp.suggestions.suggestion import LONGEST, Dropped, Refinement, Suggestion, before, rest
from infill_lsp.targets.target import Target
from infill_lsp.text.document import Document, normalised
from infill_lsp.text.indent import BLANKS


def normalise_line_ends(document: Document, target: Target, suggestion: Suggestion) -> Suggestion:
    r"""End every line with `\n`."""
    return suggestion.saying(normalised(suggestion.text))


def trim_blanks(document: Document, target: Target, suggestion: Suggestion) -> Suggestion:
    """Remove blanks at the ends of lines, blank lines at the end, and a second blank after an existing one.

    Several blanks are intended: they align a comment or a value with those of other lines.
    """
    *lines, last = suggestion.text.split("\n")
    text = "\n".join([*(line.rstrip(BLANKS) for line in lines), last])
    if not rest(document, suggestion).strip(BLANKS):
        text = text.rstrip(" \t\n")
    left = before(document, suggestion)
    if left.strip(BLANKS) and left[-1] in BLANKS and target.kind not in ("string", "comment"):
        text = text[1:] if text[:1] in BLANKS and text[1:2] not in BLANKS else text
    return suggestion.saying(text)


def drop_echo(document: Document, target: Target, suggestion: Suggestion) -> Suggestion | Dropped:
    """Drop what says nothing in a comment or string: the words right before the cursor, a word twice, mere closers."""
    said = suggestion.text.strip()
    if target.kind not in ("string", "comment") or not said:
        return suggestion
    if target.kind == "string" and all(char in _CLOSERS for char in said):
        return Dropped("it consists only of closers, within a string")
    if before(document, suggestion).rstrip().endswith(said) or _DOUBLED.fullmatch(said):
        return Dropped("it repeats the text before it")
    return suggestion


def drop_unchanged(document: Document, target: Target, suggestion: Suggestion) -> Suggestion | Dropped:
    """Drop text that is there already."""
    if suggestion.text == normalised(document.text[suggestion.start : suggestion.end]):
        return Dropped("it is already there")
    return suggestion


_CLOSERS: Final = ")]}>,;:\"'`"
_DOUBLED: Final = re.compile(r"(\w{2,})\1+")
_SHORTEST: Final = 2
"""Characters; a shorter text is typed faster than read."""


def drop_trivial(document: Document, target: Target, suggestion: Suggestion) -> Suggestion | Dropped:
    """Drop blank text, and short text or mere closers unless the document lacks them."""
    text = suggestion.text.strip()
    if not text:
        return Dropped("it is blank")
    if len(suggestion.text) > LONGEST:
        return Dropped("it is too long")
    if any(char.isalnum() for char in text) and len(text) >= _SHORTEST:
        return suggestion
    if len(text) >= _SHORTEST and not all(char in _CLOSERS for char in text):
        return suggestion
    if _mends(document, suggestion):
        return suggestion
    return Dropped("it is too short" if len(text) < _SHORTEST else "it consists of closers that nothing needs")


def is_mere_closer(suggestion: Suggestion) -> bool:
    """Report whether a suggestion adds only closers, which are typed faster than read."""
    return all(char in _CLOSERS for char in suggestion.text.strip())


def _mends(document: Document, suggestion: Suggestion) -> bool:
    """Report whether the document lacks the closers of the suggestion."""
    brackets = scan(suggestion.text, document.language).text
    if not brackets:
        return suggestion.text.strip() == ":"
    around = Around.of(document, suggestion)
    return around.loose(brackets) < around.loose("")


def no_secrets(looks_secret: Callable[[str], bool]) -> Refinement:
    """Return a refinement that drops apparent keys, judged on their full lines: a name tells what a literal is."""

    def refinement(document: Document, target: Target, suggestion: Suggestion) -> Suggestion | Dropped:
        lines = before(document, suggestion) + suggestion.text + rest(document, suggestion)
        return Dropped("it looks like a secret") if looks_secret(lines) else suggestion

    return refinement
