"""`infill-lsp bench tasks`: has the engine that an editor has fill the gaps of a task file, critic and all.

What it writes `infill-model score` judges, beside the predictions of `infill-model evaluate`: there are the model alone
and its controls, here is what people get. It judges nothing.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infill_lsp.engine.client import Engine
from infill_lsp.settings import ServerSettings
from infill_lsp.syntax.critic import Critic
from infill_model.backends.catalogue import embedded_weights
from infill_model.evaluation.flags import progress_bar
from infill_model.evaluation.predict import Prediction, prediction, write_predictions
from infill_model.evaluation.record import Model, Run, record, sha256
from infill_model.evaluation.tasks import Task, read_tasks
from infill_model.request import Fill, Info, Options


@dataclass(frozen=True, slots=True)
class TasksCommand:
    """What is to be filled, how, and where to.

    Attributes:
        tasks: a task file.
        out: the predictions.
        options: of each fill.
        split: only these tasks; all where None.
        limit: no more than this many.
        method: what tables call it.
        shown: whether only those are written that a server shows: sure enough, and no break of the syntax.
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


def run(command: TasksCommand, engine: Sequence[str]) -> int:
    """Fill all tasks and write what was filled; returns 0.

    Raises:
        InfillError: the engine does not work.
        InfillModelError: a file cannot be read or written, or holds no tasks.
    """
    tasks = read_tasks(command.tasks, split=command.split, limit=command.limit)
    started = time.monotonic()
    written: list[Prediction] = []

    async def fill_all() -> Info:
        async with Engine(engine) as running:
            info = await running.ready()
            with progress_bar() as progress:
                bar = progress.add_task(f"filling {len(tasks)} tasks", total=len(tasks))
                for task in tasks:
                    best = await first(running, task, command.options)
                    if not command.shown or is_shown(task, best):
                        written.append(prediction(task, best))
                    progress.advance(bar)
        return info

    info = asyncio.run(fill_all())
    write_predictions(iter([written]), command.out)
    made = record(command.words, model(info, command.model), time.monotonic() - started, program="infill-lsp")
    Run(command.method, sha256(command.tasks), command.options, made).write_beside(command.out)
    return 0


async def first(engine: Engine, task: Task, options: Options) -> Fill:
    """The first fill of a task, as an editor would ask for it."""
    best, *_ = await engine.ask(task.request(), options)
    return best


def is_shown(task: Task, best: Fill) -> bool:
    """Whether a server with the usual settings shows a fill; how it would refine it is left out."""
    critic = Critic.of(task.request())
    sure = any(best.texts) and best.confidence >= ServerSettings().confidence
    return sure and (critic is None or critic.parses(best.texts))


def model(info: Info, given: str) -> Model:
    """Which weights filled."""
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
