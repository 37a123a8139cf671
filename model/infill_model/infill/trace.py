"""Follows denoising: the progress of each job of a batch, and a frame of its canvas after each step."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from infill_model.denoising.draft import Draft
from infill_model.infill.job import JobProgress
from infill_model.request import Frame, TraceToken
from infill_model.vocabulary import DEL, MASK, PAD, Vocabulary


def follow(
    drafts: Iterable[Draft],
    progress: Sequence[JobProgress],
    vocabulary: Vocabulary,
    *,
    keep: bool,
    on_draft: Callable[[Frame], None] | None,
    until: Callable[[Draft], bool] | None = None,
) -> list[JobProgress]:
    """Run the steps of jobs that are denoised in one batch, and return each job's progress.

    Args:
        drafts: at least one, a row for each job.
        progress: of the jobs before the run.
        vocabulary: for the text of the tokens.
        keep: whether each job's trace records its frames.
        on_draft: called with the first job's frames.
        until: ends the run early, e.g. because the width of a canvas must change.
    """
    frames: list[list[Frame]] = [[] for _ in progress]
    watched = progress if keep else progress[:1] if on_draft else []
    since = time.perf_counter()
    for draft in drafts:
        took, since = (time.perf_counter() - since) * 1000, time.perf_counter()
        for row, picture in _pictures(vocabulary, watched, draft, took):
            if keep:
                frames[row].append(picture)
            if on_draft and row == 0:
                on_draft(picture)
        if until is not None and until(draft):
            break
    return [it.read(draft, row, frames[row]) for row, it in enumerate(progress)]


def _pictures(
    vocabulary: Vocabulary, progress: Sequence[JobProgress], draft: Draft, ms: float
) -> Iterator[tuple[int, Frame]]:
    """Yield the frame of each row that took part in the last step."""
    for row, it in enumerate(progress):
        if draft.steps[row] == draft.step:
            done = [(token.id, token.confidence, token.hole < 0) for token in it.done]
            yield row, frame(vocabulary, draft, row, it.steps, done, ms)


def frame(
    vocabulary: Vocabulary,
    draft: Draft,
    row: int,
    steps_before: int,
    done: Sequence[tuple[int, float, bool]],
    ms: float,
) -> Frame:
    """Return the frame of one row of a draft.

    Args:
        vocabulary: for the text of the tokens.
        draft: after a step.
        row: which fill of the batch.
        steps_before: steps of earlier blocks of the same fill.
        done: (id, confidence, pinned) of tokens that moved from the canvas to the context.
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
    """Describe in words what the step did to a row."""
    counts = {
        "committed": int(draft.unmasked[row].sum()),
        "overwritten": int(draft.overwritten[row].sum()),
        "taken back": int(draft.remasked[row].sum()),
    }
    parts = [f"{count} {what}" for what, count in counts.items() if count]
    if draft.stopped[row]:
        parts.append(f"ended: {draft.stopped[row]}")
    return ", ".join(parts) or "no change"
