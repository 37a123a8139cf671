"""What a model wrote becomes what is shown: small pure refinements, one after the other.

It knows nothing of models and editors; what an editor is able to show is `suggestion.fits`.
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
    truncate.one_line,
    truncate.block,
    overlap.rest_of_line,
    overlap.string_end,
    overlap.following_lines,
    overlap.duplicate,
    truncate.repeated_lines,
    truncate.repeated_tokens,
    brackets.balance,
    filters.drop_trivial,
    filters.drop_unchanged,
)
"""In their order: first what lines there are and how deep, then what of them is too much, then what is left."""

_ROUNDS: Final = 8
"""One refinement may give work to another; two rounds are the rule."""


def refine(
    document: Document,
    target: Target,
    suggestion: Suggestion,
    refinements: Sequence[Refinement] = REFINEMENTS,
) -> Suggestion | Dropped:
    """Make an insertion fit the place it is for; what comes out is not changed by another call."""
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
        # Text between two gaps is the user's own: what would cut into it is left undone.
        if _shows(document, target, refined) or not _shows(document, target, suggestion):
            suggestion = refined
    return suggestion


def _shows(document: Document, target: Target, suggestion: Suggestion) -> bool:
    """Whether an editor shows it; a selection is rewritten by an edit, which may replace anything."""
    return target.kind == "selection" or fits(document, suggestion)
