"""The facade of the embedded model: text around gaps in, fills out.

Must not depend on user files, editors or grammars; a critic that does can be passed in.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from infill_model.denoising.stop import Limits
from infill_model.embedded import folder, huge_pages, quantize
from infill_model.embedded.autoregressive import continue_greedily
from infill_model.embedded.denoiser import EmbeddedDenoiser
from infill_model.embedded.folder import EMBEDDED, ModelConfig, model_path
from infill_model.files.device import available_device
from infill_model.filler import Filler, OnDraft, never
from infill_model.infill.block_loop import BlockLoop
from infill_model.infill.copied import fills_of_copies
from infill_model.infill.guidance import Guide, GuidedDenoiser, guided_critic
from infill_model.infill.job import FinalToken, Job, JobProgress
from infill_model.infill.layout import Layout
from infill_model.infill.one_pass import Filling
from infill_model.infill.ranking import Ranking
from infill_model.infill.sequential import one_by_one
from infill_model.request import Fill, Info, Options, Request, TextCritic, Timing
from infill_model.vocabulary import Vocabulary


class Infiller(Filler):
    """A loaded model."""

    def __init__(
        self,
        config: ModelConfig,
        vocabulary: Vocabulary,
        denoiser: EmbeddedDenoiser,
        dtype: str = "float32",
        layout: Layout | None = None,
    ) -> None:
        """Assemble a model.

        Args:
            config: of the model.
            vocabulary: of the model.
            denoiser: over its network.
            dtype: of the weights, as reported by `info`.
            layout: of requests; by default, the layout that the model was trained with.
        """
        self.config, self.vocabulary, self.denoiser, self.dtype = config, vocabulary, denoiser, dtype
        self.layout = layout or Layout(vocabulary, config.shape.context, config.shape.canvas)
        self._ranking = Ranking(denoiser, self.layout)

    @classmethod
    def load(
        cls, model: str | Path = EMBEDDED, *, device: str = "auto", dtype: str = "auto", threads: int | None = None
    ) -> "Infiller":
        """Load a model folder, or the weights that ship with the package.

        Args:
            model: `embedded` or the path of a folder with config.json, tokenizer.json and model.safetensors.
            device: `auto`, `cpu`, `cuda` or `mps`.
            dtype: `auto`, `float32`, `bfloat16` or `int8` (off a CPU, weights only); by default bfloat16 on
                accelerators and int8 on a CPU.
            threads: the number that a forward pass may use.

        Raises:
            WeightsError: the folder is missing, incomplete or damaged.
        """
        if threads:
            torch.set_num_threads(threads)
        path = model_path(model)
        config, vocabulary, weights = folder.read(path)
        place = available_device(device)
        chosen = dtype if dtype != "auto" else ("int8" if place == "cpu" else "bfloat16")
        network = quantize.convert(folder.network(config, weights, path), chosen, place).to(place)
        huge_pages.gather(network)
        return cls(config, vocabulary, EmbeddedDenoiser(network), chosen)

    @property
    def info(self) -> Info:
        """The model's description of itself."""
        network = self.denoiser.network
        return Info(
            name=self.config.name,
            parameters=sum(it.numel() for it in network.parameters()) + quantize.packed_size(network),
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
        on_draft: OnDraft | None = None,
    ) -> list[Fill]:
        """Fill the gaps of a request: drafts and copies compete, and gaps that fit one canvas are filled together.

        `on_draft` is called with the greedy draft; a copy takes no steps.

        Raises:
            PolicyError: the name of a policy or of the guide in the options cannot be read.
            StartError: `options.start` does not fit the gaps or the canvas.
        """
        if options.copies_only:
            return fills_of_copies(request, options.n)
        if options.start is None and not self.layout.fits(request):
            in_turn = partial(self.fill, options=options, cancelled=cancelled, on_draft=on_draft)
            return [one_by_one(request, lambda it, _: in_turn(it)[0])]
        started = time.perf_counter()
        guide = Guide.of(options.guide)
        denoiser, critic = self._guided(guide, request, critic)
        loop = BlockLoop(denoiser, self.layout, options, _limits(options, started, cancelled), critic)
        filling = Filling(self._ranking, loop, options, critic, on_draft)
        if options.start is not None:
            fills = filling.revised(request, options.start)
        else:
            (fills,) = filling.fills([request])
        timing = _timing(loop, started, filling.verify_ms)
        return [replace(it, ms=timing, forwards=it.forwards * guide.passes) for it in fills]

    def _guided(
        self, guide: Guide, request: Request, critic: TextCritic | None
    ) -> tuple[EmbeddedDenoiser, TextCritic | None]:
        """Return the denoiser and the critic of a request under a guide."""
        if guide.weight == 0:
            return self.denoiser, critic
        scorer = guide.scorer(request)
        return GuidedDenoiser(self.denoiser, guide, self.vocabulary, scorer), guided_critic(scorer, critic)

    def fill_batch(self, requests: Sequence[Request], options: Options) -> list[Fill]:
        """Return the first fill of `fill` for each request, in one batch; times are those of the whole batch.

        A request always gets a fill: `Options.copies_only` is ignored.
        """
        options = replace(options, copies_only=False)
        if options.start is not None or options.guide != "none" or not all(map(self.layout.fits, requests)):
            return [self.fill(it, options)[0] for it in requests]
        started = time.perf_counter()
        loop = BlockLoop(self.denoiser, self.layout, options, Limits(options.steps))
        filling = Filling(self._ranking, loop, replace(options, n=1))
        fills = filling.fills(requests)
        ms = _timing(loop, started, filling.verify_ms)
        return [replace(it, ms=ms) for (it,) in fills]

    def fill_autoregressively(self, request: Request, options: Options) -> Fill:
        """Fill the first gap with the same weights left to right, as a baseline. Later gaps are left empty."""
        started = time.perf_counter()
        place = self.layout.place(replace(request, suffix=(*request.between, request.suffix)[0], between=()))
        self.denoiser.cache_for(place.context)
        encoded = time.perf_counter()
        written = continue_greedily(self.denoiser, place.context, place.rest, _limits(options, started, never))
        done = tuple(
            FinalToken(i, p, n, 0) for n, (i, p) in enumerate(zip(written.ids, written.confidence, strict=True), 1)
        )
        steps = len(done) + (written.stopped == "complete")
        progress = JobProgress(Job(place.context, []), done, steps=steps, stopped=written.stopped)
        fill = progress.fill(self.vocabulary, len(request.between) + 1)
        ended = time.perf_counter()
        parts = ((encoded - started) * 1000, (ended - encoded) * 1000, (ended - started) * 1000)
        return replace(fill, ms=Timing(*(round(it, 3) for it in parts)))

    def score(self, request: Request, texts: Sequence[str]) -> float:
        """Return the mean autoregressive log-probability per token of filled gaps, including their ends, in nats."""
        (found,) = self._ranking.as_they_are(request, [tuple(texts)])
        return found.score


def _limits(options: Options, started: float, cancelled: Callable[[], bool]) -> Limits:
    """Return the limits of the loop; `started` is a `time.perf_counter` time."""
    return Limits(options.steps, None if options.budget_ms is None else started + options.budget_ms / 1000, cancelled)


def _timing(loop: BlockLoop, started: float, verify_ms: float) -> Timing:
    total = (time.perf_counter() - started) * 1000
    return Timing(*(round(it, 3) for it in (loop.encode_ms, loop.denoise_ms, total, verify_ms)))
