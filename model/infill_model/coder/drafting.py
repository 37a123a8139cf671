"""Drafts a gap's continuation without a network: copies from the document, old texts, what the last key interrupted.

Drafts are ids; the reader decides what is kept.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from infill_model.infill.retrieval import copy_continuation
from infill_model.request import Request

LEAST_MATCH: Final = 6
"""Characters that must match before a copy continues the text written so far."""

FARTHEST: Final = 8
"""Characters that may be deleted before the cursor while what was written after them is still a draft."""

SHIFTS: Final = (0, -1, 1, 2)
"""By how many tokens a gap's old text may be shifted against the new text: replaced, inserted before, dropped."""


@dataclass(frozen=True, slots=True)
class Written:
    """The greedy text that was written last, whole or until the next key ended the work.

    Attributes:
        prefix: the code before its gap.
        behind: the code after it, as `Layout.row` takes it.
        text: what was written.
    """

    prefix: str = ""
    behind: tuple[str, ...] = ()
    text: str = ""

    def at(self, prefix: str, behind: Sequence[str]) -> str:
        """Return its part after a cursor that has moved along it, or back; an empty string if there is none."""
        if tuple(behind) != self.behind or not self.text or prefix == self.prefix:
            return ""
        if prefix.startswith(self.prefix):
            typed = prefix[len(self.prefix) :]
            return self.text[len(typed) :] if self.text.startswith(typed) else ""
        removed = self.prefix[len(prefix) :]
        near = len(removed) <= FARTHEST and "\n" not in removed and self.prefix.startswith(prefix)
        return removed + self.text if near else ""


def drafts_of(request: Request, written: str, encode: Callable[[str], list[int]]) -> list[list[int]]:
    """Return the continuation of the longest match of the code before the gap and the text written in it."""
    found = copy_continuation(request.prefix + written, request.suffix, block=request.block, min_match=LEAST_MATCH)
    ids = encode(found.text) if found else []
    return [ids] if ids else []


def remaining(present: Sequence[int], written: Sequence[int]) -> list[list[int]]:
    """Return drafts of the rest of a text whose beginning was rewritten, as far as the alignment can be determined."""
    same = next((n for n, (a, b) in enumerate(zip(present, written, strict=False)) if a != b), None)
    at = len(written)
    if same is None:
        return [list(present[at:])] if at < len(present) else []
    drafts = [list(present[max(0, at + shift) :]) for shift in SHIFTS if at + shift < len(present)]
    return [it for it in drafts if it]
