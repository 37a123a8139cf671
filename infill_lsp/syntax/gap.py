"""What is to be filled at a cursor."""

from dataclasses import dataclass
from typing import Literal

from infill_lsp.document import Document, Gap

GapKind = Literal["rest_of_line", "mid_line", "line", "block", "expression", "string", "comment", "selection", "none"]


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be filled, and how.

    Attributes:
        kind: of the gap.
        gaps: in order; the text between two of them is pinned.
        block: whether several lines are wanted.
        why: one sentence for the trace; for kind `none` why nothing is filled.
    """

    kind: GapKind
    gaps: tuple[Gap, ...]
    block: bool
    why: str


def target_at(document: Document, offset: int, *, invoked: bool) -> Target:
    """What is to be filled at a cursor; `invoked`: asked for by hand."""
    del invoked
    gap = Gap(offset, offset)
    block = document.request([gap]).block
    return Target("block" if block else "rest_of_line", (gap,), block, "This is where the cursor is.")
