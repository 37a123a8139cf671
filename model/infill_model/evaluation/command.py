"""`infill-model heldout` and `infill-model score`: from a corpus to tasks, and from predictions to a table.

With `evaluate` in between, these are three commands that exchange files, so that filling and scoring can run on
different machines, and other programs' predictions can be scored alongside ours. Nothing here needs torch.
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console

from infill_model.errors import TaskError
from infill_model.evaluation.filling.predict import read_predictions
from infill_model.evaluation.judging.runner import Runner
from infill_model.evaluation.report.score import BASELINES, Predictions, ScoreRow, baselines, compare, in_all
from infill_model.evaluation.report.table import show
from infill_model.evaluation.tasks.flags import add_task_flags, count, progress_bar, read_wanted
from infill_model.evaluation.tasks.heldout import RULES, heldout_tasks
from infill_model.evaluation.tasks.record import PredictionRun, ResultRecord, record, sha256, to_json, write_text
from infill_model.evaluation.tasks.tasks import Task, write_tasks


@dataclass(frozen=True, slots=True)
class ScoreResult:
    """The contents of the file that `score --json` writes."""

    record: ResultRecord
    tasks_file: str
    tasks: str
    runs: tuple[PredictionRun, ...]
    rows: tuple[ScoreRow, ...]


def add_heldout_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `infill-model heldout`."""
    parser.add_argument(
        "--corpus", type=Path, required=True, metavar="DIR", help="folder written by `infill-model corpus`"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="TASKS", help="a .jsonl or .jsonl.gz file")
    parser.add_argument("--per-kind", type=count, default=200, metavar="N", help="tasks of each kind (default: 200)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--split", choices=("heldout", "train"), default="heldout", help="train: for tuning, not for reporting"
    )
    parser.add_argument(
        "--language",
        nargs="+",
        default=["python"],
        metavar="ID",
        help="LSP language ids; each has its own share of each kind (default: python)",
    )
    parser.add_argument("--kind", nargs="+", choices=list(RULES), default=[], help="default: all")


def heldout(arguments: argparse.Namespace) -> None:
    """Cut gaps into the held-out projects of a corpus and write them as a task file."""
    cut = partial(heldout_tasks, arguments.corpus, arguments.per_kind, arguments.seed, arguments.split)
    tasks = [task for language in arguments.language for task in cut(language=language, kinds=arguments.kind)]
    write_tasks(tasks, arguments.out)
    print(f"{len(tasks)} tasks in {arguments.out}")


def add_score_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `infill-model score`."""
    add_task_flags(parser)
    parser.add_argument("predictions", type=Path, nargs="*", metavar="PREDICTIONS", help="from `infill-model evaluate`")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result and its provenance")
    parser.add_argument("--workers", type=count, default=2, metavar="N", help="tests at a time (default: 2)")


def score(arguments: argparse.Namespace) -> None:
    """Score predictions alongside the baselines and print a table."""
    started, known = time.monotonic(), read_wanted(arguments)
    runs = {path: PredictionRun.beside(path, sha256(arguments.tasks)) for path in arguments.predictions}
    written = _read_methods(known, runs)
    tasks = in_all(known, written)
    if not tasks:
        raise TaskError("no task has a prediction in every file")
    if len(tasks) < len(known):
        print(f"scoring the {len(tasks)} of {len(known)} tasks with a prediction in every file", file=sys.stderr)
    methods = {**baselines(tasks), **written}
    with progress_bar() as progress, Runner(workers=arguments.workers) as runner:
        bar = progress.add_task("judging", total=len(tasks) * len(methods))
        rows = compare(tasks, methods, runner, lambda: progress.advance(bar))
    show(rows, Console())
    if arguments.json:
        made = record(arguments.words, seconds=time.monotonic() - started)
        described = tuple(it for it in runs.values() if it is not None)
        result = ScoreResult(made, arguments.tasks.name, sha256(arguments.tasks), described, tuple(rows))
        write_text(arguments.json, to_json(result))


def _read_methods(tasks: Sequence[Task], runs: Mapping[Path, PredictionRun | None]) -> dict[str, Predictions]:
    methods: dict[str, Predictions] = {}
    for path, run in runs.items():
        name = run.method if run else path.name.removesuffix(".jsonl")
        if name in methods or name in BASELINES:
            raise TaskError(f"{path}: another method is also called {name!r}; rename one with `evaluate --method`")
        methods[name] = read_predictions(path, tasks)
    return methods
