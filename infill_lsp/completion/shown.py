"""Suggestions found again without asking the model: the one shown while the user types on, and earlier ones.

A suggestion belongs to the text before and after it, not to offsets, which move: typing it shrinks it, undoing that
restores it, and typing anything else ends it. Must not depend on editors, requests or time.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from infill_lsp.suggestions.suggestion import Suggestion, before, fits
from infill_lsp.text.document import Document, normalised
from infill_lsp.text.indent import BLANKS

TAIL: Final = 512
"""Code points before a suggestion that must be the same for it to be found again."""

HEAD: Final = 128
"""Code points after a suggestion that must be the same."""

AHEAD: Final = 32
"""Code points of a suggestion that may have been typed when it is found again."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A suggestion and the document in which it was first shown; whether it is there until the model answers."""

    document: Document
    suggestion: Suggestion
    meanwhile: bool = False

    def remaining(self, document: Document, cursor: int) -> Suggestion | None:
        """Return the rest of the suggestion for a later state of the document; None if it is all there or does not fit.

        Args:
            document: as it is now.
            cursor: the offset up to which the suggestion has been typed, or accepted word by word.
        """
        start = self.suggestion.start
        end = len(document.text) - (len(self.document.text) - self.suggestion.end)
        if not start <= cursor <= end or not document.is_around(self.document, start, self.suggestion.end):
            return None
        taken = self._taken(normalised(document.text[start:cursor]))
        if taken is None:
            return None
        rest = replace(self.suggestion, start=cursor if taken else start, end=end, text=self.suggestion.text[taken:])
        here = normalised(document.text[rest.start : end])
        return rest if rest.text != here and fits(document, rest) else None

    def _taken(self, typed: str) -> int | None:
        """Return how many code points of the text are there and stay; None if other text is there."""
        text = self.suggestion.text
        if text.startswith(typed):
            return len(typed)
        if before(self.document, self.suggestion).strip(BLANKS):
            return None
        # The editor's own indentation is still to be replaced, whatever has been typed after it.
        return 0 if text.lstrip(BLANKS).startswith(typed.lstrip(BLANKS)) else None


def may_replace(shown: Suggestion, new: Suggestion) -> bool:
    """Report whether a suggestion may replace the one shown without flicker, because it only extends it."""
    return (shown.start, shown.end) == (new.start, new.end) and new.text.startswith(shown.text)


@dataclass(frozen=True, slots=True)
class _Place:
    """The text around a cursor that must match."""

    name: str
    tail: str
    head: str

    @classmethod
    def of(cls, document: Document, cursor: int) -> "_Place":
        text = document.text
        return cls(document.name, text[max(cursor - TAIL, 0) : cursor], text[cursor : cursor + HEAD])


class Suggestions:
    """The latest suggestions, found again by the text around the cursor, even when part of them has been typed."""

    def __init__(self, size: int = 64) -> None:
        self._size = size
        self._known: OrderedDict[_Place, tuple[Suggestion, ...]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def add(self, document: Document, cursor: int, suggestions: Sequence[Suggestion]) -> None:
        """Remember the suggestions at a cursor, best first; an empty result is worth remembering, too."""
        place = _Place.of(document, cursor)
        # Offsets are stored relative to the cursor, so that they hold wherever this text stands.
        known = tuple(replace(it, start=it.start - cursor, end=it.end - cursor) for it in suggestions)
        self._known[place] = known
        self._known.move_to_end(place)
        while len(self._known) > self._size:
            self._known.popitem(last=False)

    def find(self, document: Document, cursor: int) -> tuple[Suggestion, ...] | None:
        """Return the suggestions known here, less what has been typed of them; None if nothing is known."""
        here = _Place.of(document, cursor)
        tails = {it.tail: it for it in self._known if (it.name, it.head) == (here.name, here.head)}
        for start in range(cursor, max(cursor - AHEAD, 0) - 1, -1):  # The nearest place comes first.
            place = tails.get(document.text[max(start - TAIL, 0) : start])
            if place is None:
                continue
            self._known.move_to_end(place)
            typed = normalised(document.text[start:cursor])
            found = [_moved(it, cursor, typed) for it in self._known[place]]
            left = tuple(it for it in found if it is not None and fits(document, it))
            if left or not typed:
                return left
        return None


def _moved(suggestion: Suggestion, cursor: int, typed: str) -> Suggestion | None:
    """Return a remembered suggestion at a cursor, less the typed part; None if that differs, or is all of it."""
    if not typed:
        return replace(suggestion, start=suggestion.start + cursor, end=suggestion.end + cursor)
    if suggestion.start or not suggestion.text.startswith(typed) or suggestion.text == typed:
        return None
    return replace(suggestion, start=cursor, end=suggestion.end + cursor, text=suggestion.text[len(typed) :])
