r"""A text that may replace part of a document, and the text around that part.

A suggestion's own line ends are `\n`; the document's may differ. Must not depend on models, editors or languages.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from infill_lsp.targets.target import Target
from infill_lsp.text.document import Document
from infill_lsp.text.indent import BLANKS

LONGEST: Final = 5_000
"""The longest suggestion that an editor shows, in characters."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A replacement of `document.text[start:end]` by `text`."""

    start: int
    end: int
    text: str
    confidence: float

    def saying(self, text: str) -> "Suggestion":
        """Return the suggestion with another text."""
        return self if text == self.text else replace(self, text=text)


@dataclass(frozen=True, slots=True)
class Dropped:
    """The reason why nothing is shown: a few words for the trace."""

    reason: str


Refinement: TypeAlias = Callable[[Document, Target, Suggestion], Suggestion | Dropped]
"""A function that makes a suggestion fit better, leaves it as it is, or drops it."""


def before(document: Document, suggestion: Suggestion) -> str:
    """Return the text before the suggestion on its line."""
    return document.line_before(suggestion.start)


def rest(document: Document, suggestion: Suggestion) -> str:
    """Return the text after the suggestion on its line."""
    return document.line_behind(suggestion.end)


def lines_above(document: Document, suggestion: Suggestion) -> Iterator[str]:
    """Iterate over the non-blank lines above, nearest first."""
    return document.lines_above(document.place(suggestion.start)[0])


def lines_below(document: Document, suggestion: Suggestion) -> Iterator[str]:
    """Iterate over the non-blank lines below, nearest first."""
    return document.lines_below(document.place(suggestion.end)[0])


def fits(document: Document, suggestion: Suggestion) -> bool:
    """Report whether an editor shows it: replaced text is on one line and stays, in order; only indentation may go."""
    old, new = document.text[suggestion.start : suggestion.end], suggestion.text
    if len(new) > LONGEST or "\n" in old or "\r" in old:
        return False
    if not before(document, suggestion).strip(BLANKS):
        old, new = old.lstrip(BLANKS), new.lstrip(BLANKS)
    if old in new:
        return True
    left = iter(new)
    return all(char in left for char in old)
