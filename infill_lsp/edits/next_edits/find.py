"""Finds what an edit calls for: asks each rule, judges what they say, and keeps the nearest."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Final

from infill_lsp.edits.edit import Change
from infill_lsp.edits.faulty import breaks
from infill_lsp.edits.next_edits.arguments import arguments
from infill_lsp.edits.next_edits.attributes import attribute_renames, unset_attributes
from infill_lsp.edits.next_edits.edit import NextEdit
from infill_lsp.edits.next_edits.exchanges import exchanges
from infill_lsp.edits.next_edits.fields import fields
from infill_lsp.edits.next_edits.hunks import hunks
from infill_lsp.edits.next_edits.imports import imports
from infill_lsp.edits.next_edits.inverted import inverted
from infill_lsp.edits.next_edits.locals import local_renames
from infill_lsp.edits.next_edits.made import MadeEdit, are_opposite
from infill_lsp.edits.next_edits.passed import passed
from infill_lsp.edits.next_edits.renames import renames
from infill_lsp.edits.next_edits.repeats import repeats
from infill_lsp.edits.next_edits.scopes import TooManyError
from infill_lsp.edits.next_edits.undefined import undefined
from infill_lsp.meaning.judge import fault
from infill_lsp.syntax.critic import Critic
from infill_lsp.syntax.keywords import keywords
from infill_lsp.text.document import Document, Gap

MOST: Final = 3
"""The number of edits that may wait at a time."""

LARGEST: Final = 200_000
"""The longest document, in code points, in which edits are looked for: both of its states are parsed as a whole."""

_MOST_KINDS: Final = 4
"""The number of different replacements from which on an edit is more than one thought."""

_MOST_FOLLOWED: Final = 6
"""The number of differences that are followed; those of one rename all lead to the same places."""

_MOST_JUDGED: Final = 12
"""The number of edits that are judged before the search ends without them."""

Rule = Callable[[MadeEdit], Iterator[NextEdit]]
"""Yields what an edit may call for; what scores lines with a model would come behind them, with these as candidates."""

_RULES: Final[tuple[Rule, ...]] = (
    renames,
    attribute_renames,
    inverted,
    arguments,
    passed,
    unset_attributes,
    undefined,
    imports,
    local_renames,
    fields,
    exchanges,
    repeats,
)


def next_edits(before: Document, after: Document, cursor: int | None = None) -> tuple[NextEdit, ...]:
    """Return what the change of a document calls for elsewhere in it, the nearest first, three at most.

    Args:
        before: the document before the change.
        after: the document as it is now.
        cursor: where the user is, in code points; None for where the change is.
    """
    return tuple(itertools.islice(each_next_edit(before, after, cursor), MOST))


def each_next_edit(before: Document, after: Document, cursor: int | None = None) -> Iterator[NextEdit]:
    """Yield the same without an end at three; each is judged when it is asked for."""
    if after.language is None or max(before.lines.length, after.lines.length) > LARGEST:
        return
    changed = hunks(before.text, after.text)
    made = [MadeEdit(before, after, changed, it) for it in changed]
    if len({it.replaced for it in made}) > _MOST_KINDS:
        return
    if cursor is not None:
        made.sort(key=lambda it: max(it.hunk.start - cursor, cursor - it.hunk.end, 0))
    found = [edit for rule in _RULES for it in made[:_MOST_FOLLOWED] for edit in _heard(rule, it)]
    places = [(it.start, it.end) for it in changed] if cursor is None else [(cursor, cursor)]
    near = sorted(_apart(found), key=lambda it: min(_distance(it.change, *place) for place in places))
    yield from _right(after, near[:_MOST_JUDGED])


def _heard(rule: Rule, made: MadeEdit) -> Iterator[NextEdit]:
    """Yield what a rule says of an edit.

    That is nothing if it would take too long, if a keyword was typed on the way, or if a name says the contrary now.
    """
    language, renamed = made.after.language, made.renamed
    if renamed is not None and (renamed.new in keywords(language) or are_opposite(renamed.old, renamed.new)):
        return
    with suppress(TooManyError):
        yield from rule(made)


def _right(document: Document, found: list[NextEdit]) -> Iterator[NextEdit]:
    """Yield the edits that stand before the judges; of a rename, one place stands for all, which have one scope."""
    renamed: set[str] = set()
    for edit in found:
        if edit.label in renamed or is_right(document, edit.change):
            renamed |= {edit.label} if edit.kind == "rename" else set()
            text = edit.change.text.replace("\n", document.newline)
            yield replace(edit, change=replace(edit.change, text=text))


def _apart(found: list[NextEdit]) -> list[NextEdit]:
    """Return the edits without those that another one overlaps; the rule asked first is heard first."""
    kept: list[NextEdit] = []
    for edit in found:
        if all(edit.change.end < it.change.start or it.change.end < edit.change.start for it in kept):
            kept.append(edit)
    return kept


def _distance(change: Change, start: int, end: int) -> int:
    return max(start - change.end, change.start - end, 0)


def is_right(document: Document, change: Change) -> bool:
    """Report whether a change breaks neither syntax nor meaning, by what it brings in or takes away."""
    if fault(document, change.start, change.end, change.text):
        return False
    if all(it.isidentifier() for it in (change.text, document.text[change.start : change.end])):
        return True  # One name instead of another changes no syntax.
    critic = Critic.of(document.request([Gap(change.start, change.end)]))
    parses = critic is None or critic.parses([change.text])
    return parses and not breaks(document, document.part_at(change.start), (change,))
