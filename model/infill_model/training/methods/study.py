"""Trains and judges what the studies of methods compare: the same corpus, budget and held-out gaps for each.

A study's gaps are filled in one canvas that starts with the same number of positions for every method and neither grows
nor is copied into, so only the method differs.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import torch
from torch import Tensor

from infill_model.data.corpus import CorpusFile, read_corpus
from infill_model.denoising.canvas import Canvas
from infill_model.denoising.denoiser import ContextT, Denoiser
from infill_model.denoising.loop import denoise
from infill_model.denoising.policies import Policies, remask_policy, unmask_policy
from infill_model.denoising.stop import Limits
from infill_model.embedded.network import Network, Shape
from infill_model.evaluation.judging.metrics import bootstrap, edit_similarity, exact_match, parses
from infill_model.evaluation.tasks.tasks import Task, read_tasks
from infill_model.infill.layout import Layout
from infill_model.training.data import Batches
from infill_model.training.loop import row_builders, shape_of
from infill_model.training.loss import TensorBatch, losses
from infill_model.training.optimiser import Optimiser, rate_share
from infill_model.training.rows import RowNoise
from infill_model.vocabulary import DEL, MASK, Vocabulary

MASKS: Final = 12
"""Positions that a gap starts with."""

HELD_OUT_BATCHES: Final = 8

Loss: TypeAlias = Callable[[TensorBatch], Tensor]
"""Maps a batch to the loss that is minimised."""

Sample: TypeAlias = Callable[[Sequence[int], Canvas], tuple[Canvas, int]]
"""Fills one canvas behind a context; returns it complete, with the number of forward passes."""


@dataclass(frozen=True, slots=True)
class MethodRow:
    """A method's results on the gaps: shares, means, and the half width of exact match's 95% interval.

    `loss` is in nats per token on held-out rows; None where it is not comparable. `tokens` it was trained on.
    """

    method: str
    exact: float
    exact_within: float
    similarity: float
    parses: float
    forwards: float
    ms: float
    loss: float | None
    tokens: int


@dataclass(frozen=True, slots=True)
class Budget:
    """The length of a training: steps, and rows in each."""

    steps: int
    rows: int = 12


@dataclass(frozen=True, slots=True)
class Study:
    """The material of a study.

    Attributes:
        vocabulary: of the corpus.
        shape: of the networks.
        files, held_out: of the corpus.
        tasks: the gaps.
        budget: of each training.
        seed: of weights and batches.
    """

    vocabulary: Vocabulary
    shape: Shape
    files: Sequence[CorpusFile]
    held_out: Sequence[CorpusFile]
    tasks: Sequence[Task]
    budget: Budget
    seed: int = 0

    @classmethod
    def of(cls, chosen: argparse.Namespace) -> "Study":
        """Read what the flags of `flags` name.

        Raises:
            InfillModelError: the corpus, the tokenizer or the tasks cannot be read.
        """
        torch.set_num_threads(chosen.threads)
        vocabulary = Vocabulary.load(chosen.tokenizer)
        return cls(
            vocabulary,
            replace(shape_of(chosen.size), vocabulary=vocabulary.size),
            list(read_corpus(chosen.corpus, "train")),
            list(read_corpus(chosen.corpus, "heldout")),
            read_tasks(chosen.tasks, limit=chosen.limit),
            Budget(chosen.steps),
        )

    def network(self) -> Network:
        """Return a network with the study's random weights."""
        return Network(self.shape).initialise(self.seed)

    def train(self, network: Network, loss: Loss, noise: RowNoise | None = None) -> int:
        """Train a network with the study's budget; return the number of tokens."""
        steps, tokens = self.budget.steps, 0
        batches = Batches(self.files, row_builders(self.vocabulary, self.shape, noise), self.budget.rows, self.seed)
        optimiser = Optimiser(network)
        for step in range(steps):
            batch = TensorBatch.of(batches[step], network.embedding.weight.device)
            loss(batch).backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step(rate_share(step, warmup=min(100, steps // 5), steps=steps, decay=0.5))
            tokens += batch.context.numel() + batch.ids.numel()
        network.eval()
        return tokens

    @torch.no_grad()
    def held_out_loss(self, loss: Loss, noise: RowNoise | None = None) -> float | None:
        """Return the mean of a loss over fixed held-out rows; None if the corpus has none."""
        if not self.held_out:
            return None
        batches = Batches(self.held_out, row_builders(self.vocabulary, self.shape, noise), self.budget.rows, seed=-1)
        found = [loss(TensorBatch.of(batches[it], torch.device("cpu"))).item() for it in range(HELD_OUT_BATCHES)]
        return statistics.fmean(found)

    def judge(self, method: str, sample: Sample, *, loss: float | None = None, tokens: int = 0) -> MethodRow:
        """Fill the gaps with a method, and compare with what stood there."""
        layout = Layout(self.vocabulary, self.shape.context, self.shape.canvas)
        exact, similar, parsed, forwards, ms = list[float](), list[float](), list[bool](), list[int](), list[float]()
        for task in self.tasks:
            job = layout.job(task.request(), MASKS)
            started = time.perf_counter()
            with torch.no_grad():
                canvas, count = sample(job.context, Canvas.of([job.pieces]))
            ms.append((time.perf_counter() - started) * 1000)
            texts = task.completions(texts_of(self.vocabulary, canvas))
            right = exact_match(texts, task.gold)
            exact.append(float(right))
            similar.append(edit_similarity(texts, task.gold))
            parsed.append(right or parses(task.filled(texts)))
            forwards.append(count)
        interval = bootstrap(exact)
        return MethodRow(
            method,
            exact=round(statistics.fmean(exact), 4),
            exact_within=round((interval.high - interval.low) / 2, 4) if interval else 0.0,
            similarity=round(statistics.fmean(similar), 4),
            parses=round(statistics.fmean(parsed), 4),
            forwards=round(statistics.fmean(forwards), 2),
            ms=round(statistics.median(ms), 1),
            loss=None if loss is None else round(loss, 3),
            tokens=tokens,
        )


def whole_loss(network: Network, batch: TensorBatch) -> Tensor:
    """Return the canvases' loss and the encoder's next-token loss together, in nats per token."""
    canvas, next_token = losses(network, batch)
    return canvas + next_token


def canvas_loss(network: Network, batch: TensorBatch) -> Tensor:
    """Return the canvases' loss in nats per token."""
    return losses(network, batch)[0]


def by_confidence(denoiser: Denoiser[ContextT], remask: str = "none") -> Sample:
    """Return the product's own sampler, which commits masks by confidence."""
    policies = Policies(unmask_policy("threshold:0.9:0.5"), remask_policy(remask))

    def sample(context: Sequence[int], canvas: Canvas) -> tuple[Canvas, int]:
        *_, last = denoise(denoiser, denoiser.encode([context]), canvas, policies, Limits(64))
        return last.canvas, last.step

    return sample


def texts_of(vocabulary: Vocabulary, canvas: Canvas, row: int = 0) -> tuple[str, ...]:
    """Return the text of each hole of a row."""
    ids, holes = canvas.ids[row].tolist(), canvas.hole[row].tolist()
    pieces = [[i for i, at in zip(ids, holes, strict=True) if at == hole] for hole in range(max(holes) + 1)]
    return tuple(vocabulary.decode([i for i in piece if i not in (DEL, MASK)]) for piece in pieces)
