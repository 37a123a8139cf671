"""What is to be filled at a place, and how."""

from dataclasses import dataclass
from typing import Literal

from infill_lsp.document import Gap

GapKind = Literal["rest_of_line", "mid_line", "line", "block", "expression", "string", "comment", "selection", "none"]


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be filled and how.

    Attributes:
        gaps: in order; the text between two of them is pinned.
        block: whether several lines are wanted.
        why: one sentence for the trace; for the kind "none", why nothing is filled.
    """

    kind: GapKind
    gaps: tuple[Gap, ...]
    block: bool
    why: str
