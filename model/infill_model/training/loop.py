"""The training loop: the same command on a CPU and on CUDA, resumable from any checkpoint after a kill.

It combines data, loss, optimiser and checkpoints without depending on their details.
"""

import copy
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch import Tensor
from torch.utils.data import DataLoader

from infill_model.data.corpus import CorpusFile
from infill_model.embedded import folder
from infill_model.embedded.network import Network, Shape
from infill_model.errors import TrainingError, WeightsError
from infill_model.training import checkpoint
from infill_model.training.checkpoint import TrainingProgress
from infill_model.training.data import Batches
from infill_model.training.loss import TensorBatch, losses
from infill_model.training.optimiser import Optimiser, rate_share
from infill_model.training.rows import Batch, RowBuilder, RowNoise, RowShape
from infill_model.vocabulary import Vocabulary

SIZES = ("tiny", "small", "base")
HELD_OUT_ROWS = 64

AVERAGED = 0.99
"""Share of the weights' moving average kept in each step: about the last hundred steps count."""


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """The settings of a run.

    Attributes:
        steps: length of the run; the learning rate reaches zero there.
        rows: rows per step.
        warmup: steps of learning-rate warm-up.
        decay: share of the run in which the learning rate falls to zero.
        next_token_weight: weight of the encoder's loss relative to the denoiser's.
        save_minutes: minutes between checkpoints.
        evaluate_every: steps between evaluations on held-out projects; 0 for never.
        compile: whether to compile the loss.
        precision: `auto`, `fp32` or `bf16`.
        workers: processes that prepare batches.
    """

    steps: int
    rows: int = 8
    warmup: int = 100
    decay: float = 0.25
    next_token_weight: float = 1.0
    save_minutes: float = 5.0
    evaluate_every: int = 250
    compile: bool = True
    precision: str = "auto"
    workers: int = 1
    seed: int = 0


@dataclass(frozen=True, slots=True)
class StepReport:
    """The report of one step; losses in nats per token, `held_out` only where it was measured."""

    step: int
    tokens: int
    seconds: float
    canvas_loss: float
    next_token_loss: float
    tokens_per_second: float
    rate: float
    held_out: tuple[float, float] | None = None


def shape_of(size: str) -> Shape:
    """Return the network shape in `model/infill_model/embedded/configs/<size>.json`."""
    if size not in SIZES:
        raise TrainingError(f"unknown size {size!r}; choose one of {', '.join(SIZES)}")
    return Shape(**json.loads(resources.files("infill_model.embedded").joinpath(f"configs/{size}.json").read_text()))


def row_builders(vocabulary: Vocabulary, shape: Shape, noise: RowNoise | None = None) -> list[RowBuilder]:
    """Return the row builders: three for many short canvases to one for few long ones."""
    noise = noise or RowNoise()
    half = shape.canvas // 2
    short = RowShape(shape.context, 8, half, shape.context, 8 * half // 2)
    long = RowShape(shape.context, 4, shape.canvas, shape.context, 8 * half // 2)
    return [RowBuilder(vocabulary, it, noise) for it in (short, short, short, long)]


def choose_precision(wanted: str) -> str:
    """Return accelerate's `mixed_precision`: bf16 where the hardware multiplies it faster than float32."""
    if wanted != "auto":
        return {"fp32": "no", "bf16": "bf16"}[wanted]
    fast = torch.cuda.is_available() or torch.cpu._is_amx_tile_supported()
    return "bf16" if fast else "no"


class Trainer:
    """One training run. `train()` yields a report per step."""

    def __init__(
        self,
        run: Path,
        plan: TrainingPlan,
        vocabulary: Vocabulary,
        shape: Shape,
        train_files: Sequence[CorpusFile],
        held_out: Sequence[CorpusFile] = (),
        init: Path | None = None,
        *,
        noise: RowNoise | None = None,
    ) -> None:
        """Build or resume a run.

        Args:
            run: folder of its checkpoints and log.
            plan: the settings of the run.
            vocabulary: of the rows.
            shape: of the network.
            train_files: the training files.
            held_out: the files on which the loss is also measured.
            init: model folder that supplies the initial weights when there is no checkpoint yet.
            noise: of the rows; the default noise when None.

        Raises:
            TrainingError: the newest checkpoint cannot be read, or there is no training data.
            WeightsError: the initial model folder cannot be read, or has another shape.
        """
        self.run, self.plan, self.shape = run, plan, shape
        self.accelerator = Accelerator(mixed_precision=choose_precision(plan.precision))
        self.device = self.accelerator.device
        set_seed(plan.seed)
        self.network = Network(shape).initialise(plan.seed).to(self.device)
        if init:
            self._start_from(init)
        self.optimiser = Optimiser(self.network)
        self.builders = row_builders(vocabulary, shape, noise)
        self.batches = Batches(train_files, self.builders, plan.rows, plan.seed)
        self.held_out = self._held_out(held_out)
        self._losses: Callable[[Network, TensorBatch], tuple[Tensor, Tensor]] = (
            torch.compile(losses, dynamic=False) if plan.compile else losses
        )
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        newest = checkpoint.latest(run)
        self.progress = (
            checkpoint.restore(newest, self.network, self.average, self.optimiser) if newest else TrainingProgress()
        )

    def _start_from(self, init: Path) -> None:
        config, _, weights = folder.read(init)
        if config.shape != self.shape:
            raise WeightsError(f"{init}: this model has another shape than the one to be trained")
        self.network.load_state_dict(folder.network(config, weights, init).state_dict())

    def train(self) -> Iterator[StepReport]:
        """Train up to the planned step, yielding a report after each."""
        plan = self.plan
        saved = time.monotonic()
        decay_starts = int(plan.steps * (1 - plan.decay))
        for batch in self._loader():
            report = self._step(batch)
            step = self.progress.step
            at_milestone = step in (decay_starts, plan.steps)
            if at_milestone or time.monotonic() - saved > 60 * plan.save_minutes:
                checkpoint.save(self.run, self.progress, self.network, self.average, self.optimiser, keep=at_milestone)
                saved = time.monotonic()
            self._log(report)
            yield report

    def _loader(self) -> Iterator[Batch]:
        steps = range(self.progress.step, self.plan.steps)
        loader: DataLoader[Batch] = DataLoader(
            self.batches,
            sampler=steps,
            batch_size=None,
            num_workers=self.plan.workers,
            collate_fn=_unchanged,
            prefetch_factor=4 if self.plan.workers else None,
        )
        return iter(loader)

    def _step(self, arrays: Batch) -> StepReport:
        started = time.perf_counter()
        plan, step = self.plan, self.progress.step
        batch = TensorBatch.of(arrays, self.device)
        with self.accelerator.autocast():
            canvas_loss, next_token_loss = self._losses(self.network, batch)
            loss = canvas_loss + plan.next_token_weight * next_token_loss
        if not torch.isfinite(loss):
            raise TrainingError(
                f"the loss is not finite at step {step}; resume from the last checkpoint with another seed"
            )
        self.accelerator.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        rate = rate_share(step, warmup=plan.warmup, steps=plan.steps, decay=plan.decay)
        self.optimiser.step(rate)
        self._follow(step)
        seconds = time.perf_counter() - started
        tokens = batch.context.numel() + batch.ids.numel()
        self.progress = TrainingProgress(step + 1, self.progress.tokens + tokens, self.progress.seconds + seconds)
        measure = plan.evaluate_every and ((step + 1) % plan.evaluate_every == 0 or step + 1 == plan.steps)
        return StepReport(
            step + 1,
            self.progress.tokens,
            self.progress.seconds,
            canvas_loss.item(),
            next_token_loss.item(),
            tokens / seconds,
            rate,
            self._measure_held_out() if measure and self.held_out else None,
        )

    @torch.no_grad()
    def _follow(self, step: int) -> None:
        """Move the averaged weights, which are exported, towards the current ones; averaging acts like a lower rate."""
        share = max(1 - AVERAGED, 9 / (10 + step))
        torch._foreach_lerp_(list(self.average.parameters()), list(self.network.parameters()), share)

    def _held_out(self, files: Sequence[CorpusFile]) -> list[Batch]:
        if not files:
            return []
        fixed = Batches(files, self.builders, self.plan.rows, seed=-1)
        return [fixed[step] for step in range(max(1, HELD_OUT_ROWS // self.plan.rows))]

    @torch.no_grad()
    def _measure_held_out(self) -> tuple[float, float]:
        """Return mean canvas and next-token loss of the averaged weights on the fixed held-out batches."""
        with self.accelerator.autocast():
            pairs = [losses(self.average, TensorBatch.of(it, self.device)) for it in self.held_out]
        return (
            sum(canvas.item() for canvas, _ in pairs) / len(pairs),
            sum(next_token.item() for _, next_token in pairs) / len(pairs),
        )

    def _log(self, report: StepReport) -> None:
        row = {
            "step": report.step,
            "tokens": report.tokens,
            "seconds": round(report.seconds, 2),
            "canvas_loss": round(report.canvas_loss, 5),
            "next_token_loss": round(report.next_token_loss, 5),
            "rate": round(report.rate, 4),
        }
        if report.held_out:
            row["held_out_canvas_loss"], row["held_out_next_token_loss"] = (round(it, 5) for it in report.held_out)
        with (self.run / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(row) + "\n")


def _unchanged(batch: Any) -> Any:
    return batch
