"""What a model wrote becomes what is shown: small pure refinements, one after the other.

It knows nothing of models and editors; what an editor is able to show is `insertion.fits`.
"""

from collections.abc import Sequence
from typing import Final

from infill_lsp.document import Document
from infill_lsp.suggestions import balance, indent, overlap, repetition, scope, tidy, worth
from infill_lsp.suggestions.insertion import Dropped, Insertion, Refinement, fits
from infill_lsp.syntax.gap import Target

REFINEMENTS: Final[tuple[Refinement, ...]] = (
    tidy.line_ends,
    tidy.blanks,
    indent.own_blanks,
    indent.dedent,
    indent.depth,
    scope.one_line,
    scope.block,
    overlap.rest_of_line,
    overlap.string_end,
    overlap.following_lines,
    overlap.duplicate,
    repetition.repeated_lines,
    repetition.repeated_tokens,
    balance.balance,
    worth.worthwhile,
    tidy.news,
)
"""In their order: first what lines there are and how deep, then what of them is too much, then what is left."""

_ROUNDS: Final = 8
"""One refinement may give work to another; two rounds are the rule."""


def refine(
    document: Document,
    target: Target,
    insertion: Insertion,
    refinements: Sequence[Refinement] = REFINEMENTS,
) -> Insertion | Dropped:
    """Make an insertion fit the place it is for; what comes out is not changed by another call."""
    if target.kind == "none":
        return Dropped(target.why)
    for _ in range(_ROUNDS):
        refined = _round(document, target, insertion, refinements)
        if isinstance(refined, Dropped):
            return refined
        if refined == insertion:
            return refined if _shows(document, target, refined) else Dropped("an editor would not show it")
        insertion = refined
    return Dropped("it does not settle")


def _round(
    document: Document, target: Target, insertion: Insertion, refinements: Sequence[Refinement]
) -> Insertion | Dropped:
    for refinement in refinements:
        refined = refinement(document, target, insertion)
        if isinstance(refined, Dropped):
            return refined
        # Text between two gaps is the user's own: what would cut into it is left undone.
        if _shows(document, target, refined) or not _shows(document, target, insertion):
            insertion = refined
    return insertion


def _shows(document: Document, target: Target, insertion: Insertion) -> bool:
    """Whether an editor shows it; a selection is rewritten by an edit, which may replace anything."""
    return target.kind == "selection" or fits(document, insertion)
