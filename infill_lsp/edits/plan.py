"""Plans what to ask the model for an edit at a place in a document; quick, and without the model.

An edit is offered if there is something to ask. The model's answers are judged in `resolve`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

from infill_lsp.edits.attempt import Attempt
from infill_lsp.edits.offer import TITLES, Kind, Offer
from infill_lsp.edits.repair import repairs
from infill_lsp.syntax.functions import Replacement, function_lines, open_arguments, stub_body
from infill_lsp.targets.skeleton import rewrite
from infill_lsp.targets.target import target_at
from infill_lsp.text.document import Document, Gap

MOST_SELECTED: Final = 2_000
"""The longest selection that is rewritten at once, in code points."""

MOST_LINES: Final = 40
"""The longest function in which edits are suggested, in lines."""

_WORTH_A_LOOK: Final = re.compile(r"[^\W\d]\w*\W+\w")
"""A line with less than a name and something else has nothing that could be improbable."""


@dataclass(frozen=True, slots=True)
class EditPlan:
    """The ways to make the edit of an offer; none if there is nothing left to do."""

    offer: Offer
    attempts: tuple[Attempt, ...]


def offers(document: Document, start: int, end: int) -> tuple[Offer, ...]:
    """Return the offers for a range; none for a range outside the document."""
    if not 0 <= start <= end <= len(document.text):
        return ()
    found = (kind for kind in TITLES if _PLANNERS[kind](document, start, end))
    return tuple(Offer(kind, document.name, document.version, start, end) for kind in found)


def plan(document: Document, offer: Offer) -> EditPlan:
    """Plan how to make the edit of an offer.

    Raises:
        StaleError: the document has changed since.
    """
    offer.check(document)
    return EditPlan(offer, _PLANNERS[offer.kind](document, offer.start, offer.end))


_Planner: TypeAlias = Callable[[Document, int, int], tuple[Attempt, ...]]


def _gap(document: Document, start: int, end: int) -> tuple[Attempt, ...]:
    if start != end:
        return ()
    target = target_at(document, start, invoked=True)
    return (Attempt(target.gaps, target.block),) if target.kind != "none" and target.gaps else ()


def _body(document: Document, start: int, end: int) -> tuple[Attempt, ...]:
    tree = document.tree_at(end)
    place = stub_body(tree, end) if tree else None
    return (_at(place, block=True),) if place else ()


def _arguments(document: Document, start: int, end: int) -> tuple[Attempt, ...]:
    tree = document.tree_at(start) if start == end else None
    place = open_arguments(tree, start) if tree else None
    return (_at(place, block=False),) if place else ()


def _selection(document: Document, start: int, end: int) -> tuple[Attempt, ...]:
    if end - start > MOST_SELECTED or not document.text[start:end].strip():
        return ()
    target = rewrite(document, start, end)
    return (Attempt(target.gaps, target.block),) if target.kind != "none" and target.gaps else ()


def _suggestions(document: Document, start: int, end: int) -> tuple[Attempt, ...]:
    """Plan to rewrite improbable parts of each line of code in the function, lines near the cursor first."""
    tree = document.tree_at(start)
    body = function_lines(tree, start) if tree else None
    if body is None:
        return ()
    here, first, last = (document.place(at)[0] for at in (start, body.start, body.end))
    if last - first >= MOST_LINES:
        return ()
    gaps = [code_of_line(document, number) for number in sorted(range(first, last + 1), key=lambda it: abs(it - here))]
    inside = [
        gap
        for gap in gaps
        if body.start <= gap.start
        and gap.end <= body.end
        and _WORTH_A_LOOK.search(document.text, gap.start, gap.end)
        and not any(a < gap.end and gap.start < b for a, b in body.quoted)
    ]
    return tuple(Attempt((gap,), start=(document.text[gap.start : gap.end],)) for gap in inside)


_PLANNERS: Final[Mapping[Kind, _Planner]] = MappingProxyType(
    {
        "fill_gap": _gap,
        "fill_body": _body,
        "fill_arguments": _arguments,
        "rewrite_selection": _selection,
        "repair_syntax": repairs,
        "suggest_edits": _suggestions,
    }
)


def _at(place: Replacement, *, block: bool) -> Attempt:
    return Attempt((Gap(place.start, place.end),), block, place.before, place.after)


def code_of_line(document: Document, number: int) -> Gap:
    """Return a line without the blanks around it."""
    line, start = document.line(number), document.offset(number, 1)
    end = start + len(line.rstrip())
    return Gap(min(end, start + len(line) - len(line.lstrip())), end)
