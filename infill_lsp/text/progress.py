"""Reports a fill to its watcher: its place, and the canvas after each step.

Must not depend on engines or editors.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from infill_lsp.text.document import Document, Gap
from infill_model.request import Fill, Frame, TraceToken

_ids: Final = itertools.count(1)


@dataclass(frozen=True, slots=True)
class ProgressStep:
    """The canvas after a step.

    Attributes:
        document: the document being filled.
        gap: the range from the first gap's start to the last one's end.
        id: id of the fill that the step belongs to.
        frame: the canvas, including pinned text at its ends.
    """

    document: Document
    gap: Gap
    id: int
    frame: Frame


Watcher: TypeAlias = Callable[[ProgressStep], None]


@dataclass(slots=True)
class Film:
    """One fill that is watched: call it with each frame, then `end` it."""

    watcher: Watcher
    document: Document
    gap: Gap
    _id: int = field(default_factory=lambda: next(_ids))
    _last: Frame | None = None

    def __call__(self, frame: Frame) -> None:
        """Report another step."""
        self._last = frame
        self.watcher(ProgressStep(self.document, self.gap, self._id, frame))

    def end(self, fill: Fill) -> None:
        """Report the best fill if it is not the one that was watched: a copy, or a draft of another length."""
        tokens, step = (self._last.tokens, self._last.step) if self._last else ((), 0)
        free = [n for n, it in enumerate(tokens) if it.state != "pinned"]
        first, behind = (free[0], free[-1] + 1) if free else (0, 0)
        best = tuple(TraceToken(it.text, "pinned" if it.pinned else "committed", it.confidence) for it in fill.tokens)
        if _text(best) != _text(tokens[first:behind]):
            self(Frame(step + 1, (*tokens[:first], *best, *tokens[behind:]), "another draft was more probable", 0.0))


def filmed(watcher: Watcher | None, document: Document, gaps: Sequence[Gap]) -> Film | None:
    """Return the film of a fill of these gaps; None if nobody watches."""
    return Film(watcher, document, Gap(gaps[0].start, gaps[-1].end)) if watcher else None


def _text(tokens: tuple[TraceToken, ...]) -> str:
    return "".join(it.text for it in tokens)
