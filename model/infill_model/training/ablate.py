"""`infill-model ablate`: repeat one short run with a single change each time, and compare it with the baseline run.

Every variant trains on the same files in the same order with the same seed for as many steps, starting from the same
weights if its network has their shape. All variants are evaluated on the same held-out rows with the baseline noise,
and on the same gaps, without copies. The results are written after each variant; an interrupted run resumes.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

from infill_model.data.corpus import CorpusFile, read_corpus
from infill_model.embedded.denoiser import EmbeddedDenoiser
from infill_model.embedded.folder import ModelConfig
from infill_model.embedded.network import Network, Shape
from infill_model.errors import TrainingError
from infill_model.evaluation.judging.metrics import edit_similarity, exact_match
from infill_model.evaluation.tasks.record import ResultRecord, record, to_json, write_text
from infill_model.evaluation.tasks.tasks import Task, read_tasks
from infill_model.infill.infiller import Infiller
from infill_model.request import Options
from infill_model.training.data import Batches
from infill_model.training.loop import HELD_OUT_ROWS, SIZES, Trainer, TrainingPlan, row_builders, shape_of
from infill_model.training.loss import TensorBatch, losses
from infill_model.training.rows import RowNoise
from infill_model.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings of a variant: training plan with loss weights, noise of the rows and network shape."""

    plan: TrainingPlan
    noise: RowNoise
    shape: Shape


def _next_token(weight: float) -> Callable[[Recipe], Recipe]:
    return lambda it: replace(it, plan=replace(it.plan, next_token_weight=weight))


def _noise(**changes: float) -> Callable[[Recipe], Recipe]:
    return lambda it: replace(it, noise=replace(it.noise, **changes))


def _depth(encoder: int) -> Callable[[Recipe], Recipe]:
    """Return a change that keeps the number of layers but puts `encoder` of them in the encoder."""

    def changed(it: Recipe) -> Recipe:
        layers = it.shape.encoder_layers + it.shape.denoiser_layers
        encoders = max(1, min(layers - 1, it.shape.encoder_layers + encoder))
        return replace(it, shape=replace(it.shape, encoder_layers=encoders, denoiser_layers=layers - encoders))

    return changed


VARIANTS: Final[Mapping[str, Callable[[Recipe], Recipe]]] = MappingProxyType(
    {
        "usual": lambda it: it,
        "one layer more in the encoder": _depth(1),
        "one layer more in the denoiser": _depth(-1),
        "all weights one": _noise(most_weight=1.0),
        "weights hardly bounded": _noise(most_weight=16.0),
        "complementary masks only": _noise(full_pair=0.0),
        "fully masked pairs only": _noise(full_pair=1.0),
        "few long gaps": _noise(long_gaps=0.1),
        "many long gaps": _noise(long_gaps=0.7),
        "no wrong tokens": _noise(wrong_views=0.0),
        "twice the wrong tokens": _noise(wrong_views=0.6),
        "next-token loss at 0.3": _next_token(0.3),
        "no next-token loss": _next_token(0.0),
        "all surplus masks": _noise(kept_surplus=1.0),
    }
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a variant; losses in nats per token of held-out rows, shares over the gaps of the task file."""

    variant: str
    canvas_loss: float
    next_token_loss: float
    exact: float
    similarity: float
    forwards: float
    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class AblationResult:
    """The contents of the result file: how it was made, and the results of the variants so far."""

    record: ResultRecord
    outcomes: tuple[Outcome, ...]


def add_ablate_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `infill-model ablate`."""
    parser.add_argument(
        "--corpus", type=Path, required=True, metavar="DIR", help="folder written by `infill-model corpus`"
    )
    parser.add_argument("--tokenizer", type=Path, required=True, metavar="FILE", help="tokenizer.json of the corpus")
    parser.add_argument(
        "--tasks", type=Path, required=True, metavar="TASKS", help="tasks for comparison, not for reporting"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the variants and the table")
    parser.add_argument("--steps", type=int, required=True, metavar="N", help="steps of each variant")
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--rows", type=int, default=12, metavar="N", help="rows per step (default: 12)")
    parser.add_argument("--init", type=Path, metavar="DIR", help="initial model folder (default: random weights)")
    parser.add_argument("--variants", nargs="+", choices=tuple(VARIANTS), default=list(VARIANTS), metavar="NAME")
    parser.add_argument("--limit", type=int, default=300, metavar="N", help="tasks to compare by (default: 300)")
    parser.add_argument("--no-compile", dest="compile", action="store_false", help="do not compile the loss")
    parser.add_argument("--seed", type=int, default=0)


def ablate(arguments: argparse.Namespace) -> None:
    """Train and evaluate each variant that is not in the table yet.

    Raises:
        TrainingError: there is no training data, or a run cannot be resumed.
        TaskError: the tasks cannot be read.
    """
    vocabulary = Vocabulary.load(arguments.tokenizer)
    shape = replace(shape_of(arguments.size), vocabulary=vocabulary.size)
    plan = TrainingPlan(arguments.steps, arguments.rows, decay=0.5, evaluate_every=0, seed=arguments.seed, workers=1)
    usual = Recipe(replace(plan, compile=arguments.compile, warmup=min(100, arguments.steps // 5)), RowNoise(), shape)
    files = list(read_corpus(arguments.corpus, "train"))
    held_out = [it for it in read_corpus(arguments.corpus, "heldout") if it.weight == 1]
    tasks = read_tasks(arguments.tasks, limit=arguments.limit)
    arguments.out.mkdir(parents=True, exist_ok=True)
    started, table = time.monotonic(), arguments.out / "ablations.json"
    outcomes = _known(table)
    for name in arguments.variants:
        if any(it.variant == name for it in outcomes):
            continue
        recipe = VARIANTS[name](usual)
        init = arguments.init if recipe.shape == usual.shape else None
        folder = arguments.out / name.replace(" ", "-")
        folder.mkdir(exist_ok=True)
        trainer = Trainer(folder, recipe.plan, vocabulary, recipe.shape, files, (), init, noise=recipe.noise)
        for _ in track(trainer.train(), name, arguments.steps - trainer.progress.step):
            pass
        outcomes.append(_judged(name, trainer, usual, vocabulary, held_out, tasks))
        made = record(arguments.words, seconds=time.monotonic() - started)
        write_text(table, to_json(AblationResult(made, tuple(outcomes))))
    _show(outcomes)


def _known(table: Path) -> list[Outcome]:
    """Return the outcomes of the variants evaluated so far.

    Raises:
        TrainingError: the table is damaged.
    """
    if not table.exists():
        return []
    try:
        return [Outcome(**it) for it in json.loads(table.read_text(encoding="utf-8"))["outcomes"]]
    except (ValueError, TypeError, KeyError) as error:
        raise TrainingError(f"{table}: damaged; delete it; trained variants are only evaluated again") from error


def _judged(
    name: str,
    trainer: Trainer,
    usual: Recipe,
    vocabulary: Vocabulary,
    held_out: Sequence[CorpusFile],
    tasks: Sequence[Task],
) -> Outcome:
    canvas, next_token = _held_out_losses(trainer.average, trainer, usual, vocabulary, held_out)
    model = Infiller(ModelConfig(name, trainer.shape, ("python",)), vocabulary, EmbeddedDenoiser(trainer.average))
    fills = [model.fill(it.request(), Options(retrieve=False))[0] for it in tasks]
    written = [(task.completions(fill.texts), task.gold) for task, fill in zip(tasks, fills, strict=True)]
    return Outcome(
        variant=name,
        canvas_loss=round(canvas, 4),
        next_token_loss=round(next_token, 4),
        exact=round(sum(exact_match(*it) for it in written) / len(tasks), 4),
        similarity=round(sum(edit_similarity(*it) for it in written) / len(tasks), 4),
        forwards=round(sum(it.forwards for it in fills) / len(tasks), 2),
        tokens=trainer.progress.tokens,
        seconds=round(trainer.progress.seconds, 1),
    )


@torch.no_grad()
def _held_out_losses(
    network: Network, trainer: Trainer, usual: Recipe, vocabulary: Vocabulary, files: Sequence[CorpusFile]
) -> tuple[float, float]:
    """Return mean canvas and next-token loss on rows with the baseline noise, whatever noise the variant trained on."""
    rows = usual.plan.rows
    batches = Batches(files, row_builders(vocabulary, usual.shape, usual.noise), rows, seed=-1)
    fixed = [TensorBatch.of(batches[step], trainer.device) for step in range(max(1, 2 * HELD_OUT_ROWS // rows))]
    pairs = [losses(network, it) for it in fixed]
    canvas, next_token = (sum(float(it) for it in column) / len(pairs) for column in zip(*pairs, strict=True))
    return canvas, next_token


def _show(outcomes: Sequence[Outcome]) -> None:
    table = Table()
    for heading in ("variant", "canvas", "next token", "exact", "similarity", "forwards", "tokens"):
        table.add_column(heading, justify="left" if heading == "variant" else "right", no_wrap=True)
    for it in outcomes:
        values = asdict(it)
        shares = (f"{100 * values[name]:.1f}%" for name in ("exact", "similarity"))
        sizes = f"{it.forwards:.1f}", f"{it.tokens / 1e6:.1f} M"
        table.add_row(it.variant, f"{it.canvas_loss:.3f}", f"{it.next_token_loss:.3f}", *shares, *sizes)
    Console(width=110).print(table)
