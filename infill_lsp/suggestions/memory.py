"""What was suggested in the open documents: found again while someone types it, and known when it has been taken.

So that typing what is shown asks no model and moves nothing on the screen. It knows neither engine nor editor.
"""

from collections.abc import Sequence

from infill_lsp.document import Document, normalised
from infill_lsp.suggestions.insertion import Insertion
from infill_lsp.suggestions.shown import Shown, Suggestions, may_replace


class Memory:
    """The suggestion each document shows, and the latest ones of all."""

    def __init__(self) -> None:
        self._known = Suggestions()
        self._shown: dict[str, Shown] = {}

    def find(self, document: Document, cursor: int) -> tuple[Insertion, ...]:
        """What there is to suggest without asking; what is shown goes on before anything else."""
        shown = self._shown.get(document.name)
        left = shown.remaining(document, cursor) if shown else None
        return (left,) if left else self._known.find(document, cursor) or ()

    def add(self, document: Document, cursor: int, insertions: Sequence[Insertion]) -> None:
        """Remember what is suggested at a cursor now, the one that is shown first."""
        if insertions:
            self._known.add(document, cursor, insertions)
            self._shown[document.name] = Shown(document, insertions[0])

    def joined(self, document: Document, cursor: int, insertions: Sequence[Insertion]) -> tuple[Insertion, ...]:
        """Insertions behind the one that is shown, which stays unless the first of them only says more."""
        shown = self.find(document, cursor)[:1]
        if not shown or (insertions and may_replace(shown[0], insertions[0])):
            return tuple(insertions)
        return (*shown, *(it for it in insertions if it.text != shown[0].text))

    def taken(self, document: Document) -> int | None:
        """Where the cursor is when a document has just become what it is by taking all that was shown; else None."""
        shown = self._shown.get(document.name)
        if shown is None:
            return None
        insertion, before = shown.insertion, shown.document
        end = len(document.text) - (len(before.text) - insertion.end)
        if normalised(document.text[insertion.start : end]) != insertion.text:
            return None
        return end if document.is_around(before, insertion.start, insertion.end) else None

    def drop(self, name: str) -> None:
        """A document was closed."""
        self._shown.pop(name, None)
