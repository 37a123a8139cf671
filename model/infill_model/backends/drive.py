"""How the one loop is driven over a checkpoint until the length of its fill is found: three ways.

`try_lengths` fills several lengths in one batch; `expand` lets the model ask for more masks and delete surplus ones;
`write_blocks` goes on block after block until the model ends. It knows tokens and text, and no network.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from infill_model.backends.family import OpenDenoiser
from infill_model.canvas import Canvas, Piece
from infill_model.denoise import denoise
from infill_model.job import Job, Written
from infill_model.judge import Judge
from infill_model.policies import Policies, remask_policy, stop_policy, unmask_policy
from infill_model.policies.draft import Draft
from infill_model.policies.prediction import Sampling
from infill_model.policies.stop import Limits, StopPolicy
from infill_model.policies.unmask import UnmaskPolicy
from infill_model.request import Frame, Options, TextCritic
from infill_model.trace import show
from infill_model.vocabulary import DEL, MASK, Vocabulary

_ENDED: Final = ("complete", "stable")


@dataclass(slots=True)
class Run:
    """One request under way.

    Attributes:
        denoiser: of the checkpoint.
        vocabulary: of the checkpoint.
        options: how to denoise.
        limits: steps, deadline and cancellation.
        critic: judges finished drafts.
        on_draft: told of the first job after each step.
        unmask: commits masks in place of what the options say; None for what they say.
        stop: ends fills, likewise.
        forwards: spent so far.
        encode_ms: spent on contexts so far.
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

    def __post_init__(self) -> None:
        it = self.options
        unmask = unmask_policy(it.unmask) if self.unmask is None else self.unmask
        stop = stop_policy(it.stop) if self.stop is None else self.stop
        self.policies = Policies(unmask, remask_policy(it.remask), stop)

    def once(
        self,
        jobs: Sequence[Job],
        *,
        steps: int | None = None,
        forbidden: tuple[int, ...] = (),
        until: Callable[[Draft], bool] | None = None,
    ) -> None:
        """Denoise the canvases of some jobs in one batch, and let the jobs read what came of it.

        Args:
            jobs: at least one.
            steps: the most of them; None for those of the limits.
            forbidden: canvas ids that may not be written.
            until: ends the run early, e.g. because a canvas is to change its width.
        """
        started = since = time.perf_counter()
        context = replace(self.denoiser.encode([job.context for job in jobs]), forbidden=forbidden)
        self.encode_ms += (time.perf_counter() - started) * 1000
        canvas = Canvas.of([job.pieces for job in jobs], self.denoiser.device)
        sampling = Sampling(tuple(it.temperature for it in jobs), tuple(it.seed + 1_000_003 * it.steps for it in jobs))
        judge = Judge(self.vocabulary, self.critic, jobs, grows=False) if self.critic else None
        limits = self.limits if steps is None else replace(self.limits, steps=steps)
        drafts = denoise(self.denoiser, context, canvas, self.policies, limits, sampling=sampling, critic=judge)
        for draft in drafts:
            took, since = (time.perf_counter() - since) * 1000, time.perf_counter()
            show(self.vocabulary, jobs, draft, took, keep=self.options.trace, on_draft=self.on_draft)
            if until is not None and until(draft):
                break
        self.forwards += draft.step
        for row, job in enumerate(jobs):
            job.read(draft, row)


def try_lengths(run: Run, jobs: Sequence[Job]) -> None:
    """Fill jobs that differ in their lengths in one batch; which is best is chosen by their confidence."""
    run.once(jobs)


def expand(run: Run, jobs: Sequence[Job], token: int, longest: int, *, deletes_right: bool = True) -> None:
    """Fill with a model that finds the length itself (DreamOn, eval/generator.py).

    After each step an expand token becomes two masks and what is deleted leaves the canvas.

    Args:
        run: the request.
        jobs: whose holes are filled, in one batch as long as none is full.
        token: the canvas id of the expand token.
        longest: positions the holes of a job may have together, and how often one of them may be expanded.
        deletes_right: whether a deletion takes the masks to its right, up to the next pin, with it.
    """
    budgets = [longest] * len(jobs)
    active = list(range(len(jobs)))
    while active:
        for full in (False, True):
            group = [n for n in active if _is_full(jobs[n], budgets[n], longest) == full]
            if group:
                _expand_once(run, [jobs[n] for n in group], token, forbidden=(token,) if full else ())
        for n in list(active):
            job = jobs[n]
            limited = job.stopped not in _ENDED and (run.limits.cancelled() or job.steps >= run.limits.steps)
            budgets[n] -= resize(job, token, deletes_right=deletes_right)
            if limited or job.stopped == "deadline" or not any(MASK in it.ids for it in job.pieces):
                active.remove(n)
        if 0 not in active:
            run.on_draft = None  # It is told of the first job.


def _is_full(job: Job, budget: int, longest: int) -> bool:
    """Whether a job may not expand any more."""
    return budget <= 0 or sum(len(it.ids) for it in job.pieces if not it.pinned) >= longest


def _expand_once(run: Run, jobs: Sequence[Job], token: int, *, forbidden: tuple[int, ...]) -> None:
    """Denoise until a canvas is to change its width."""
    run.once(
        jobs,
        steps=max(1, run.limits.steps - max(it.steps for it in jobs)),
        forbidden=forbidden,
        until=lambda draft: bool(((draft.canvas.ids == token) | (draft.canvas.ids == DEL)).any()),
    )


def resize(job: Job, token: int, *, deletes_right: bool) -> int:
    """Carry out what a job's canvas asks for; returns how often it was expanded."""
    pieces, row, expanded, start = [], [], 0, 0
    for piece in job.pieces:
        stretch = job.row[start : start + len(piece.ids)]
        start += len(piece.ids)
        if not piece.pinned:
            expanded += sum(it.id == token for it in stretch)
            stretch = _resized(stretch, token, deletes_right=deletes_right)
        row += stretch
        pieces.append(Piece([it.id for it in stretch], piece.pinned))
    job.pieces, job.row = pieces, row
    if not any(it.id == MASK for it in row) and job.stopped not in ("steps", "deadline"):
        job.stopped = "complete"
    return expanded


def _resized(hole: Sequence[Written], token: int, *, deletes_right: bool) -> list[Written]:
    out: list[Written] = []
    deleted = False
    for it in hole:
        if it.id == token:
            out += [Written(MASK, 0.0, 0, it.hole)] * 2
        elif it.id == DEL:
            deleted = True
        elif not (it.id == MASK and deleted and deletes_right):
            out.append(it)
    return out


def write_blocks(run: Run, jobs: Sequence[Job], block: int, most: int, *, line: bool) -> None:
    """Fill block after block with a model whose blocks see no later ones, the same block of all jobs in one batch.

    Args:
        run: the request.
        jobs: their context is everything before the gap.
        block: how wide a block is.
        most: tokens to write at most, rounded up to whole blocks.
        line: whether a line break ends the fill.
    """
    rows = {id(job): list(job.context) for job in jobs}
    active = list(jobs)
    while active:
        for job in active:
            _next_block(job, rows[id(job)], block)
        run.once(active)
        for job in list(active):
            if _read_block(run, job, rows[id(job)], line=line) or len(job.done) >= most:
                active.remove(job)
        if jobs[0] not in active:
            run.on_draft = None  # It is told of the first job.
    for job in jobs:
        job.row = []


def _next_block(job: Job, row: Sequence[int], block: int) -> None:
    """Lay out the block in which a row goes on: what it begins with already is pinned."""
    start = len(row) // block * block
    pinned = row[start:]
    job.context, job.row = list(row[:start]), []
    job.pieces = [Piece(pinned, pinned=True), Piece([MASK] * (block - len(pinned)), pinned=False)]


def _read_block(run: Run, job: Job, row: list[int], *, line: bool) -> bool:
    """Take what was written in a block over; says whether that was the end."""
    written = [it for it in job.row if it.hole >= 0]
    ended = next((n for n, it in enumerate(written) if it.id in (DEL, MASK)), None)
    job.done += written[:ended]
    row += [it.id for it in written]
    text = run.vocabulary.decode([it.id for it in job.done])
    return ended is not None or job.stopped not in _ENDED or (line and "\n" in text)
