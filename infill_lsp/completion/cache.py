"""The suggestions in open documents: found again while the user types them, and recognised once taken.

Thus typing a suggestion as shown asks no model and moves nothing on the screen. Must not depend on engine or editor.
"""

from collections.abc import Sequence

from infill_lsp.completion.shown import Shown, Suggestions, may_replace
from infill_lsp.suggestions.suggestion import Suggestion
from infill_lsp.text.document import Document, normalised


class Memory:
    """The suggestion that each document shows, and the latest suggestions overall."""

    def __init__(self) -> None:
        self._known = Suggestions()
        self._shown: dict[str, Shown] = {}

    def find(self, document: Document, cursor: int) -> tuple[Suggestion, ...]:
        """Return suggestions without asking the model; the one being shown takes precedence."""
        shown = self._shown.get(document.name)
        left = shown.remaining(document, cursor) if shown else None
        return (left,) if left else self._known.find(document, cursor) or ()

    def add(self, document: Document, cursor: int, suggestions: Sequence[Suggestion]) -> None:
        """Remember the suggestions at a cursor, of which the first is shown."""
        if suggestions:
            self._known.add(document, cursor, suggestions)
            self._shown[document.name] = Shown(document, suggestions[0])

    def show_meanwhile(self, document: Document, suggestion: Suggestion) -> None:
        """Note that a copy is shown until the model answers."""
        self._shown[document.name] = Shown(document, suggestion, meanwhile=True)

    def joined(self, document: Document, cursor: int, suggestions: Sequence[Suggestion]) -> tuple[Suggestion, ...]:
        """Put suggestions after the one being shown, unless the first of them extends it or it stood in for them."""
        on_screen = self._shown.get(document.name)
        if suggestions and on_screen is not None and on_screen.meanwhile:
            return tuple(suggestions)
        shown = self.find(document, cursor)[:1]
        if not shown or (suggestions and may_replace(shown[0], suggestions[0])):
            return tuple(suggestions)
        return (*shown, *(it for it in suggestions if it.text != shown[0].text))

    def taken(self, document: Document) -> int | None:
        """Return the cursor if the document results from taking all of the shown suggestion; else None."""
        shown = self._shown.get(document.name)
        if shown is None:
            return None
        suggestion, before = shown.suggestion, shown.document
        end = len(document.text) - (len(before.text) - suggestion.end)
        if normalised(document.text[suggestion.start : end]) != suggestion.text:
            return None
        return end if document.is_around(before, suggestion.start, suggestion.end) else None

    def drop(self, name: str) -> None:
        """Forget the suggestion shown in a closed document."""
        self._shown.pop(name, None)
