"""The facade: text around gaps in, fills out.

It lays requests out as canvases, drives the one denoising loop over them, block after block, and chooses among drafts.
It knows no files of the user, no editors, no grammar: a critic may be passed in that does.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from infill_model import folder, quantised
from infill_model.autoregressive import continue_greedily, log_probabilities
from infill_model.backends.embedded import EmbeddedDenoiser
from infill_model.canvas import Canvas
from infill_model.denoise import denoise
from infill_model.errors import WeightsError
from infill_model.folder import Config
from infill_model.in_turn import one_by_one
from infill_model.job import Job, Layout, Written
from infill_model.judge import Judge
from infill_model.network import Network
from infill_model.policies import Policies, remask_policy, stop_policy, unmask_policy
from infill_model.policies.draft import Draft
from infill_model.policies.prediction import Sampling
from infill_model.policies.stop import Limits, never
from infill_model.request import Fill, Frame, Info, Options, Request, TextCritic, Timing
from infill_model.trace import frame
from infill_model.vocabulary import Vocabulary
from infill_model.window import split_suffix

CONFIRMED = 0.9
"""A copy from the document that the denoiser finds this probable in one forward is taken without a second draft."""

UNBEATABLE = 0.5
"""A copy with this chance of being right outweighs any other draft in the mixture, so none is made."""

SAY = 0.25
"""The power of a copy's autoregressive probability in the choice among several."""

EMBEDDED = "embedded"


class Infiller:
    """A loaded model. One fill at a time; not for several threads at once."""

    def __init__(self, config: Config, vocabulary: Vocabulary, network: Network, dtype: str = "float32") -> None:
        self.config, self.vocabulary, self.dtype = config, vocabulary, dtype
        self.denoiser = EmbeddedDenoiser(network)
        self.layout = Layout(vocabulary, config.shape.context, config.shape.canvas)

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
            Different fills, at most `options.n`, the one most probably right first. Where nothing was copied and one is
            asked for, it is the greedy one. Gaps too far apart for one canvas are filled in turn, once,
            without the critic.

        Raises:
            PolicyError: a policy's name in the options cannot be read.
        """
        if not self.layout.fits(request):
            in_turn = partial(self.fill, options=options, cancelled=cancelled, on_draft=on_draft)
            return [one_by_one(request, lambda it: in_turn(it)[0])]
        started = time.perf_counter()
        deadline = None if options.budget_ms is None else started + options.budget_ms / 1000
        limits = Limits(options.steps, deadline, cancelled)
        self.denoiser.cache_for(self.layout.context(request))
        encode_ms = (time.perf_counter() - started) * 1000
        copied = self._copied(request) if options.retrieve else None
        encode_ms += self._run([copied], options, limits, critic, None) if copied else 0.0
        jobs = [copied] if copied else []
        if options.n > 1 or not self._settled(request, copied):
            jobs += [self.layout.job(request)]
            jobs += [self.layout.job(request, options.temperature, options.seed + n) for n in range(1, options.n)]
            encode_ms += self._run([job for job in jobs if job is not copied], options, limits, critic, on_draft)
        ranked = self._ranked(request, jobs)
        return [replace(it, ms=_timing(encode_ms, started)) for it in ranked[: options.n]]

    def fill_batch(self, requests: Sequence[Request], options: Options) -> list[Fill]:
        """What `fill` gives first for each request, in one batch; times are those of the whole batch."""
        if not all(map(self.layout.fits, requests)):
            return [self.fill(it, options)[0] for it in requests]
        started = time.perf_counter()
        limits = Limits(options.steps)
        copied = [self._copied(it) if options.retrieve else None for it in requests]
        encode_ms = self._run([it for it in copied if it], options, limits, None, None)
        jobs = [[job] if job else [] for job in copied]
        greedy = {n: self.layout.job(it) for n, it in enumerate(requests) if not self._settled(it, copied[n])}
        encode_ms += self._run(list(greedy.values()), options, limits, None, None)
        for n, job in greedy.items():
            jobs[n].append(job)
        best = [self._ranked(request, its)[0] for request, its in zip(requests, jobs, strict=True)]
        return [replace(it, ms=_timing(encode_ms, started)) for it in best]

    def fill_autoregressively(self, request: Request, options: Options) -> Fill:
        """Fill the first gap with the same weights left to right: the control. Later gaps are left empty."""
        started = time.perf_counter()
        rest, below = split_suffix((*request.between, request.suffix)[0])
        context, tail = self.layout.window.context(request.prefix, below), self.layout.rest(rest, block=request.block)
        self.denoiser.cache_for(context)
        encoded = time.perf_counter()
        deadline = None if options.budget_ms is None else started + options.budget_ms / 1000
        written = continue_greedily(self.denoiser, context, tail, Limits(options.steps, deadline))
        job = Job(context, [], steps=len(written.ids) + (written.stopped == "complete"), stopped=written.stopped)
        job.done = [
            Written(i, p, n, 0) for n, (i, p) in enumerate(zip(written.ids, written.confidence, strict=True), 1)
        ]
        return replace(self._fill(job, request), ms=_timing((encoded - started) * 1000, started))

    def score(self, request: Request, texts: Sequence[str]) -> float:
        """Mean autoregressive log-probability per token of filled gaps, their ends included, in nats."""
        ((total, tokens),) = self._log_probabilities(request, [texts])
        return total / tokens

    def _log_probabilities(self, request: Request, fills: Sequence[Sequence[str]]) -> list[tuple[float, int]]:
        """Of all gaps together, and over how many tokens, for each way to fill them."""
        prefixes, totals, tokens = [request.prefix] * len(fills), [0.0] * len(fills), [0] * len(fills)
        for gap, after in enumerate((*request.between, request.suffix)):
            rest, below = split_suffix(after)
            tail = self.layout.rest(rest, block=request.block)
            middles = [self.vocabulary.encode(texts[gap]) for texts in fills]
            same = [range(len(fills))] if gap == 0 else [[n] for n in range(len(fills))]  # What stands before the gap.
            for group in same:
                context = self.layout.window.context(prefixes[group[0]], below)
                logs = log_probabilities(self.denoiser, context, tail, [middles[n] for n in group])
                for n, value in zip(group, logs, strict=True):
                    totals[n] += value
                    tokens[n] += len(middles[n]) + 1
            prefixes = [prefix + texts[gap] + after for prefix, texts in zip(prefixes, fills, strict=True)]
        return list(zip(totals, tokens, strict=True))

    def _fill(self, job: Job, request: Request) -> Fill:
        return job.fill(self.vocabulary, len(request.between) + 1)

    def _copied(self, request: Request) -> Job | None:
        """A draft from a copy of the same document; which one of several is the autoregressive mode's to say.

        How often any of them is right stays what it is by their matches alone.
        """
        copies = self.layout.copies(request)
        if not copies:
            return None
        if len(copies) == 1 or copies[0].chance >= UNBEATABLE:
            return self.layout.retrieved(request, copies[0])
        said = self._log_probabilities(request, [it.texts for it in copies])
        logs = [math.log(it.chance) + SAY * total for it, (total, _) in zip(copies, said, strict=True)]
        weights = [math.exp(it - max(logs)) for it in logs]
        best = weights.index(max(weights))
        chance = sum(it.chance for it in copies) * weights[best] / sum(weights)
        job = self.layout.retrieved(request, replace(copies[best], chance=chance))
        if job is not None:
            job.said = dict(zip((it.texts for it in copies), said, strict=True))
        return job

    def _settled(self, request: Request, copied: Job | None) -> bool:
        """Whether a copy needs no other draft beside it."""
        if copied is None or copied.chance is None:
            return False
        return copied.chance >= UNBEATABLE or self._fill(copied, request).confidence >= CONFIRMED

    def _ranked(self, request: Request, jobs: Sequence[Job]) -> list[Fill]:
        """Different fills, the one most probably right first; a single one is not scored.

        The text is taken to come from a mixture: with the copy's chance it is the copy, else what the autoregressive
        mode says, as in pointer-generator networks (See et al. 2017).
        """
        read = [(self._fill(job, request), job.chance) for job in jobs]
        fills = {fill.texts: fill for fill, _ in read}
        # The copy is tried by itself, the others in one batch: all of it was spent on whichever wins.
        spent = sum(max((job.steps for job in jobs if (job.chance is None) == own), default=0) for own in (True, False))
        fills = {texts: replace(fill, forwards=spent) for texts, fill in fills.items()}
        if len(fills) == 1:
            return list(fills.values())
        copied = {fill.texts: chance for fill, chance in read if chance is not None}
        chance = max(copied.values(), default=0.0)
        right: dict[tuple[str, ...], tuple[float, float]] = {}
        said = {texts: value for job in jobs for texts, value in job.said.items()}
        unsaid = [texts for texts in fills if texts not in said]
        said.update(zip(unsaid, self._log_probabilities(request, unsaid) if unsaid else (), strict=True))
        for texts, fill in list(fills.items()):
            total, tokens = said[texts]
            fills[texts] = replace(fill, score=total / tokens)
            # Of texts too long for their probability to differ from zero the logarithm decides.
            right[texts] = copied.get(texts, 0.0) + (1 - chance) * math.exp(total), total
        return sorted(fills.values(), key=lambda fill: right[fill.texts], reverse=True)

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
                if options.trace or on_draft:
                    took, since = (time.perf_counter() - since) * 1000, time.perf_counter()
                    self._show(pending, draft, took, options, on_draft if pending[0] is jobs[0] else None)
            for row, job in enumerate(pending):
                job.read(draft, row)
            pending = [job for job in pending if job.goes_on(self.config.shape.context, self.config.shape.canvas)]
        return encode_ms

    def _show(
        self, jobs: Sequence[Job], draft: Draft, ms: float, options: Options, on_draft: Callable[[Frame], None] | None
    ) -> None:
        """Add a frame to each job's trace, and hand the first job's on."""
        for row, job in enumerate(jobs if options.trace else jobs[:1]):
            if draft.steps[row] < draft.step:  # This row had ended before.
                continue
            done = [(it.id, it.confidence, it.hole < 0) for it in job.done]
            picture = frame(self.vocabulary, draft, row, job.steps, done, ms)
            if options.trace:
                job.frames.append(picture)
            if on_draft and row == 0:
                on_draft(picture)


def model_path(model: str | Path) -> Path:
    """The folder of a model: that of the embedded one by its name, else what was given."""
    return Path(__file__).parent / "weights" if str(model) == EMBEDDED else Path(model)


def _timing(encode_ms: float, started: float) -> Timing:
    total = (time.perf_counter() - started) * 1000
    return Timing(round(encode_ms, 3), round(total - encode_ms, 3), round(total, 3))


def _device(wanted: str) -> str:
    there = ("cuda",) * torch.cuda.is_available() + ("mps",) * torch.backends.mps.is_available() + ("cpu",)
    if wanted not in ("auto", *there):
        raise WeightsError(f"the device {wanted!r} is not there; this torch has {', '.join(there)}")
    return there[0] if wanted == "auto" else wanted
