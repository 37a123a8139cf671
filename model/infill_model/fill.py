"""The facade: text around gaps in, fills out.

It lays requests out as canvases, drives the one denoising loop over them, block after block, and chooses among drafts.
It knows no files of the user, no editors, no grammar: a critic may be passed in that does.
"""

import itertools
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from infill_model import folder, huge_pages, quantised
from infill_model.autoregressive import continue_greedily
from infill_model.backends.embedded import EmbeddedDenoiser
from infill_model.canvas import Canvas
from infill_model.copied import fills_of_copies
from infill_model.denoise import denoise
from infill_model.errors import WeightsError
from infill_model.folder import Config
from infill_model.in_turn import one_by_one
from infill_model.job import Copied, Job, Layout, Written
from infill_model.judge import Judge
from infill_model.network import Network
from infill_model.policies import Policies, remask_policy, stop_policy, unmask_policy
from infill_model.policies.prediction import Sampling
from infill_model.policies.stop import Limits, never
from infill_model.ranking import Ranking
from infill_model.request import Fill, Frame, Info, Options, Request, TextCritic, Timing
from infill_model.trace import show
from infill_model.vocabulary import Vocabulary
from infill_model.window import split_suffix

UNBEATABLE = 0.5
"""A copy with this chance of being right is hardly ever outweighed, so where one fill is wanted no other is drafted."""

EMBEDDED = "embedded"


@dataclass(frozen=True, slots=True)
class _Choice:
    """A way to fill a request.

    Attributes:
        job: how; a copy without a step is still to be confirmed.
        score: mean log-probability per token left to right; None for one alone.
        chance: how probably it is right, where that was weighed.
    """

    job: Job
    score: float | None
    chance: float | None

    def fill(self, vocabulary: Vocabulary, gaps: int) -> Fill:
        """As text. How sure the denoiser is of a copy says little of whether it is right; how copies do says more."""
        read = self.job.fill(vocabulary, gaps)
        if self.job.retrieved and self.chance is not None:
            return replace(read, score=self.score, confidence=self.chance)
        return replace(
            read, score=self.score, confidence=math.prod(it.confidence for it in read.tokens if not it.pinned)
        )


class Infiller:
    """A loaded model. One fill at a time; not for several threads at once."""

    def __init__(self, config: Config, vocabulary: Vocabulary, network: Network, dtype: str = "float32") -> None:
        self.config, self.vocabulary, self.dtype = config, vocabulary, dtype
        self.denoiser = EmbeddedDenoiser(network)
        self.layout = Layout(vocabulary, config.shape.context, config.shape.canvas)
        self.ranking = Ranking(self.denoiser, self.layout)

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
        path = model_path(model)
        config, vocabulary, weights = folder.read(path)
        place = available_device(device)
        chosen = dtype if dtype != "auto" else ("float32" if place == "cpu" else "bfloat16")
        network = quantised.convert(folder.network(config, weights, path), chosen).to(place)
        huge_pages.gather(network)
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
            Different fills, at most `options.n`, drafts and copies, the one most probably right first; none when there
            is nothing to copy and only copies are wanted. Gaps too far apart for one canvas are filled in turn, once,
            without the critic.

        Raises:
            PolicyError: a policy's name in the options cannot be read.
            StartError: `options.start` does not fit the gaps or the canvas.
        """
        if options.copies_only:
            return fills_of_copies(request, options.n)
        if options.start is None and not self.layout.fits(request):
            in_turn = partial(self.fill, options=options, cancelled=cancelled, on_draft=on_draft)
            return [one_by_one(request, lambda it: in_turn(it)[0])]
        started = time.perf_counter()
        deadline = None if options.budget_ms is None else started + options.budget_ms / 1000
        limits = Limits(options.steps, deadline, cancelled)
        if options.start is not None:
            fills, encode_ms = self._revised(request, options.start, options, limits, critic, on_draft)
        else:
            ((fills,), encode_ms) = self._fills([request], options, limits, critic, on_draft)
        return [replace(it, ms=_timing(encode_ms, started)) for it in fills]

    def fill_batch(self, requests: Sequence[Request], options: Options) -> list[Fill]:
        """What `fill` gives first for each request, in one batch; times are those of the whole batch.

        A request always gets a fill: `Options.copies_only` is not heeded.
        """
        options = replace(options, copies_only=False)
        if options.start is not None or not all(map(self.layout.fits, requests)):
            return [self.fill(it, options)[0] for it in requests]
        started = time.perf_counter()
        fills, encode_ms = self._fills(requests, replace(options, n=1), Limits(options.steps))
        return [replace(it, ms=_timing(encode_ms, started)) for (it,) in fills]

    def fill_autoregressively(self, request: Request, options: Options) -> Fill:
        """Fill the first gap with the same weights left to right: the control. Later gaps are left empty."""
        started = time.perf_counter()
        rest, below = split_suffix((*request.between, request.suffix)[0])
        context = self.layout.window.context(request.prefix, below, request.files)
        tail = self.layout.rest(rest, block=request.block)
        self.denoiser.cache_for(context)
        encoded = time.perf_counter()
        deadline = None if options.budget_ms is None else started + options.budget_ms / 1000
        written = continue_greedily(self.denoiser, context, tail, Limits(options.steps, deadline))
        job = Job(context, [], steps=len(written.ids) + (written.stopped == "complete"), stopped=written.stopped)
        job.done = [
            Written(i, p, n, 0) for n, (i, p) in enumerate(zip(written.ids, written.confidence, strict=True), 1)
        ]
        fill = job.fill(self.vocabulary, len(request.between) + 1)
        return replace(fill, ms=_timing((encoded - started) * 1000, started))

    def score(self, request: Request, texts: Sequence[str]) -> float:
        """Mean autoregressive log-probability per token of filled gaps, their ends included, in nats."""
        ((total, tokens),) = self.ranking.log_probabilities(request, [texts])
        return total / tokens

    def _fills(
        self,
        requests: Sequence[Request],
        options: Options,
        limits: Limits,
        critic: TextCritic | None = None,
        on_draft: Callable[[Frame], None] | None = None,
    ) -> tuple[list[list[Fill]], float]:
        """Different fills of each request, the best first and at most `options.n`; and the milliseconds of encoding."""
        copies = [self.layout.copies(it) if options.retrieve else [] for it in requests]
        drafts = [self._drafts(it, its, options, critic) for it, its in zip(requests, copies, strict=True)]
        encode_ms = self._run([job for jobs in drafts for job in jobs], options, limits, critic, on_draft)
        best = [self._best(*it, options, critic) for it in zip(requests, copies, drafts, strict=True)]
        confirmed = [it.job for choices in best for it in choices if not it.job.steps]
        encode_ms += self._run(confirmed, options, limits, critic, None)
        fills = []
        for request, jobs, choices in zip(requests, drafts, best, strict=True):
            spent = sum(_most_steps(it) for it in (jobs, [it.job for it in choices if it.job not in jobs]))
            gaps = len(request.between) + 1
            fills.append([replace(it.fill(self.vocabulary, gaps), forwards=spent) for it in choices])
        return fills, encode_ms

    def _revised(
        self,
        request: Request,
        start: tuple[str, ...],
        options: Options,
        limits: Limits,
        critic: TextCritic | None,
        on_draft: Callable[[Frame], None] | None,
    ) -> tuple[list[Fill], float]:
        """What stands in the gaps, revised and as it is, if that differs; the more probable one first."""
        revised, present = (self.layout.started(request, start) for _ in range(2))
        encode_ms = self._run([revised], options, limits, critic, on_draft)
        # In a single step nothing is taken back: it only tells how sure the denoiser is of what stands there.
        encode_ms += self._run([present], options, Limits(1), None, None)
        both = [it.fill(self.vocabulary, len(start)) for it in (present, revised)]
        fills = list({it.texts: it for it in reversed(both)}.values())
        said = self.ranking.log_probabilities(request, [it.texts for it in fills])
        spent = revised.steps + present.steps
        scored = [replace(it, score=total / n, forwards=spent) for it, (total, n) in zip(fills, said, strict=True)]
        order = sorted(range(len(fills)), key=lambda index: said[index][0], reverse=True)
        return [scored[index] for index in order[: options.n]], encode_ms

    def _drafts(
        self, request: Request, copies: Sequence[Copied], options: Options, critic: TextCritic | None
    ) -> list[Job]:
        """The greedy draft and the sampled ones; none beside a copy that can hardly be beaten."""
        if options.n == 1 and copies and copies[0].chance >= UNBEATABLE and not _objects(critic, copies[0].texts):
            return []
        heats = [(0.0, 0), *((options.temperature, options.seed + n) for n in range(1, options.n))]
        return [self.layout.job(request, heat, seed, masks=options.masks) for heat, seed in heats]

    def _best(
        self,
        request: Request,
        copies: Sequence[Copied],
        drafts: Sequence[Job],
        options: Options,
        critic: TextCritic | None,
    ) -> list[_Choice]:
        """Different drafts and copies, the one most probably right first.

        Those that the critic objects to come last: code that breaks the syntax is hardly what was to be written.
        A copy that is among them is still to be confirmed by the denoiser.
        """
        if not drafts:
            return [_Choice(copies[0].job, None, copies[0].chance)]
        gaps = len(request.between) + 1
        jobs = {it.texts: it.job for it in copies}
        for job in reversed(drafts):  # A draft needs no confirmation, and of equal ones the greedy one counts.
            jobs[job.fill(self.vocabulary, gaps).texts] = job
        alone = len(jobs) == 1 and not (request.between and options.retrieve)
        if alone or any(job.stopped == "cancelled" for job in drafts):
            return [_Choice(drafts[0], None, None)]
        if request.between:
            ways = self.ranking.of_several_gaps(request, list(jobs), options.n, retrieve=options.retrieve)
            made = {it.texts: jobs.get(it.texts) or self.layout.copied(request, it.texts) for it in ways}
            jobs = {texts: job for texts, job in made.items() if job}
        else:
            ways = self.ranking.of_one_gap(request, list(jobs), {it.texts: it.chance for it in copies})
        found = {it.texts: it for it in ways if it.texts in jobs}
        order = itertools.islice(_fine_first(found, critic), options.n)
        chosen = [_Choice(jobs[it], found[it].total / found[it].tokens, found[it].chance) for it in order]
        return chosen or [_Choice(drafts[0], None, None)]  # None of them has room on the canvas.

    def _run(
        self,
        jobs: Sequence[Job],
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
            started = since = time.perf_counter()
            context = self.denoiser.encode([job.context for job in pending])
            encode_ms += (time.perf_counter() - started) * 1000
            canvas = Canvas.of([job.pieces for job in pending], self.denoiser.device)
            seeds = tuple(it.seed + 1_000_003 * it.blocks for it in pending)
            sampling = Sampling(tuple(it.temperature for it in pending), seeds)
            judge = Judge(self.vocabulary, critic, pending) if critic else None
            for draft in denoise(self.denoiser, context, canvas, policies, limits, sampling=sampling, critic=judge):
                took, since = (time.perf_counter() - since) * 1000, time.perf_counter()
                told = on_draft if pending[0] is jobs[0] else None
                show(self.vocabulary, pending, draft, took, keep=options.trace, on_draft=told)
            for row, job in enumerate(pending):
                job.read(draft, row)
            pending = [job for job in pending if job.goes_on(self.config.shape.context, self.config.shape.canvas)]
        return encode_ms


def model_path(model: str | Path) -> Path:
    """The folder of a model: that of the embedded one by its name, else what was given."""
    return Path(__file__).parent / "weights" if str(model) == EMBEDDED else Path(model)


def _objects(critic: TextCritic | None, texts: Sequence[str]) -> bool:
    """Whether a critic, where there is one, would have something of it written anew."""
    return critic is not None and any(critic(texts))


def _fine_first(drafts: Iterable[tuple[str, ...]], critic: TextCritic | None) -> Iterator[tuple[str, ...]]:
    """Drafts in their order, but those that the critic objects to last; it is not asked more than it has to be."""
    objected = []
    for texts in drafts:
        if _objects(critic, texts):
            objected.append(texts)
        else:
            yield texts
    yield from objected


def _most_steps(jobs: Sequence[Job]) -> int:
    """Forwards spent on jobs that ran in one batch."""
    return max((it.steps for it in jobs), default=0)


def _timing(encode_ms: float, started: float) -> Timing:
    total = (time.perf_counter() - started) * 1000
    return Timing(round(encode_ms, 3), round(total - encode_ms, 3), round(total, 3))


def available_device(wanted: str) -> str:
    """The device of this name, or the best for `auto`.

    Raises:
        WeightsError: this torch has no such device.
    """
    there = ("cuda",) * torch.cuda.is_available() + ("mps",) * torch.backends.mps.is_available() + ("cpu",)
    if wanted not in ("auto", *there):
        raise WeightsError(f"the device {wanted!r} is not there; this torch has {', '.join(there)}")
    return there[0] if wanted == "auto" else wanted
