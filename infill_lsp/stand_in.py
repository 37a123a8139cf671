"""Private stand-ins for parts that are built elsewhere, so that the server runs without them.

Each has the name and the shape of what takes its place: replace the imports of this module, then delete it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from infill_lsp.document import Document, Gap

GapKind = Literal["rest_of_line", "mid_line", "line", "block", "expression", "string", "comment", "selection", "none"]


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be filled and how: `infill_lsp.syntax.gap`."""

    kind: GapKind
    gaps: tuple[Gap, ...]
    block: bool
    why: str


@dataclass(frozen=True, slots=True)
class Insertion:
    """Text that takes the place of `document.text[start:end]`: `infill_lsp.suggestions.insertion`."""

    start: int
    end: int
    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Dropped:
    """Why nothing is shown: `infill_lsp.suggestions.refine`."""

    reason: str


def target_at(document: Document, offset: int, *, invoked: bool) -> Target:
    """The gap at the cursor, to the end of what is missing on its line."""
    return Target("rest_of_line", (Gap(offset, offset),), invoked, "the cursor")


def refine(document: Document, target: Target, insertion: Insertion) -> Insertion | Dropped:
    """The insertion as it is, unless it is empty."""
    return insertion if insertion.text.strip() else Dropped("nothing in it")


def inactive_reason(name: str, text: str, patterns: tuple[str, ...]) -> str | None:
    """Why a file is neither read nor sent: `infill_lsp.privacy`."""
    return None


class Workspace:
    """Documents as context for one another: `infill_lsp.context`."""

    def __init__(self, roots: Sequence[Path], patterns: Sequence[str]) -> None:
        """For a workspace with these folders."""

    def close(self) -> None:
        """Nothing more will be asked."""

    def opened(self, document: Document) -> None:
        """A document was opened."""

    def changed(self, document: Document) -> None:
        """A document was edited."""

    def closed(self, name: str) -> None:
        """A document was closed."""

    def excerpts(self, document: Document, offset: int, budget_chars: int) -> tuple[str, ...]:
        """Of other files, the most relevant last."""
        return ()
