"""What an editor asks at a cursor, and what can be told of it without looking into the code.

It knows neither syntax nor what is suggested, so that a server which only starts need not import either.
"""

from dataclasses import dataclass, replace

from infill_lsp.suggestions.suggestion import Suggestion
from infill_lsp.text.document import Document, Gap
from infill_model.request import Info


@dataclass(frozen=True, slots=True)
class Selected:
    """What the editor's list of completions would put in the place of a gap that ends at the cursor."""

    gap: Gap
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """What an editor asks at a cursor.

    Attributes:
        document: as it was when it was asked.
        offset: of the cursor.
        invoked: whether it was asked for by hand.
        selected: the completion that is selected in the editor's list, where there is one.
        gaps: to be filled whatever is at the cursor; none of them: what the cursor's place says.
    """

    document: Document
    offset: int
    invoked: bool
    selected: Selected | None = None
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else the model is told.

    Attributes:
        before: code that comes before the document's own, such as earlier cells of a notebook.
        files: excerpts of other files, the most relevant last.
    """

    before: str = ""
    files: tuple[str, ...] = ()


def knows_language(info: Info | None, document: Document) -> bool:
    """Whether a model was trained on the language of a document; elsewhere only copies are suggested."""
    return info is not None and info.knows(document.language.id if document.language else None)


def rebased(suggestion: Suggestion, before: Document, now: Document) -> Suggestion | None:
    """The insertion for a document in which what it inserts has been typed on meanwhile; None if something else was."""
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
