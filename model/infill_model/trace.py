"""Pictures of drafts: what stands at each canvas position, for traces and for showing fills as they come."""

from collections.abc import Callable, Sequence

from infill_model.job import Job
from infill_model.policies.draft import Draft
from infill_model.request import Frame, TraceToken
from infill_model.vocabulary import DEL, MASK, PAD, Vocabulary


def show(
    vocabulary: Vocabulary,
    jobs: Sequence[Job],
    draft: Draft,
    ms: float,
    *,
    keep: bool,
    on_draft: Callable[[Frame], None] | None,
) -> None:
    """Picture a step of some jobs that are denoised in one batch.

    Args:
        vocabulary: for the text of the tokens.
        jobs: a row of the draft each.
        draft: after the step.
        ms: milliseconds the step took.
        keep: whether each job's trace gets its picture.
        on_draft: told of the first job's.
    """
    if not keep and on_draft is None:
        return
    for row, job in enumerate(jobs if keep else jobs[:1]):
        if draft.steps[row] < draft.step:  # This row had ended before.
            continue
        done = [(it.id, it.confidence, it.hole < 0) for it in job.done]
        picture = frame(vocabulary, draft, row, job.steps, done, ms)
        if keep:
            job.frames.append(picture)
        if on_draft and row == 0:
            on_draft(picture)


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
