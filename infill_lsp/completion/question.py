"""An editor's question at a cursor, and what can be said about it without parsing the code.

Must not import the modules that make suggestions, so that a server can start without them.
"""

from dataclasses import dataclass, replace

from infill_lsp.suggestions.suggestion import Suggestion
from infill_lsp.text.document import Document, Gap
from infill_model.request import Info


@dataclass(frozen=True, slots=True)
class Selected:
    """The text that the editor's list of completions would put in place of a gap that ends at the cursor."""

    gap: Gap
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """An editor's question at a cursor.

    Attributes:
        document: as it was when the question was asked.
        offset: of the cursor.
        invoked: whether the user asked by hand.
        selected: the completion that is selected in the editor's list, if any.
        gaps: to fill regardless of the cursor; if empty, the cursor's place determines them.
    """

    document: Document
    offset: int
    invoked: bool
    selected: Selected | None = None
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Further context for the model.

    Attributes:
        before: code that comes before the document's own, such as earlier cells of a notebook.
        files: excerpts of other files, the most relevant last.
    """

    before: str = ""
    files: tuple[str, ...] = ()


def knows_language(info: Info | None, document: Document) -> bool:
    """Report whether the model was trained on a document's language; in others only copies are suggested."""
    return info is not None and info.knows(document.language.id if document.language else None)


def rebased(suggestion: Suggestion, before: Document, now: Document) -> Suggestion | None:
    """Return the suggestion for a document in which part of it has been typed; None if something else was."""
    if now.text == before.text:
        return suggestion
    typed = len(now.text) - len(before.text)
    end = suggestion.end + typed
    if suggestion.start != suggestion.end or typed < 0:
        return None
    text = now.text[suggestion.start : end]
    if "\n" in text or "\r" in text or text == suggestion.text or not suggestion.text.startswith(text):
        return None
    return replace(suggestion, end=end) if now.is_around(before, suggestion.start, suggestion.end) else None
