"""Pictures of a draft: what stands at each canvas position, for traces and for showing fills as they come."""

from collections.abc import Sequence

from infill_model.policies.draft import Draft
from infill_model.request import Frame, TraceToken
from infill_model.vocabulary import DEL, MASK, PAD, Vocabulary


def frame(
    vocabulary: Vocabulary,
    draft: Draft,
    row: int,
    steps_before: int,
    done: Sequence[tuple[int, float, bool]],
    ms: float,
) -> Frame:
    """One row of a draft.

    Args:
        vocabulary: for the text of the tokens.
        draft: after a step.
        row: which fill of the batch.
        steps_before: steps of earlier blocks of the same fill.
        done: (id, confidence, pinned) of tokens that left the canvas for the context.
        ms: milliseconds the step took.
    """
    canvas = draft.canvas
    ids, pinned, confidence = canvas.ids[row].tolist(), canvas.pinned[row].tolist(), draft.confidence[row].tolist()
    rows = [*done, *((i, c, p) for i, c, p in zip(ids, confidence, pinned, strict=True) if i != PAD)]
    texts = vocabulary.pieces([i for i, _, _ in rows])
    tokens = tuple(_token(i, c, p, text) for (i, c, p), text in zip(rows, texts, strict=True))
    return Frame(steps_before + draft.step, tokens, _event(draft, row), round(ms, 3))


def _token(i: int, confidence: float, pinned: bool, text: str) -> TraceToken:
    if pinned:
        return TraceToken(text, "pinned", 1.0)
    if i == MASK:
        return TraceToken("", "masked", 0.0)
    if i == DEL:
        return TraceToken("", "deleted", confidence)
    return TraceToken(text, "committed", confidence)


def _event(draft: Draft, row: int) -> str:
    """What the step did to a row, in words."""
    counts = {
        "committed": int(draft.unmasked[row].sum()),
        "overwritten": int(draft.overwritten[row].sum()),
        "taken back": int(draft.remasked[row].sum()),
    }
    said = [f"{count} {what}" for what, count in counts.items() if count]
    if draft.stopped[row]:
        said.append(f"ended: {draft.stopped[row]}")
    return ", ".join(said) or "looked, changed nothing"
