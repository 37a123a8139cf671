"""Turns model output into suggestions, by small pure refinements applied one after the other.

Must not depend on models or editors; `suggestion.fits` decides what an editor is able to show.
"""

from collections.abc import Sequence
from typing import Final

from infill_lsp.suggestions import brackets, filters, indentation, overlap, truncate
from infill_lsp.suggestions.suggestion import Dropped, Refinement, Suggestion, fits
from infill_lsp.targets.target import Target
from infill_lsp.text.document import Document

REFINEMENTS: Final[tuple[Refinement, ...]] = (
    filters.normalise_line_ends,
    filters.trim_blanks,
    indentation.own_blanks,
    indentation.dedent,
    indentation.depth,
    indentation.block_depth,
    truncate.one_line,
    truncate.block,
    overlap.rest_of_line,
    overlap.string_end,
    overlap.following_lines,
    overlap.duplicate,
    overlap.stands_below,
    truncate.repeated_lines,
    truncate.repeated_tokens,
    brackets.balance,
    filters.drop_trivial,
    filters.drop_echo,
    filters.drop_unchanged,
)
"""In order: first the lines and their depth, then the removal of surplus text, then the checks of what is left."""

_ROUNDS: Final = 8
"""A refinement may make work for another; two rounds are typical."""


def refine(
    document: Document,
    target: Target,
    suggestion: Suggestion,
    refinements: Sequence[Refinement] = REFINEMENTS,
) -> Suggestion | Dropped:
    """Make a suggestion fit its place; refining the result again does not change it."""
    if target.kind == "none":
        return Dropped(target.why)
    for _ in range(_ROUNDS):
        refined = _round(document, target, suggestion, refinements)
        if isinstance(refined, Dropped):
            return refined
        if refined == suggestion:
            return refined if _shows(document, target, refined) else Dropped("an editor would not show it")
        suggestion = refined
    return Dropped("it does not settle")


def _round(
    document: Document, target: Target, suggestion: Suggestion, refinements: Sequence[Refinement]
) -> Suggestion | Dropped:
    for refinement in refinements:
        refined = refinement(document, target, suggestion)
        if isinstance(refined, Dropped):
            return refined
        # Text between two gaps is the user's own: a refinement that would cut into it is undone.
        if _shows(document, target, refined) or not _shows(document, target, suggestion):
            suggestion = refined
    return suggestion


def _shows(document: Document, target: Target, suggestion: Suggestion) -> bool:
    """Report whether an editor shows a suggestion; a selection is rewritten by an edit, which may replace anything."""
    return target.kind == "selection" or fits(document, suggestion)
