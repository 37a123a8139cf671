"""What is shown while someone types on, without asking the model again, and what was suggested where.

A suggestion belongs to the text before and behind it, not to offsets that move: typing what it says shrinks it, taking
that back restores it, and whatever else is typed ends it. It knows nothing of editors, requests or time.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from infill_lsp.suggestions.suggestion import Suggestion, before, fits
from infill_lsp.text.document import Document, normalised
from infill_lsp.text.indent import BLANKS

TAIL: Final = 512
"""Code points before an insertion that must be the same for it to be found again."""

HEAD: Final = 128
"""Code points behind it that must be the same."""

AHEAD: Final = 32
"""Code points of a suggestion that may have been typed when it is found again."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A suggestion and the document in which it was first shown."""

    document: Document
    suggestion: Suggestion

    def remaining(self, document: Document, cursor: int) -> Suggestion | None:
        """What is left of it in a later state of the document; None where it does not fit, or is all there.

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
        """How many code points of the text are there and stay; None where something else is."""
        text = self.suggestion.text
        if text.startswith(typed):
            return len(typed)
        if before(self.document, self.suggestion).strip(BLANKS):
            return None
        # The editor's own indentation stands there and is still to be replaced, whatever has been typed behind it.
        return 0 if text.lstrip(BLANKS).startswith(typed.lstrip(BLANKS)) else None


def may_replace(shown: Suggestion, new: Suggestion) -> bool:
    """Whether a suggestion may take the place of the one shown without flicker: it only says more."""
    return (shown.start, shown.end) == (new.start, new.end) and new.text.startswith(shown.text)


@dataclass(frozen=True, slots=True)
class _Place:
    """The text around a cursor, as far as it matters."""

    name: str
    tail: str
    head: str

    @classmethod
    def of(cls, document: Document, start: int, end: int) -> "_Place":
        return cls(document.name, document.text[max(start - TAIL, 0) : start], document.text[end : end + HEAD])


class Suggestions:
    """The latest suggestions, found again by the text around the cursor, also when a part of them has been typed."""

    def __init__(self, size: int = 64) -> None:
        self._size = size
        self._known: OrderedDict[_Place, tuple[Suggestion, ...]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def add(self, document: Document, cursor: int, suggestions: Sequence[Suggestion]) -> None:
        """Remember what may be inserted at a cursor, the best first; none is worth remembering too."""
        place = _Place.of(document, cursor, cursor)
        # Offsets are kept from the cursor on, so that they hold wherever this text stands.
        known = tuple(replace(it, start=it.start - cursor, end=it.end - cursor) for it in suggestions)
        self._known[place] = known
        self._known.move_to_end(place)
        while len(self._known) > self._size:
            self._known.popitem(last=False)

    def find(self, document: Document, cursor: int) -> tuple[Suggestion, ...] | None:
        """What was suggested here, less what has been typed of it; None where nothing is known."""
        for place, typed in self._before(document, cursor):
            if place in self._known:
                self._known.move_to_end(place)
                found = [_moved(it, cursor, typed) for it in self._known[place]]
                left = tuple(it for it in found if it is not None and fits(document, it))
                if left or not typed:
                    return left
        return None

    def _before(self, document: Document, cursor: int) -> Iterator[tuple[_Place, str]]:
        """Where the cursor may have been when the suggestion was made, the nearest first, and what was typed since."""
        for start in range(cursor, max(cursor - AHEAD, 0) - 1, -1):
            yield _Place.of(document, start, cursor), normalised(document.text[start:cursor])


def _moved(suggestion: Suggestion, cursor: int, typed: str) -> Suggestion | None:
    """A remembered insertion at a cursor, less what was typed of it; None where that is something else, or all."""
    if not typed:
        return replace(suggestion, start=suggestion.start + cursor, end=suggestion.end + cursor)
    if suggestion.start or not suggestion.text.startswith(typed) or suggestion.text == typed:
        return None
    return replace(suggestion, start=cursor, end=suggestion.end + cursor, text=suggestion.text[len(typed) :])
