"""What was suggested in the open documents: found again while someone types it, and known when it has been taken.

So that typing what is shown asks no model and moves nothing on the screen. It knows neither engine nor editor.
"""

from collections.abc import Sequence

from infill_lsp.completion.shown import Shown, Suggestions, may_replace
from infill_lsp.suggestions.suggestion import Suggestion
from infill_lsp.text.document import Document, normalised


class Memory:
    """The suggestion each document shows, and the latest ones of all."""

    def __init__(self) -> None:
        self._known = Suggestions()
        self._shown: dict[str, Shown] = {}

    def find(self, document: Document, cursor: int) -> tuple[Suggestion, ...]:
        """What there is to suggest without asking; what is shown goes on before anything else."""
        shown = self._shown.get(document.name)
        left = shown.remaining(document, cursor) if shown else None
        return (left,) if left else self._known.find(document, cursor) or ()

    def add(self, document: Document, cursor: int, suggestions: Sequence[Suggestion]) -> None:
        """Remember what is suggested at a cursor now, the one that is shown first."""
        if suggestions:
            self._known.add(document, cursor, suggestions)
            self._shown[document.name] = Shown(document, suggestions[0])

    def joined(self, document: Document, cursor: int, suggestions: Sequence[Suggestion]) -> tuple[Suggestion, ...]:
        """Insertions behind the one that is shown, which stays unless the first of them only says more."""
        shown = self.find(document, cursor)[:1]
        if not shown or (suggestions and may_replace(shown[0], suggestions[0])):
            return tuple(suggestions)
        return (*shown, *(it for it in suggestions if it.text != shown[0].text))

    def taken(self, document: Document) -> int | None:
        """Where the cursor is when a document has just become what it is by taking all that was shown; else None."""
        shown = self._shown.get(document.name)
        if shown is None:
            return None
        suggestion, before = shown.suggestion, shown.document
        end = len(document.text) - (len(before.text) - suggestion.end)
        if normalised(document.text[suggestion.start : end]) != suggestion.text:
            return None
        return end if document.is_around(before, suggestion.start, suggestion.end) else None

    def drop(self, name: str) -> None:
        """A document was closed."""
        self._shown.pop(name, None)
