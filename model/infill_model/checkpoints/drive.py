"""Drives the denoising loop over a checkpoint until the length of its fill is found, in three ways.

`try_lengths` fills several lengths in one batch; `expand` lets the model request more masks and delete surplus ones;
`write_blocks` writes block after block until the model ends. Must not depend on a particular network.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from torch import Tensor

from infill_model.denoising.canvas import Canvas, Piece
from infill_model.denoising.draft import Draft
from infill_model.denoising.loop import denoise
from infill_model.denoising.policies import Policies, remask_policy, stop_policy, unmask_policy
from infill_model.denoising.prediction import Sampling
from infill_model.denoising.stop import Limits, StopPolicy
from infill_model.denoising.unmask import UnmaskPolicy
from infill_model.families.family import OpenDenoiser
from infill_model.infill.critic import Judge
from infill_model.infill.job import FinalToken, Job, JobProgress
from infill_model.infill.structure import structure_of
from infill_model.infill.trace import follow
from infill_model.request import Frame, Options, TextCritic
from infill_model.vocabulary import DEL, MASK, RESERVED, Vocabulary

_ENDED: Final = ("complete", "stable")


@dataclass(slots=True)
class FillRun:
    """A request in progress.

    Attributes:
        denoiser: of the checkpoint.
        vocabulary: of the checkpoint.
        options: how to denoise.
        limits: steps, deadline and cancellation.
        critic: judges finished drafts.
        on_draft: called with the first job after each step.
        unmask: an unmask policy that overrides the options; None to use the options.
        stop: a stop policy, in the same way.
        forwards: forward passes spent so far.
        encode_ms: milliseconds spent on contexts so far.
    """

    denoiser: OpenDenoiser
    vocabulary: Vocabulary
    options: Options
    limits: Limits
    critic: TextCritic | None = None
    on_draft: Callable[[Frame], None] | None = None
    unmask: UnmaskPolicy | None = None
    stop: StopPolicy | None = None
    forwards: int = 0
    encode_ms: float = 0.0
    policies: Policies = field(init=False)
    structure: Tensor | None = field(init=False)

    def __post_init__(self) -> None:
        it = self.options
        unmask = unmask_policy(it.unmask) if self.unmask is None else self.unmask
        stop = stop_policy(it.stop) if self.stop is None else self.stop
        self.policies = Policies(unmask, remask_policy(it.remask), stop)
        ids = self.denoiser.size + RESERVED
        self.structure = structure_of(self.policies, self.vocabulary, ids, self.denoiser.device)

    def once(
        self,
        progress: Sequence[JobProgress],
        *,
        steps: int | None = None,
        forbidden: tuple[int, ...] = (),
        until: Callable[[Draft], bool] | None = None,
    ) -> list[JobProgress]:
        """Denoise the canvases of some jobs in one batch, and return each job's progress.

        Args:
            progress: of at least one job.
            steps: the maximum number of steps; None for that of the limits.
            forbidden: canvas ids that may not be written.
            until: ends the run early, e.g. because the width of a canvas must change.
        """
        jobs = [it.job for it in progress]
        started = time.perf_counter()
        context = replace(self.denoiser.encode([job.context for job in jobs]), forbidden=forbidden)
        self.encode_ms += (time.perf_counter() - started) * 1000
        canvas = Canvas.of([job.pieces for job in jobs], self.denoiser.device)
        seeds = tuple(it.job.seed + 1_000_003 * it.steps for it in progress)
        sampling = Sampling(tuple(it.temperature for it in jobs), seeds)
        judge = Judge(self.vocabulary, self.critic, progress, grows=False) if self.critic else None
        limits = self.limits if steps is None else replace(self.limits, steps=steps)
        drafts = denoise(
            self.denoiser,
            context,
            canvas,
            self.policies,
            limits,
            sampling=sampling,
            critic=judge,
            structure=self.structure,
        )
        after = follow(drafts, progress, self.vocabulary, keep=self.options.trace, on_draft=self.on_draft, until=until)
        self.forwards += max(now.steps - before.steps for now, before in zip(after, progress, strict=True))
        return after


def try_lengths(run: FillRun, jobs: Sequence[Job]) -> list[JobProgress]:
    """Fill jobs that differ in their lengths in one batch; the best is chosen by confidence."""
    return run.once([JobProgress(it) for it in jobs])


def expand(
    run: FillRun, jobs: Sequence[Job], token: int, longest: int, *, deletes_right: bool = True
) -> list[JobProgress]:
    """Fill with a model that finds the length itself (DreamOn, eval/generator.py).

    After each step an expand token becomes two masks and deleted positions leave the canvas.

    Args:
        run: the request.
        jobs: whose holes are filled, in one batch as long as none is full.
        token: the canvas id of the expand token.
        longest: the maximum number of positions in a job's holes together, and of expansions of a job.
        deletes_right: whether a deletion also removes the masks to its right, up to the next pinned position.
    """
    progress = {number: JobProgress(it) for number, it in enumerate(jobs)}
    budgets = [longest] * len(jobs)
    active = list(range(len(jobs)))
    while active:
        for full in (False, True):
            group = {n: progress[n] for n in active if _is_full(progress[n].job, budgets[n], longest) == full}
            if group:
                progress |= _expand_once(run, group, token, forbidden=(token,) if full else ())
        for n in list(active):
            now = progress[n]
            limited = now.stopped not in _ENDED and (run.limits.cancelled() or now.steps >= run.limits.steps)
            progress[n], expanded = resize(now, token, deletes_right=deletes_right)
            budgets[n] -= expanded
            done = not any(MASK in it.ids for it in progress[n].job.pieces)
            if limited or now.stopped == "deadline" or done:
                active.remove(n)
        if 0 not in active:
            run.on_draft = None  # It is called only with the first job.
    return list(progress.values())


def _is_full(job: Job, budget: int, longest: int) -> bool:
    """Report whether a job may not expand any more."""
    return budget <= 0 or sum(len(it.ids) for it in job.pieces if not it.pinned) >= longest


def _expand_once(
    run: FillRun, progress: Mapping[int, JobProgress], token: int, *, forbidden: tuple[int, ...]
) -> dict[int, JobProgress]:
    """Denoise until the width of a canvas must change."""
    after = run.once(
        list(progress.values()),
        steps=max(1, run.limits.steps - max(it.steps for it in progress.values())),
        forbidden=forbidden,
        until=lambda draft: bool(((draft.canvas.ids == token) | (draft.canvas.ids == DEL)).any()),
    )
    return dict(zip(progress, after, strict=True))


def resize(progress: JobProgress, token: int, *, deletes_right: bool) -> tuple[JobProgress, int]:
    """Carry out the expansions and deletions on a canvas; also return the number of expansions."""
    pieces, row, expanded, start = [], list[FinalToken](), 0, 0
    for piece in progress.job.pieces:
        stretch: Sequence[FinalToken] = progress.row[start : start + len(piece.ids)]
        start += len(piece.ids)
        if not piece.pinned:
            expanded += sum(it.id == token for it in stretch)
            stretch = _resized(stretch, token, deletes_right=deletes_right)
        row += stretch
        pieces.append(Piece([it.id for it in stretch], piece.pinned))
    complete = not any(it.id == MASK for it in row) and progress.stopped not in ("steps", "deadline")
    stopped = "complete" if complete else progress.stopped
    return replace(progress, job=replace(progress.job, pieces=pieces), row=tuple(row), stopped=stopped), expanded


def _resized(hole: Sequence[FinalToken], token: int, *, deletes_right: bool) -> list[FinalToken]:
    out: list[FinalToken] = []
    deleted = False
    for it in hole:
        if it.id == token:
            out += [FinalToken(MASK, 0.0, 0, it.hole)] * 2
        elif it.id == DEL:
            deleted = True
        elif not (it.id == MASK and deleted and deletes_right):
            out.append(it)
    return out


def write_blocks(run: FillRun, jobs: Sequence[Job], block: int, most: int, *, line: bool) -> list[JobProgress]:
    """Fill block after block with a model whose blocks do not see later ones, each block of all jobs in one batch.

    Args:
        run: the request.
        jobs: their context is everything before the gap.
        block: the width of a block.
        most: the maximum number of tokens to write, rounded up to whole blocks.
        line: whether a line break ends the fill.
    """
    rows = [list(it.context) for it in jobs]
    progress = [JobProgress(it) for it in jobs]
    active = list(range(len(jobs)))
    while active:
        read = run.once([_next_block(progress[n], rows[n], block) for n in active])
        for n, now in zip(list(active), read, strict=True):
            rows[n] += [it.id for it in now.row if it.hole >= 0]
            progress[n], ended = _read_block(run, now, line=line)
            if ended or len(progress[n].done) >= most:
                active.remove(n)
        if 0 not in active:
            run.on_draft = None  # It is called only with the first job.
    return progress


def _next_block(progress: JobProgress, row: Sequence[int], block: int) -> JobProgress:
    """Lay out the block in which a row continues; the part already written is pinned."""
    start = len(row) // block * block
    pinned = row[start:]
    pieces = [Piece(pinned, pinned=True), Piece([MASK] * (block - len(pinned)), pinned=False)]
    return replace(progress, job=replace(progress.job, context=row[:start], pieces=pieces))


def _read_block(run: FillRun, progress: JobProgress, *, line: bool) -> tuple[JobProgress, bool]:
    """Take over the tokens written in a block; also report whether that was the end."""
    written = [it for it in progress.row if it.hole >= 0]
    ended = next((n for n, it in enumerate(written) if it.id in (DEL, MASK)), None)
    now = replace(progress, done=(*progress.done, *written[:ended]), row=())
    text = run.vocabulary.decode([it.id for it in now.done])
    return now, ended is not None or now.stopped not in _ENDED or (line and "\n" in text)
