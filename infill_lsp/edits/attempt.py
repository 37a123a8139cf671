"""One way to ask the model for an edit, and what its answer would change."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from infill_lsp.edits.edit import Change
from infill_lsp.text.document import Document, Gap, normalised
from infill_model.request import Request


@dataclass(frozen=True, slots=True)
class Attempt:
    r"""Gaps to be filled at once.

    Attributes:
        gaps: in order; what is between them stays.
        block: whether several lines are wanted.
        before: line ends and indentation (`\n`) that belong in front of the first gap's text.
        after: the same behind the last gap's text.
        start: texts that the gaps start from, instead of nothing.
    """

    gaps: tuple[Gap, ...]
    block: bool = False
    before: str = ""
    after: str = ""
    start: tuple[str, ...] | None = None

    def request(self, document: Document) -> Request:
        """What the model is asked."""
        plain = document.request(self.gaps, block=self.block)
        return replace(plain, prefix=plain.prefix + self.before, suffix=self.after + plain.suffix)

    def present(self, document: Document) -> tuple[str, ...]:
        """What stands in the gaps now."""
        return tuple(normalised(document.text[gap.start : gap.end]) for gap in self.gaps)

    def changes(self, document: Document, texts: Sequence[str]) -> tuple[Change, ...]:
        """What these texts in the gaps change."""
        framed = [*texts]
        framed[0] = self.before + framed[0]
        framed[-1] = framed[-1] + self.after
        found = [
            Change(gap.start, gap.end, normalised(text).replace("\n", document.newline))
            for gap, text, old in zip(self.gaps, framed, self.present(document), strict=True)
            if normalised(text) != old
        ]
        return tuple(found)
