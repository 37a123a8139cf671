"""The facade of open checkpoints: the same interface as `infill.Infiller`, for any family.

Must not depend on user files, editors, or a particular family.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import torch

from infill_model.catalogue.hub import shown_name
from infill_model.checkpoints.drive import FillRun, expand, try_lengths, write_blocks
from infill_model.checkpoints.length_search import Offsets, probability_of, probability_per_token
from infill_model.denoising.stop import Limits
from infill_model.errors import WeightsError
from infill_model.families.family import Family, OpenDenoiser
from infill_model.families.prompt import WINDOW, Prompt
from infill_model.families.registry import family_of
from infill_model.files.checkpoint import Checkpoint
from infill_model.files.id_map import Ids, on_canvas
from infill_model.files.memory import check_room
from infill_model.files.placing import place_weights, placing, weights_of
from infill_model.files.tokenizer import CheckpointVocabulary
from infill_model.filler import Filler, OnDraft, never
from infill_model.infill.job import Job, JobProgress
from infill_model.infill.sequential import one_by_one
from infill_model.request import Fill, Info, Options, Request, TextCritic, Timing
from infill_model.transformer.sequence import CacheMode, SequenceDenoiser
from infill_model.transformer.static_shapes import StaticShapes

LANGUAGES: Final = (
    "python",
    "javascript",
    "javascriptreact",
    "typescript",
    "typescriptreact",
    "c",
    "cpp",
    "csharp",
    "css",
    "go",
    "html",
    "java",
    "json",
    "kotlin",
    "lua",
    "markdown",
    "php",
    "ruby",
    "rust",
    "scala",
    "shellscript",
    "sql",
    "swift",
    "toml",
    "yaml",
)
"""Open checkpoints were trained on most languages; these are the ones that the language server can name."""

LINE_LENGTHS: Final = (4, 8, 16)
BLOCK_LENGTHS: Final = (16, 32, 64)
LONGEST: Final = 64
LONGEST_BLOCK: Final = 256


@dataclass(frozen=True, slots=True)
class LengthCandidate:
    """The result for one length: the number of masks each gap started with, the probability per token, and the fill."""

    masks: int
    per_token: float
    fill: Fill


class OpenInfiller(Filler):
    """A loaded checkpoint of an open family."""

    def __init__(
        self,
        name: str,
        family: Family,
        ids: Ids,
        block: int | None,
        denoiser: OpenDenoiser,
        vocabulary: CheckpointVocabulary,
        window: int = WINDOW,
        offsets: Offsets | None = None,
    ) -> None:
        self.name, self.family, self.ids, self.block = name, family, ids, block
        self.denoiser, self.vocabulary = denoiser, vocabulary
        self.offsets = offsets or Offsets()
        self.prompt = Prompt(vocabulary, ids, sees_suffix=block is None, window=window)

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        device: str = "auto",
        dtype: str = "auto",
        threads: int | None = None,
        reuse: CacheMode = CacheMode.NONE,
        compiled: bool = False,
    ) -> "OpenInfiller":
        """Load a checkpoint folder.

        Args:
            folder: with config.json, safetensors and a tokenizer.
            device: `auto`, `cpu`, `cuda`, `mps`, or `spread` over all GPUs and the CPU.
            dtype: `auto`, `float32`, `bfloat16`, `float16`, `int8` or `int4`; by default bfloat16, on a CPU float32.
            threads: the number that a forward pass may use.
            reuse: the part of the first step that later steps of a bidirectional model reuse; faster, and less exact.
            compiled: whether the forward passes of such a model are compiled, for a few shapes; on CUDA only.

        Raises:
            WeightsError: the folder is not a checkpoint of a known family, is incomplete, or would need foreign code.
        """
        if threads:
            torch.set_num_threads(threads)
        checkpoint = Checkpoint.open(folder)
        family = family_of(checkpoint)
        ids, vocabulary = family.ids(checkpoint), CheckpointVocabulary.of(checkpoint)
        where = placing(device, dtype)
        check_room(checkpoint, where.loads_on, where.dtype.itemsize)
        try:
            denoiser = family.denoiser(checkpoint, ids, vocabulary.breaks, where.dtype, where.loads_on)
            if where.bits or where.spread:
                place_weights(denoiser.network, where)
                denoiser.move()
        except torch.OutOfMemoryError as error:
            size = sum(it.stat().st_size for it in checkpoint.weight_files()) / 1e9
            raise WeightsError(
                f"{folder}: the memory of {where.device} is too small for its weights ({size:.1f} GB in the folder); "
                "choose a smaller model or another device"
            ) from error
        _fits(folder, vocabulary, ids, denoiser.size)
        if isinstance(denoiser, SequenceDenoiser):
            denoiser.reuse = reuse
            if compiled and where.device == "cuda" and denoiser.block is None and not (where.bits or where.spread):
                denoiser.static = StaticShapes(denoiser.network)
                rows = len(LINE_LENGTHS) if family.lengths == "lengths" else 1
                denoiser.static.prepare(rows, family.window(checkpoint) + LINE_LENGTHS[-1])
        block, window = family.block and family.block(checkpoint), family.window(checkpoint)
        return cls(shown_name(folder), family, ids, block, denoiser, vocabulary, window, Offsets.beside(folder))

    @property
    def info(self) -> Info:
        """The model's description of itself."""
        info = info_of(self.name, self.denoiser.network, self.denoiser.device, self.prompt.window)
        static = self.denoiser.static if isinstance(self.denoiser, SequenceDenoiser) else None
        return replace(info, dtype=info.dtype + static.state) if static else info

    def fill(
        self,
        request: Request,
        options: Options,
        *,
        cancelled: Callable[[], bool] = never,
        critic: TextCritic | None = None,
        on_draft: OnDraft | None = None,
    ) -> list[Fill]:
        """Fill the gaps of a request; nothing is copied, and the most probable fill comes first.

        Raises:
            PolicyError: a policy's name in the options cannot be read.
        """
        if request.between and not (self.prompt.sees_suffix and self.prompt.fits(request)):
            return [one_by_one(request, lambda it, _: self.fill(it, replace(options, n=1), cancelled=cancelled)[0])]
        started = time.perf_counter()
        deadline = None if options.budget_ms is None else started + options.budget_ms / 1000
        limits = Limits(options.steps, deadline, cancelled)
        run = self._run(options, limits, critic, on_draft)
        done = [self._candidate(it, request) for it in self._filled(run, request)]
        ranks = [(self.offsets.rank(it.per_token, it.masks, block=request.block), it.fill) for it in done]
        fills = {it.texts: (rank, it) for rank, it in sorted(ranks, key=lambda it: it[0])}
        best = [it for _, it in sorted(fills.values(), key=lambda it: -it[0])][: options.n]
        total = (time.perf_counter() - started) * 1000
        timing = Timing(round(run.encode_ms, 3), round(total - run.encode_ms, 3), round(total, 3))
        return [replace(it, forwards=run.forwards, ms=timing) for it in best]

    def each_length(self, request: Request, options: Options) -> list[LengthCandidate]:
        """Return the result for each length that is tried."""
        run = self._run(replace(options, n=1), Limits(options.steps))
        return [self._candidate(it, request) for it in self._filled(run, request)]

    def _run(
        self,
        options: Options,
        limits: Limits,
        critic: TextCritic | None = None,
        on_draft: OnDraft | None = None,
    ) -> FillRun:
        family = self.family
        return FillRun(self.denoiser, self.vocabulary, options, limits, critic, on_draft, family.unmask, family.stop)

    def _filled(self, run: FillRun, request: Request) -> list[JobProgress]:
        """Denoise jobs to completion, with the family's way of finding the length."""
        options = run.options
        seeds = [(0.0, 0), *((options.temperature, options.seed + n) for n in range(1, options.n))]
        if self.family.lengths == "lengths":
            lengths = BLOCK_LENGTHS if request.block else LINE_LENGTHS
            tried = [(length, *seeds[0]) for length in lengths] + [(lengths[1], *it) for it in seeds[1:]]
            jobs = [self.prompt.job(request, length, temperature, seed) for length, temperature, seed in tried]
            return try_lengths(run, jobs)
        most = LONGEST_BLOCK if request.block else LONGEST
        masks = BLOCK_LENGTHS[0] if request.block else LINE_LENGTHS[0]
        jobs = [self.prompt.job(request, masks, temperature, seed) for temperature, seed in seeds]
        if self.block is not None:
            return write_blocks(run, jobs, self.block, most, line=not request.block)
        if self.ids.expand is not None:
            (token,) = on_canvas([self.ids.expand])
            return expand(run, jobs, token, most * (len(request.between) + 1))
        return [JobProgress(it) for it in jobs]

    def _candidate(self, progress: JobProgress, request: Request) -> LengthCandidate:
        """Read out a candidate; cut at the line's end for a model that cannot be told to stop there."""
        fill = progress.fill(self.vocabulary, len(request.between) + 1)
        fill = replace(fill, confidence=probability_of(progress.written))
        fill = fill if self.block is None or request.block else cut_at_line(fill)
        return LengthCandidate(masks_of(progress.job), probability_per_token(progress.written), fill)


def masks_of(job: Job) -> int:
    """Return how many masks the first gap of a job's canvas has or had."""
    return next((len(it.ids) for it in job.pieces if not it.pinned), 0)


def info_of(name: str, network: torch.nn.Module, device: torch.device, window: int) -> Info:
    """Return a loaded checkpoint's description; its folder does not say how much it was trained on."""
    count, kept = weights_of(network)
    return Info(
        name=name,
        parameters=count,
        languages=LANGUAGES,
        device=device.type,
        dtype=kept,
        threads=torch.get_num_threads(),
        context=window,
        trained_tokens=0,
    )


def cut_at_line(fill: Fill) -> Fill:
    """Cut the fill of one gap at its first line break, for a model that cannot be told to write none."""
    if "\n" not in fill.texts[0]:
        return fill
    kept = []
    for token in fill.tokens:
        head, broken, _ = token.text.partition("\n")
        if head or not broken:
            kept.append(replace(token, text=head))
        if broken:
            break
    confidence = math.prod(it.confidence for it in kept)  # The part cut off need not be right.
    return replace(fill, texts=(fill.texts[0].partition("\n")[0],), tokens=tuple(kept), confidence=confidence)


def _fits(folder: Path, vocabulary: CheckpointVocabulary, ids: Ids, size: int) -> None:
    """Raise if the tokenizer or a special id lies outside the embedding: the parts belong to different models."""
    highest = max([ids.mask, *(it for it in (ids.end, ids.begin, ids.expand) if it is not None)])
    if vocabulary.text_size > size or highest >= size:
        raise WeightsError(
            f"{folder}: its tokenizer has more ids than its weights ({size}); they belong to different models"
        )
