"""One way to ask the model for an edit, and the changes that its answer would make."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from infill_lsp.edits.edit import Change
from infill_lsp.text.document import Document, Gap, normalised
from infill_model.request import Request


@dataclass(frozen=True, slots=True)
class Attempt:
    r"""Gaps to fill at once.

    Attributes:
        gaps: in order; the text between them stays.
        block: whether several lines are wanted.
        before: line ends (`\n`) and indentation that belong in front of the first gap's text.
        after: the same after the last gap's text.
        start: texts for the gaps to start from, instead of nothing.
    """

    gaps: tuple[Gap, ...]
    block: bool = False
    before: str = ""
    after: str = ""
    start: tuple[str, ...] | None = None

    def request(self, document: Document) -> Request:
        """Return the request to the model."""
        plain = document.request(self.gaps, block=self.block)
        return replace(plain, prefix=plain.prefix + self.before, suffix=self.after + plain.suffix)

    def present(self, document: Document) -> tuple[str, ...]:
        """Return the current texts of the gaps."""
        return tuple(normalised(document.text[gap.start : gap.end]) for gap in self.gaps)

    def changes(self, document: Document, texts: Sequence[str]) -> tuple[Change, ...]:
        """Return the changes that these texts in the gaps make."""
        framed = [*texts]
        framed[0] = self.before + framed[0]
        framed[-1] = framed[-1] + self.after
        found = [
            Change(gap.start, gap.end, normalised(text).replace("\n", document.newline))
            for gap, text, old in zip(self.gaps, framed, self.present(document), strict=True)
            if normalised(text) != old
        ]
        return tuple(found)
