"""Counts the syntax errors in the part of a document that an edit changes, as it is and with the edit."""

from collections.abc import Sequence

from infill_lsp.edits.edit import Change
from infill_lsp.syntax.errors import fault_count
from infill_lsp.syntax.part import Part
from infill_lsp.text.document import Document


def changed(document: Document, changes: Sequence[Change]) -> Document:
    """Return a document with changes, which are in order and do not overlap."""
    for change in reversed(changes):
        document = document.edited(change.start, change.end, change.text)
    return document


def grown(part: Part, before: Document, after: Document) -> Part:
    """Return the same part after changes within it."""
    return part[0], part[1] + after.lines.length - before.lines.length


def errors(document: Document, part: Part) -> int:
    """Return the number of syntax errors in a part of a document; 0 without a grammar."""
    tree = document.parsed(part)
    return fault_count(tree) if tree else 0


def breaks(document: Document, part: Part, changes: Sequence[Change]) -> bool:
    """Report whether changes within a part leave more errors in it: also by what they take away."""
    after = changed(document, changes)
    return errors(after, grown(part, document, after)) > errors(document, part)
