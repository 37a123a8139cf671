r"""A text that may take a place in a document, and what stands around that place.

An insertion's own line ends are `\n`; the document's may be others. It knows nothing of models, editors or languages.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from infill_lsp.targets.target import Target
from infill_lsp.text.document import Document
from infill_lsp.text.indent import BLANKS

LONGEST: Final = 5_000
"""Characters of an insertion; an editor shows none that is longer."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`text` takes the place of `document.text[start:end]`."""

    start: int
    end: int
    text: str
    confidence: float

    def saying(self, text: str) -> "Suggestion":
        """The same with another text."""
        return self if text == self.text else replace(self, text=text)


@dataclass(frozen=True, slots=True)
class Dropped:
    """Nothing is shown, for this reason: a few words for the trace."""

    reason: str


Refinement: TypeAlias = Callable[[Document, Target, Suggestion], Suggestion | Dropped]
"""Makes an insertion fit better, leaves it as it is, or drops it."""


def before(document: Document, suggestion: Suggestion) -> str:
    """What stands in the line before the insertion."""
    return document.line_before(suggestion.start)


def rest(document: Document, suggestion: Suggestion) -> str:
    """What stands in the line behind the insertion."""
    return document.line_behind(suggestion.end)


def lines_above(document: Document, suggestion: Suggestion) -> Iterator[str]:
    """The lines above that are not blank, the nearest first."""
    return document.lines_above(document.place(suggestion.start)[0])


def lines_below(document: Document, suggestion: Suggestion) -> Iterator[str]:
    """The lines below that are not blank, the nearest first."""
    return document.lines_below(document.place(suggestion.end)[0])


def fits(document: Document, suggestion: Suggestion) -> bool:
    """Whether an editor shows it: what it replaces is in one line and stays, in order; only indentation may go."""
    old, new = document.text[suggestion.start : suggestion.end], suggestion.text
    if len(new) > LONGEST or "\n" in old or "\r" in old:
        return False
    if not before(document, suggestion).strip(BLANKS):
        old, new = old.lstrip(BLANKS), new.lstrip(BLANKS)
    left = iter(new)
    return all(char in left for char in old)
