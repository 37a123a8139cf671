"""How a gap may go on, without asking a network: what the document says after the same characters, or what stood there.

Drafts are ids; whoever reads them decides what is kept.
"""

from collections.abc import Callable, Sequence
from typing import Final

from infill_model.infill.retrieval import copy_continuation
from infill_model.request import Request

LEAST_MATCH: Final = 6
"""Characters that must match before a copy goes on behind what is written."""

SHIFTS: Final = (0, -1, 1, 2)
"""By how many tokens what stands in a gap may be moved against what is written: replaced, inserted before, dropped."""


def drafts_of(request: Request, written: str, encode: Callable[[str], list[int]]) -> list[list[int]]:
    """The continuation of the longest match of the code before the gap and what is written of it."""
    found = copy_continuation(request.prefix + written, request.suffix, block=request.block, min_match=LEAST_MATCH)
    ids = encode(found.text) if found else []
    return [ids] if ids else []


def remaining(present: Sequence[int], written: Sequence[int]) -> list[list[int]]:
    """What is left of a text whose beginning was written anew, as far as its place can be told."""
    same = next((n for n, (a, b) in enumerate(zip(present, written, strict=False)) if a != b), None)
    at = len(written)
    if same is None:
        return [list(present[at:])] if at < len(present) else []
    drafts = [list(present[max(0, at + shift) :]) for shift in SHIFTS if at + shift < len(present)]
    return [it for it in drafts if it]
