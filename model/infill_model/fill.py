"""The facade: text around gaps in, fills out.

It lays a request out as canvases, drives the one denoising loop over them, lets full canvases grow or go on with a next
block, and reads the tokens back as text. It knows no files of the user, no editors, no grammar: a critic may be passed
in that does.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from infill_model import folder, quantised
from infill_model.autoregressive import continue_greedily, score
from infill_model.backends.embedded import EmbeddedDenoiser
from infill_model.canvas import Canvas, Piece
from infill_model.denoise import Critic, denoise
from infill_model.errors import WeightsError
from infill_model.folder import Config
from infill_model.network import Network
from infill_model.policies import Policies, remask_policy, stop_policy, unmask_policy
from infill_model.policies.draft import Draft
from infill_model.policies.prediction import Sampling
from infill_model.policies.stop import Limits, never
from infill_model.request import Fill, Frame, Info, Options, Request, StopReason, Timing, Token
from infill_model.retrieval import copy_continuation
from infill_model.trace import frame
from infill_model.vocabulary import DEL, MASK, Vocabulary
from infill_model.window import Window, split_suffix

LINE_MASKS = 24
"""Masks a gap within a line starts with; what is too much becomes `<del>`."""

MORE_MASKS = 16
"""By how many masks a full gap grows while the canvas has room."""

LONGEST_REST = 16
"""Tokens of the rest of the gap's line that are pinned behind it; the network was trained with no more."""

MOST_BLOCKS = 6
"""How often a gap may grow or go on, so that a model that never ends a gap does."""

CONFIRMED = 0.9
"""A copy from the document that the denoiser finds this probable in one forward is taken without a second draft."""

EMBEDDED = "embedded"

TextCritic = Callable[[Sequence[str]], list[list[tuple[int, int]]]]
"""From the text of each gap of a finished draft to the code-point spans in it that should be denoised again."""


@dataclass(frozen=True, slots=True)
class _Written:
    """A token that is final: its id, its confidence and step, and the hole it is in, or -1 if it was pinned."""

    id: int
    confidence: float
    step: int
    hole: int


@dataclass(slots=True)
class _Job:
    """One fill under way: what is written for good, and the canvas that is being denoised.

    Attributes:
        done: tokens that left the canvas on the left and joined the context.
        pieces: the canvas: holes and pinned stretches.
        first_hole: index in the request of the canvas's first hole.
    """

    context: list[int]
    pieces: list[Piece]
    temperature: float
    seed: int
    done: list[_Written] = field(default_factory=list)
    first_hole: int = 0
    steps: int = 0
    blocks: int = 0
    retrieved: bool = False
    stopped: StopReason = "complete"
    row: list[_Written] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)


class Infiller:
    """A loaded model. One fill at a time; not for several threads at once."""

    def __init__(self, config: Config, vocabulary: Vocabulary, network: Network, dtype: str = "float32") -> None:
        self.config, self.vocabulary, self.dtype = config, vocabulary, dtype
        self.denoiser = EmbeddedDenoiser(network)
        self.window = Window(vocabulary, config.shape.context)

    @classmethod
    def load(
        cls, model: str | Path = EMBEDDED, *, device: str = "auto", dtype: str = "auto", threads: int | None = None
    ) -> "Infiller":
        """Load a model folder, or the weights that ship with the package.

        Args:
            model: `embedded` or the path of a folder with config.json, tokenizer.json and model.safetensors.
            device: `auto`, `cpu`, `cuda` or `mps`.
            dtype: `auto`, `float32`, `bfloat16` or `int8` (weights only); bfloat16 on accelerators and float32 on a
                CPU unless told otherwise.
            threads: that a forward may use.

        Raises:
            WeightsError: the folder is missing, incomplete or damaged.
        """
        if threads:
            torch.set_num_threads(threads)
        path = Path(__file__).parent / "weights" if str(model) == EMBEDDED else Path(model)
        config, vocabulary, weights = folder.read(path)
        place = _device(device)
        chosen = dtype if dtype != "auto" else ("float32" if place == "cpu" else "bfloat16")
        network = quantised.convert(folder.network(config, weights, path), chosen).to(place)
        return cls(config, vocabulary, network, chosen)

    @property
    def info(self) -> Info:
        """What the model says of itself."""
        network = self.denoiser.network
        return Info(
            name=self.config.name,
            parameters=sum(it.numel() for it in [*network.parameters(), *quantised.packed(network)]),
            languages=self.config.languages,
            device=self.denoiser.device.type,
            dtype=self.dtype,
            threads=torch.get_num_threads(),
            context=self.config.shape.context,
            trained_tokens=self.config.trained_tokens,
        )

    def fill(
        self,
        request: Request,
        options: Options,
        *,
        cancelled: Callable[[], bool] = never,
        critic: TextCritic | None = None,
        on_draft: Callable[[Frame], None] | None = None,
    ) -> list[Fill]:
        """Fill the gaps of a request.

        Args:
            request: the code around the gaps.
            options: how to denoise.
            cancelled: asked before each step.
            critic: judges finished drafts.
            on_draft: told of the greedy fill after each step; not of a copy that is confirmed in one.

        Returns:
            Different fills, at most `options.n`, the best by autoregressive score first. Where nothing was retrieved
            and one is asked for, it is the greedy one.

        Raises:
            PolicyError: a policy's name in the options cannot be read.
        """
        started = time.perf_counter()
        deadline = None if options.budget_ms is None else started + options.budget_ms / 1000
        limits = Limits(options.steps, deadline, cancelled)
        jobs = [self._job(request, 0.0, options.seed)]
        jobs += [self._job(request, options.temperature, options.seed + n) for n in range(1, options.n)]
        copied = self._retrieved(request, options)
        encode_ms = self._run(copied, options, limits, critic, None) if copied else 0.0
        fills = [self._fill(job, request) for job in copied]
        if not (fills and options.n == 1 and fills[0].confidence >= CONFIRMED):
            encode_ms += self._run(jobs, options, limits, critic, on_draft)
            fills = [*(self._fill(job, request) for job in jobs), *fills]
        ranked = self._ranked(request, fills)
        return [replace(it, ms=_timing(encode_ms, started)) for it in ranked[: options.n]]

    def fill_batch(self, requests: Sequence[Request], options: Options) -> list[Fill]:
        """The greedy fill of each request, in one batch; times are those of the whole batch."""
        started = time.perf_counter()
        owned = [
            (request, job)
            for request in requests
            for job in (self._job(request, 0.0, options.seed), *self._retrieved(request, options))
        ]
        encode_ms = self._run([job for _, job in owned], options, Limits(options.steps), None, None)
        fills: list[list[Fill]] = []
        for request, job in owned:
            if not job.retrieved:
                fills.append([])
            fills[-1].append(self._fill(job, request))
        best = [self._ranked(request, its)[0] for request, its in zip(requests, fills, strict=True)]
        return [replace(it, ms=_timing(encode_ms, started)) for it in best]

    def fill_autoregressively(self, request: Request, options: Options) -> Fill:
        """Fill the first gap with the same weights left to right: the control. Later gaps are left empty."""
        started = time.perf_counter()
        rest, below = split_suffix((*request.between, request.suffix)[0])
        context, tail = self.window.context(request.prefix, below), self._rest(rest)
        self.denoiser.cache_for(context)
        encoded = time.perf_counter()
        deadline = None if options.budget_ms is None else started + options.budget_ms / 1000
        written = continue_greedily(self.denoiser, context, tail, Limits(options.steps, deadline))
        job = _Job(
            context, [], 0.0, 0, steps=len(written.ids) + (written.stopped == "complete"), stopped=written.stopped
        )
        job.done = [
            _Written(i, p, n, 0) for n, (i, p) in enumerate(zip(written.ids, written.confidence, strict=True), 1)
        ]
        return replace(self._fill(job, request), ms=_timing((encoded - started) * 1000, started))

    def score(self, request: Request, texts: Sequence[str]) -> float:
        """Mean autoregressive log-probability per token of filled gaps, in nats; the gaps' scores are averaged."""
        scores = []
        for index, text in enumerate(texts):
            before = "".join(a + b for a, b in zip([request.prefix, *request.between], texts[:index], strict=False))
            prefix = before + ([request.prefix, *request.between][index] if index else request.prefix)
            rest, below = split_suffix([*request.between, request.suffix][index])
            context = self.window.context(prefix, below)
            scores.append(score(self.denoiser, context, self._rest(rest), self.vocabulary.encode(text)))
        return sum(scores) / len(scores)

    def _retrieved(self, request: Request, options: Options) -> list[_Job]:
        """A job that starts from a copy of the same document; none when there is nothing to copy or it is too long."""
        copied = None
        if options.retrieve and not request.between:
            copied = copy_continuation(request.prefix, request.suffix, block=request.block)
        ids = self.vocabulary.encode(copied) if copied else []
        job = self._job(request, 0.0, options.seed)
        room = len(job.pieces[0].ids)
        if not 0 < len(ids) < room:
            return []
        job.pieces[0] = Piece([*ids, *[DEL] * (room - len(ids))], pinned=False)
        job.retrieved = True
        return [job]

    def _ranked(self, request: Request, fills: Sequence[Fill]) -> list[Fill]:
        """Different fills, the best by score first; a single one is not scored."""
        distinct = list({fill.texts: fill for fill in reversed(fills)}.values())[::-1]
        if len(distinct) == 1:
            return distinct
        scored = [replace(fill, score=self.score(request, fill.texts)) for fill in distinct]
        return sorted(scored, key=lambda fill: -(fill.score or 0.0))

    def _rest(self, rest: str) -> list[int]:
        return self.vocabulary.encode(rest[: LONGEST_REST * 40])[:LONGEST_REST]

    def _job(self, request: Request, temperature: float, seed: int) -> _Job:
        """Lay a request out: each gap a hole, what stands between gaps and the rest of the last line pinned."""
        rest, below = split_suffix(request.suffix)
        pinned = [self.vocabulary.encode(it) for it in request.between]
        tail = self._rest(rest)
        room = self.config.shape.canvas - len(tail) - sum(map(len, pinned))
        holes = len(pinned) + 1
        wanted = room if request.block else LINE_MASKS
        masks = max(1, min(wanted, room // holes))
        pieces = [Piece([MASK] * masks, pinned=False)]
        for ids in pinned:
            pieces += [Piece(ids, pinned=True), Piece([MASK] * masks, pinned=False)]
        return _Job(self.window.context(request.prefix, below), [*pieces, Piece(tail, pinned=True)], temperature, seed)

    def _run(
        self,
        jobs: Sequence[_Job],
        options: Options,
        limits: Limits,
        critic: TextCritic | None,
        on_draft: Callable[[Frame], None] | None,
    ) -> float:
        """Denoise all jobs to their end, block after block. Returns the milliseconds spent on encoding."""
        policies = Policies(unmask_policy(options.unmask), remask_policy(options.remask), stop_policy(options.stop))
        encode_ms = 0.0
        pending = list(jobs)
        while pending:
            started = time.perf_counter()
            context = self.denoiser.encode([job.context for job in pending])
            encode_ms += (time.perf_counter() - started) * 1000
            canvas = Canvas.of([job.pieces for job in pending], self.denoiser.device)
            seeds = tuple(it.seed + 1_000_003 * it.blocks for it in pending)
            sampling = Sampling(tuple(it.temperature for it in pending), seeds)
            judge = _HoleCritic(self.vocabulary, critic, pending) if critic else None
            since = time.perf_counter()
            for draft in denoise(self.denoiser, context, canvas, policies, limits, sampling=sampling, critic=judge):
                if options.trace or on_draft:
                    took, since = (time.perf_counter() - since) * 1000, time.perf_counter()
                    self._show(pending, draft, took, options, on_draft if pending[0] is jobs[0] else None)
            for row, job in enumerate(pending):
                self._read(job, draft, row)
            pending = [job for job in pending if job.stopped in ("complete", "stable") and self._goes_on(job)]
        return encode_ms

    def _show(
        self,
        jobs: Sequence[_Job],
        draft: Draft,
        ms: float,
        options: Options,
        on_draft: Callable[[Frame], None] | None,
    ) -> None:
        for row, job in enumerate(jobs if options.trace else jobs[:1]):
            if draft.steps[row] < draft.step:  # This row had ended before.
                continue
            done = [(it.id, it.confidence, it.hole < 0) for it in job.done]
            picture = frame(self.vocabulary, draft, row, job.steps, done, ms)
            if options.trace:
                job.frames.append(picture)
            if on_draft and row == 0:
                on_draft(picture)

    def _read(self, job: _Job, draft: Draft, row: int) -> None:
        """Take the row of a finished draft over into its job."""
        known = dict(enumerate(job.row))
        canvas = draft.canvas
        job.row = []
        columns = (canvas.ids[row], draft.confidence[row], draft.committed_at[row], canvas.hole[row])
        for index, (i, confidence, at, hole) in enumerate(zip(*(it.tolist() for it in columns), strict=True)):
            old = known.get(index)
            if at == 0 and old is not None and old.id == i:  # Written in an earlier block: keep what was known then.
                job.row.append(old)
            else:
                job.row.append(
                    _Written(i, confidence, job.steps + max(0, at), job.first_hole + hole if hole >= 0 else -1)
                )
        job.steps += draft.steps[row]
        job.stopped = draft.stopped[row] or "cancelled"

    def _goes_on(self, job: _Job) -> bool:
        """Give a hole that filled up without a `<del>` more room; says whether there was such a hole."""
        if job.blocks >= MOST_BLOCKS:
            return False
        start = 0
        for number, piece in enumerate(job.pieces):
            end = start + len(piece.ids)
            if not piece.pinned and all(it.id not in (DEL, MASK) for it in job.row[start:end]):
                job.blocks += 1
                self._enlarge(job, number, end)
                return True
            start = end
        return False

    def _enlarge(self, job: _Job, number: int, end: int) -> None:
        """Grow hole `number`, which ends at position `end`; or make it the next block when the canvas is full."""
        width = sum(len(piece.ids) for piece in job.pieces)
        starts = [sum(len(it.ids) for it in job.pieces[:n]) for n in range(len(job.pieces) + 1)]
        now = [
            Piece([it.id for it in job.row[a:b]], piece.pinned)
            for piece, a, b in zip(job.pieces, starts[:-1], starts[1:], strict=True)
        ]
        if width + MORE_MASKS <= self.config.shape.canvas:
            now[number] = Piece([*now[number].ids, *[MASK] * MORE_MASKS], pinned=False)
            job.row[end:end] = [_Written(MASK, 0.0, 0, job.first_hole)] * MORE_MASKS
        else:  # What is left of the hole's end joins the encoder's cache.
            finished = [it for it in job.row[:end] if it.id != DEL]
            job.done += finished
            job.first_hole += sum(not piece.pinned for piece in now[:number])
            job.context = [*job.context, *(it.id for it in finished)][-self.config.shape.context :]
            right = now[number + 1 :]
            masks = self.config.shape.canvas - sum(len(it.ids) for it in right)
            now = [Piece([MASK] * masks, pinned=False), *right]
            job.row = []
        job.pieces = now

    def _fill(self, job: _Job, request: Request) -> Fill:
        """Read a finished job as text, without its times; what is pinned right of the last hole is the file's."""
        written = [it for it in (*job.done, *job.row) if it.id not in (DEL, MASK)]
        last = max((n for n, it in enumerate(written) if it.hole >= 0), default=-1)
        written = written[: last + 1]
        tokens = []
        texts = [""] * (len(request.between) + 1)
        for it, text in zip(written, self.vocabulary.pieces([it.id for it in written]), strict=True):
            tokens.append(Token(text, it.confidence, it.step, it.hole < 0))
            if it.hole >= 0:
                texts[it.hole] += text
        own = [max(it.confidence, 1e-9) for it in (*job.done, *job.row) if it.hole >= 0 and it.id != MASK]
        return Fill(
            texts=tuple(texts),
            tokens=tuple(tokens),
            confidence=math.exp(sum(map(math.log, own)) / len(own)) if own else 0.0,
            score=None,
            steps=job.steps,
            forwards=job.steps,
            ms=Timing(0.0, 0.0, 0.0),
            stopped=job.stopped,
            retrieved=job.retrieved,
            trace=tuple(job.frames),
        )


@dataclass(frozen=True, slots=True)
class _HoleCritic(Critic):
    """Puts a row's holes before a critic of text, and its spans back on the canvas."""

    vocabulary: Vocabulary
    critic: TextCritic
    jobs: Sequence[_Job]

    def __call__(self, canvas: Canvas, row: int) -> Tensor:
        """(C,) bool."""
        job = self.jobs[row]
        ids, holes = canvas.ids[row].tolist(), canvas.hole[row].tolist()
        before = [it for it in job.done if it.hole >= 0 and it.id != DEL]
        count = job.first_hole + max(holes) + 1
        texts = [self.vocabulary.decode([it.id for it in before if it.hole == hole]) for hole in range(count)]
        places: list[tuple[int, int, int, int]] = []  # position, hole, start and end of its text in the hole
        for hole in range(max(holes) + 1):
            at = [n for n, it in enumerate(holes) if it == hole]
            if not any(ids[n] == DEL for n in at):  # It will grow; judged when it is whole.
                return torch.zeros_like(canvas.pinned[row])
            for n, text in zip(at, self.vocabulary.pieces([ids[n] for n in at]), strict=True):
                start = len(texts[job.first_hole + hole])
                texts[job.first_hole + hole] += text
                places.append((n, job.first_hole + hole, start, start + len(text)))
        spans = self.critic(texts)
        wrong = torch.zeros_like(canvas.pinned[row])
        for n, hole, start, end in places:
            wrong[n] = any(a < max(end, start + 1) and start < b for a, b in spans[hole])
        return wrong


def _timing(encode_ms: float, started: float) -> Timing:
    total = (time.perf_counter() - started) * 1000
    return Timing(round(encode_ms, 3), round(total - encode_ms, 3), round(total, 3))


def _device(wanted: str) -> str:
    there = ("cuda",) * torch.cuda.is_available() + ("mps",) * torch.backends.mps.is_available() + ("cpu",)
    if wanted not in ("auto", *there):
        raise WeightsError(f"the device {wanted!r} is not there; this torch has {', '.join(there)}")
    return there[0] if wanted == "auto" else wanted
