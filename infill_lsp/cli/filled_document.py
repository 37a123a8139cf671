"""A fill in its document: what a user or an editor is shown.

Must not depend on colours or editors.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Literal

from infill_lsp.completion.complete import Completion
from infill_lsp.syntax.critic import Critic
from infill_lsp.text.document import Document, Gap
from infill_model.request import Fill, Request


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of a filled document: the user's own text, or a token of the fill with its confidence in [0, 1]."""

    text: str
    kind: Literal["own", "filled", "pinned"]
    confidence: float = 1.0


@dataclass(frozen=True)
class FilledDocument:
    """A fill together with its place in a document.

    Attributes:
        before: the document with its gaps.
        gaps: in order; the fill has one text for each.
        request: the request to the model.
        fill: the model's answer.
        refused: why an editor would not show it, in a few words; empty if it would.
    """

    before: Document
    gaps: tuple[Gap, ...]
    request: Request
    fill: Fill
    refused: str = ""

    @classmethod
    def of(cls, document: Document, gaps: tuple[Gap, ...], completion: Completion) -> "FilledDocument":
        """Place a completion in its document; a completion that was fitted to its place has one gap with one text."""
        written = cls(document, gaps, completion.request, completion.fill, completion.refused)
        fitted, whole = completion.suggestion, Gap(gaps[0].start, gaps[-1].end)
        if (fitted.text, fitted.start, fitted.end) == (written.text, whole.start, whole.end):
            return written
        place = (Gap(fitted.start, fitted.end),)
        return cls(document, place, document.request(place), replace(completion.fill, texts=(fitted.text,)))

    @cached_property
    def document(self) -> Document:
        """The document with the fill in it."""
        return self.before.filled(self.gaps, self.fill.texts)

    @cached_property
    def parses(self) -> bool | None:
        """Whether the fill brings no syntax error into the document; None if there is no grammar to tell."""
        critic = Critic.of(self.request)
        return critic.parses(self.fill.texts) if critic else None

    @property
    def text(self) -> str:
        r"""The text from the start of the first gap to the end of the last, filled; lines end in `\n`."""
        first, *others = self.fill.texts
        return first + "".join(a + b for a, b in zip(self.request.between, others, strict=True))

    def runs(self) -> Iterator[Stretch]:
        r"""Yield the filled document in stretches of a single origin each; lines end in `\n`."""
        yield Stretch(self.request.prefix, "own")
        tokens = self.fill.tokens
        if "".join(token.text for token in tokens) == self.text:
            for token in tokens:
                yield Stretch(token.text, "pinned" if token.pinned else "filled", token.confidence)
        else:  # The text shown differs from that of the tokens, e.g. for a copy: one confidence for all of it.
            yield Stretch(self.text, "filled", self.fill.confidence)
        yield Stretch(self.request.suffix, "own")

    def as_json(self) -> dict[str, object]:
        """Return the fields of one suggestion as `infill-lsp fill --help` describes them."""
        fill = self.fill
        return {
            "text": self.text,
            "texts": list(fill.texts),
            "range": self._range(Gap(self.gaps[0].start, self.gaps[-1].end)),
            "ranges": [self._range(gap) for gap in self.gaps],
            "confidence": fill.confidence,
            "score": fill.score,
            "tokens": [asdict(token) for token in fill.tokens],
            "steps": fill.steps,
            "forwards": fill.forwards,
            "ms": asdict(fill.ms),
            "stopped": fill.stopped,
            "retrieved": fill.retrieved,
            "parses": self.parses,
        }

    def _range(self, gap: Gap) -> dict[str, dict[str, int]]:
        places = {"start": self.before.place(gap.start), "end": self.before.place(gap.end)}
        return {name: {"line": line, "column": column} for name, (line, column) in places.items()}
