"""The one denoising loop, for every model: a generator that yields a draft per step.

Each step asks the denoiser for logits, commits masks by the unmask policy (at least one in each row, unless the policy
may wait), remasks or overwrites tokens by the remask policy, shows complete rows to the critic, and ends rows. The
policies make the choices, and the denoiser keeps the caches. Must not depend on text or on a particular network. Rows
of a batch do not influence one another, and a row that has ended is left alone.
Shapes: B fills, C canvas positions.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import torch
from torch import Tensor

from infill_model.denoising.canvas import Canvas
from infill_model.denoising.denoiser import ContextT, Denoiser
from infill_model.denoising.draft import Draft, PolicyStep
from infill_model.denoising.noise import Noise
from infill_model.denoising.policies import Policies
from infill_model.denoising.prediction import Prediction, Sampler, Sampling
from infill_model.denoising.remask import RemaskPolicy
from infill_model.denoising.stop import Limits
from infill_model.request import StopReason

REPAIRS: Final = 2
"""How often the critic may send a row back before the least objectionable draft is taken."""


class RowCritic(Protocol):
    """Judges a complete row."""

    def __call__(self, canvas: Canvas, row: int) -> Tensor:
        """Return (C,) bool: positions that should be denoised again; none if the row is fine."""


def denoise(
    denoiser: Denoiser[ContextT],
    context: ContextT,
    canvas: Canvas,
    policies: Policies,
    limits: Limits,
    *,
    sampling: Sampling | None = None,
    critic: RowCritic | None = None,
    structure: Tensor | None = None,
) -> Iterator[Draft]:
    """Fill the masks of a batch of canvases, yielding the draft after each step; one forward pass per step.

    A canvas with nothing to write yields its starting draft. At the deadline and at the step limit, the positions still
    masked are committed with their predicted tokens, so the last draft is complete; only after a cancellation it need
    not be. One step is always taken, even after the deadline.

    Args:
        denoiser: predicts the canvas.
        context: the denoiser's encoded contexts, one entry for each row.
        canvas: where to begin; tokens in its holes are a starting draft, kept unless the remask policy revises them.
        policies: what to commit, what to revise, when to stop.
        limits: steps, deadline and cancellation.
        sampling: how tokens are chosen; if None, the most probable ones.
        critic: called with each complete row; it sends a row back for repair at most `REPAIRS` times.
        structure: (V,) bool, the ids of structural tokens, for a policy that tells them apart.
    """
    sampling = sampling or Sampling.greedy(len(canvas.ids))
    noise = Noise(sampling.seeds, canvas.ids.shape[1], canvas.ids.device)
    editor = _Editor(critic)
    draft = Draft.start(canvas)
    if draft.done:
        yield draft
    while not draft.done:
        if limits.cancelled():
            yield replace(draft, stopped=tuple(reason or "cancelled" for reason in draft.stopped))
            return
        sampler = sampling.sampler(noise, draft.step + 1)
        step = _look(denoiser, context, draft, policies.remask, left=limits.left(draft), sampler=sampler, noise=noise)
        draft = _act(replace(step, structure=structure), policies, limits.reached(draft), editor)
        yield draft


def _look(
    denoiser: Denoiser[ContextT],
    context: ContextT,
    draft: Draft,
    remask: RemaskPolicy,
    *,
    left: int,
    sampler: Sampler | None,
    noise: Noise,
) -> PolicyStep:
    """Run the denoiser and read its logits at the positions that a policy will read."""
    canvas, first = draft.canvas, draft.step == 0
    masked = draft.of_active(canvas.masked)
    where = draft.of_active(~canvas.pinned) if first or remask.reads_committed else masked
    shadow = None
    if remask.reads_shadow:
        committed = draft.of_active(canvas.committed)
        logits, shadow_logits = denoiser.logits_with_shadow(context, canvas, where, committed)
        shadow = Prediction.of(shadow_logits, committed)
    else:
        logits = denoiser.logits(context, canvas, where)
    prediction = Prediction.of(logits, where, sampler)
    if first:  # The first forward pass gives a starting draft its confidence; masks have no probability.
        sure = shadow or prediction  # A token is judged better when the denoiser cannot see it.
        draft = replace(draft, confidence=sure.probability_of(canvas.ids).masked_fill(canvas.pinned, 1.0))
    return PolicyStep(draft=draft, masked=masked, prediction=prediction, shadow=shadow, left=left, noise=noise)


def _act(step: PolicyStep, policies: Policies, limit: StopReason | None, editor: "_Editor") -> Draft:
    """Carry out the policies' choices. With a limit reached, commit everything and remask nothing."""
    guess = torch.where(step.masked, step.prediction.token, step.draft.canvas.ids)
    unchanged = step.draft.unchanged
    if policies.stop.reads_unchanged:
        unchanged = (unchanged + 1) * (guess == step.draft.guess).all(1)
    accepted = policies.unmask(step)
    chosen = accepted = accepted if policies.unmask.may_wait else _at_least_one(accepted, step)
    revision = policies.remask(step, accepted)
    remask, overwrite = revision.remask, revision.overwrite
    early = policies.stop(step, unchanged)
    if limit is not None:
        accepted, remask = step.masked, None
    elif early is not None:
        accepted = accepted | (step.masked & early)
        remask = None if remask is None else remask & ~early
    draft = _written(step, accepted, overwrite, guess, unchanged)
    if remask is not None:
        draft = replace(_taken_back(draft, remask), revisions=draft.revisions + remask.any(1))
    ended = ~draft.canvas.masked.any(1)
    if policies.remask.wants_quiet and limit is None:
        ended &= ~(draft.unmasked | draft.overwritten).any(1)
    forced = (accepted & ~chosen).any(1).tolist() if accepted is not chosen else [False] * len(ended)
    return _ended(draft, ended.tolist(), forced, limit, editor)


def _at_least_one(accepted: Tensor, step: PolicyStep) -> Tensor:
    """Add the most confident mask in rows where the unmask policy accepted none."""
    busy = accepted.any(1, keepdim=True)
    if busy.all():
        return accepted
    best = (step.prediction.confidence * step.masked).argmax(1, keepdim=True)
    return accepted.scatter(1, best, accepted.gather(1, best) | ~busy) & step.masked


def _written(step: PolicyStep, accepted: Tensor, overwrite: Tensor | None, guess: Tensor, unchanged: Tensor) -> Draft:
    """Return the draft with the predicted tokens where they were accepted or overwrite another."""
    before = step.draft
    nowhere = torch.zeros_like(accepted)
    written = accepted if overwrite is None else accepted | overwrite
    return Draft(
        canvas=before.canvas.write(written, step.prediction.token),
        confidence=torch.where(written, step.prediction.confidence, before.confidence),
        committed_at=before.committed_at.masked_fill(written, step.number),
        step=step.number,
        stopped=before.stopped,
        steps=before.steps,
        guess=guess,
        unchanged=unchanged,
        revisions=before.revisions if overwrite is None else before.revisions + overwrite.any(1),
        unmasked=accepted,
        remasked=nowhere,
        overwritten=nowhere if overwrite is None else overwrite,
    )


def _taken_back(draft: Draft, where: Tensor) -> Draft:
    """Return the draft with the tokens turned back into masks where `where` (B, C) is true."""
    return replace(
        draft,
        canvas=draft.canvas.remask(where),
        confidence=draft.confidence.masked_fill(where, 0.0),
        committed_at=draft.committed_at.masked_fill(where, -1),
        remasked=draft.remasked | where,
    )


def _ended(draft: Draft, ended: list[bool], forced: list[bool], limit: StopReason | None, editor: "_Editor") -> Draft:
    """End the rows that are complete, unless the critic sends them back."""
    stopped, steps = list(draft.stopped), list(draft.steps)
    for row, reason in enumerate(draft.stopped):
        if reason is not None:
            continue
        steps[row] = draft.step
        if ended[row]:
            draft, accepted = editor.review(draft, row, may_repair=limit is None)
            if accepted:
                stopped[row] = (limit or "stable") if forced[row] else "complete"
    return replace(draft, stopped=tuple(stopped), steps=tuple(steps))


@dataclass(frozen=True, slots=True)
class _Kept:
    """The least objectionable draft of a row so far: the number of objections, and the row's (C,) values."""

    objections: int
    ids: Tensor
    confidence: Tensor
    committed_at: Tensor


@dataclass(slots=True)
class _Editor:
    """Shows complete rows to the critic, sends them back a bounded number of times, and remembers the best draft."""

    critic: RowCritic | None
    sent_back: dict[int, int] = field(default_factory=dict)
    kept: dict[int, _Kept] = field(default_factory=dict)

    def review(self, draft: Draft, row: int, *, may_repair: bool) -> tuple[Draft, bool]:
        """Return the draft to continue with, and whether the row is accepted."""
        kept = self.kept.get(row)
        if self.critic is None or (kept is None and not may_repair):
            return draft, True
        objections = self.critic(draft.canvas, row) & ~draft.canvas.pinned[row]
        count = int(objections.sum())
        if count == 0:
            return draft, True
        ids = draft.canvas.ids[row]
        again = kept is not None and torch.equal(ids, kept.ids)
        if kept is None or count < kept.objections:
            kept = self.kept[row] = _Kept(count, ids, draft.confidence[row], draft.committed_at[row])
        if may_repair and not again and self.sent_back.get(row, 0) < REPAIRS:
            self.sent_back[row] = self.sent_back.get(row, 0) + 1
            where = torch.zeros_like(draft.canvas.pinned)
            where[row] = objections
            return _taken_back(draft, where), False
        return _restored(draft, row, kept), True


def _restored(draft: Draft, row: int, kept: _Kept) -> Draft:
    """Return the draft with one row replaced by its kept version."""
    where = torch.zeros_like(draft.canvas.pinned)
    where[row] = True
    return replace(
        draft,
        canvas=draft.canvas.write(where, kept.ids.expand_as(where)),
        confidence=torch.where(where, kept.confidence, draft.confidence),
        committed_at=torch.where(where, kept.committed_at, draft.committed_at),
    )
