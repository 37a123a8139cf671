"""Whether what is left is worth showing."""

from collections.abc import Callable
from typing import Final

from infill_lsp.document import Document
from infill_lsp.suggestions.brackets import Around, scan
from infill_lsp.suggestions.insertion import LONGEST, Dropped, Insertion, Refinement, before, rest
from infill_lsp.syntax.gap import Target

_SHORTEST: Final = 2
"""Characters; less than that is typed faster than read."""


def worthwhile(document: Document, target: Target, insertion: Insertion) -> Insertion | Dropped:
    """Drop what is blank, and what is short or mere closers unless the document lacks them."""
    text = insertion.text.strip()
    if not text:
        return Dropped("it is blank")
    if len(insertion.text) > LONGEST:
        return Dropped("it is too long")
    if any(char.isalnum() for char in text) and len(text) >= _SHORTEST:
        return insertion
    if len(text) >= _SHORTEST and not all(char in ")]}>,;:\"'`" for char in text):
        return insertion
    if _mends(document, insertion):
        return insertion
    return Dropped("it is too short" if len(text) < _SHORTEST else "it is closers that nothing lacks")


def _mends(document: Document, insertion: Insertion) -> bool:
    """Whether the document lacks the closers of the insertion."""
    brackets = scan(insertion.text, document.language).text
    if not brackets:
        return insertion.text.strip() == ":"
    around = Around.of(document, insertion)
    return around.loose(brackets) < around.loose("")


def no_secrets(looks_secret: Callable[[str], bool]) -> Refinement:
    """A refinement that drops what looks like a key, on the lines it would stand on: a name tells what a literal is."""

    def refinement(document: Document, target: Target, insertion: Insertion) -> Insertion | Dropped:
        lines = before(document, insertion) + insertion.text + rest(document, insertion)
        return Dropped("it looks like a secret") if looks_secret(lines) else insertion

    return refinement
