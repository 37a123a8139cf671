"""Ask for the next edits of a change written as text: `⟦old→new⟧` marks what the user changed."""

import re

from infill_lsp.edits.next_edits.edit import NextEdit
from infill_lsp.edits.next_edits.find import next_edits
from infill_lsp.syntax import languages
from infill_lsp.text.document import Document

MARK = re.compile(r"⟦(.*?)→(.*?)⟧", re.DOTALL)


def documents(marked: str, language: str = "python") -> tuple[Document, Document]:
    """Return the document before and after the marked changes."""
    before, after = (MARK.sub(rf"\{group}", marked) for group in (1, 2))
    known = languages.by_id(language)
    return Document("a", before, known), Document("a", after, known)


def asked(marked: str, language: str = "python") -> tuple[NextEdit, ...]:
    return next_edits(*documents(marked, language))


def followed(marked: str, language: str = "python") -> str:
    """Return the text once all that is offered has been accepted, one after the other."""
    before, after = documents(marked, language)
    for _ in range(20):
        found = next_edits(before, after)
        if not found:
            return after.text
        change = found[0].change
        after = after.edited(change.start, change.end, change.text)
    raise AssertionError(f"it never ends: {after.text}")


def unchanged(marked: str, language: str = "python") -> bool:
    """Report whether nothing is offered."""
    return followed(marked, language) == documents(marked, language)[1].text
