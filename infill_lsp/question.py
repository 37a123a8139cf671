"""What an editor asks at a cursor, and what can be told of it without looking into the code.

It knows neither syntax nor what is suggested, so that a server which only starts need not import either.
"""

from dataclasses import dataclass, replace

from infill_lsp.document import Document, Gap
from infill_lsp.suggestions.insertion import Insertion
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
    """

    document: Document
    offset: int
    invoked: bool
    selected: Selected | None = None


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


def rebased(insertion: Insertion, before: Document, now: Document) -> Insertion | None:
    """The insertion for a document in which what it inserts has been typed on meanwhile; None if something else was."""
    if now.text == before.text:
        return insertion
    typed = len(now.text) - len(before.text)
    end = insertion.end + typed
    if insertion.start != insertion.end or typed < 0:
        return None
    text = now.text[insertion.start : end]
    if "\n" in text or "\r" in text or text == insertion.text or not insertion.text.startswith(text):
        return None
    return replace(insertion, end=end) if now.is_around(before, insertion.start, insertion.end) else None
