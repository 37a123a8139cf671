"""`infill-lsp bench tasks`: fills the gaps of a task file with the engine that an editor uses, including the critic.

`infill-model score` judges the predictions together with those of `infill-model evaluate`: the latter are of the model
alone and of its controls, these are what users get. This command judges nothing.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infill_lsp.engine.client import Engine
from infill_lsp.settings.flags import GUIDE_HELP, declare_engine, engine_settings, integer
from infill_lsp.settings.settings import EngineCommand, ServerSettings
from infill_lsp.syntax.critic import Critic
from infill_model.catalogue.catalogue import embedded_weights
from infill_model.evaluation.filling.predict import TaskPrediction, prediction, write_predictions
from infill_model.evaluation.tasks.flags import progress_bar
from infill_model.evaluation.tasks.record import Model, PredictionRun, record, sha256
from infill_model.evaluation.tasks.tasks import Task, read_tasks
from infill_model.request import Fill, Info, Options


@dataclass(frozen=True, slots=True)
class TasksCommand:
    """A task file to fill, the options, and the output.

    Attributes:
        tasks: a task file.
        out: the file for the predictions.
        options: of each fill.
        split: only tasks of this split; None for all.
        limit: the largest number of tasks.
        method: the name of the method in tables.
        shown: whether to write only fills that a server shows: confident enough, and without breaking the syntax.
        model: `embedded`, or a folder.
        words: of the command line, for the record.
    """

    tasks: Path
    out: Path
    options: Options
    split: str | None
    limit: int | None
    method: str
    shown: bool
    model: str
    words: Sequence[str]


def declare(flags: argparse.ArgumentParser) -> None:
    """Declare the flags of `bench tasks`."""
    usual = Options()
    flags.add_argument("tasks", type=Path, metavar="TASKS", help="a .jsonl or .jsonl.gz file of tasks")
    flags.add_argument("--out", type=Path, required=True, metavar="PREDICTIONS", help="a .jsonl file")
    flags.add_argument("--split", metavar="NAME", help="only tasks of this split")
    flags.add_argument("--limit", type=integer(1, 10**9), metavar="N", help="only the first N tasks")
    flags.add_argument("--method", default="server", metavar="NAME", help="its name in tables (server)")
    flags.add_argument("--steps", type=integer(1, 4096), default=usual.steps, metavar="N", help="most steps per block")
    flags.add_argument("--masks", type=integer(1, 4096), metavar="N", help="masks that a gap starts with")
    flags.add_argument("--unmask", default=usual.unmask, metavar="SPEC", help="which masks to commit in a step")
    flags.add_argument("--remask", default=usual.remask, metavar="SPEC", help="which tokens to remask in a step")
    flags.add_argument("--guide", default=usual.guide, metavar="NAME[:WEIGHT]", help=GUIDE_HELP)
    flags.add_argument(
        "--n",
        type=integer(1, 16),
        default=usual.n,
        metavar="N",
        help="write N different fills and keep the best: editors want 1 while you type, 4 when you ask by hand",
    )
    flags.add_argument("--no-copy", action="store_true", help="do not try copies from the same document")
    flags.add_argument("--no-critic", action="store_true", help="do not use the syntax critic")
    flags.add_argument("--shown", action="store_true", help="write only what a server would show")
    declare_engine(flags)


def run(chosen: argparse.Namespace, engine: EngineCommand) -> int:
    """Fill the given tasks; return 0.

    Raises:
        InfillError: the engine does not work.
        InfillModelError: a file cannot be read or written, or holds no tasks.
    """
    settings = engine_settings(chosen)
    options = Options(
        n=chosen.n,
        steps=chosen.steps,
        masks=chosen.masks,
        unmask=chosen.unmask,
        remask=chosen.remask,
        guide=chosen.guide,
        retrieve=not chosen.no_copy,
        critic=not chosen.no_critic,
    )
    command = TasksCommand(
        tasks=chosen.tasks,
        out=chosen.out,
        options=options,
        split=chosen.split,
        limit=chosen.limit,
        method=chosen.method,
        shown=chosen.shown,
        model=settings.model,
        words=chosen.words,
    )
    return fill_tasks(command, engine(settings))


def fill_tasks(command: TasksCommand, engine: Sequence[str]) -> int:
    """Fill all tasks and write the predictions; return 0.

    Raises:
        InfillError: the engine does not work.
        InfillModelError: a file cannot be read or written, or holds no tasks.
        KeyboardInterrupt: on Ctrl-C, once the predictions made so far are written.
    """
    tasks = read_tasks(command.tasks, split=command.split, limit=command.limit)
    started = time.monotonic()
    filled, written = 0, list[TaskPrediction]()

    async def fill_all() -> Info:
        nonlocal filled
        async with Engine(engine) as running:
            info = await running.ready()
            with progress_bar() as progress:
                bar = progress.add_task(f"filling {len(tasks)} tasks", total=len(tasks))
                for task in tasks:
                    try:
                        best = await first(running, task, command.options)
                    except asyncio.CancelledError:
                        if not filled:
                            raise
                        break
                    filled += 1
                    if not command.shown or is_shown(task, best.texts, best.confidence):
                        written.append(prediction(task, best))
                    progress.advance(bar)
        return info

    info = asyncio.run(fill_all())
    write_predictions(iter([written]), command.out)
    made = record(command.words, model(info, command.model), time.monotonic() - started, program="infill-lsp")
    PredictionRun(command.method, sha256(command.tasks), command.options, made).write_beside(command.out)
    if filled < len(tasks):
        print(f"Stopped after {filled} of {len(tasks)} tasks.", file=sys.stderr)
        raise KeyboardInterrupt
    return 0


async def first(engine: Engine, task: Task, options: Options) -> Fill:
    """Return the first fill of a task, requested as by an editor."""
    best, *_ = await engine.ask(task.request(), options)
    return best


def is_shown(task: Task, texts: Sequence[str], confidence: float) -> bool:
    """Report whether a server with default settings shows a fill, apart from how it would refine it."""
    critic = Critic.of(task.request())
    sure = any(it.strip() for it in texts) and confidence >= ServerSettings().confidence
    return sure and (critic is None or critic.parses(texts))


def model(info: Info, given: str) -> Model:
    """Describe the weights that filled the tasks."""
    weights = embedded_weights() if given == "embedded" else Path(given) / "model.safetensors"
    return Model(
        name=info.name,
        sha256=sha256(weights) if weights.is_file() else "",
        parameters=info.parameters,
        trained_tokens=info.trained_tokens,
        device=info.device,
        dtype=info.dtype,
        threads=info.threads,
    )
