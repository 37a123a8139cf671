"""`infill-lsp bench sweep`: measures quality against milliseconds over a grid of options, and picks an operating point.

The engine that an editor uses fills the same tasks with each combination; contexts are encoded beforehand, as they are
while a user types. Quality comes first: among the combinations within a negligible margin of the best, the fastest is
the operating point. If the sweep is stopped (Ctrl-C), the results are those of the tasks measured so far.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from infill_lsp.bench.grids import GRIDS
from infill_lsp.bench.tasks import first, model
from infill_lsp.engine.client import Engine
from infill_lsp.settings.flags import declare_engine, engine_settings, integer
from infill_lsp.settings.settings import EngineCommand
from infill_model.evaluation.judging.metrics import edit_similarity, exact_match, parses
from infill_model.evaluation.tasks.flags import progress_bar
from infill_model.evaluation.tasks.record import ResultRecord, record, to_json, write_text
from infill_model.evaluation.tasks.tasks import Task, read_tasks
from infill_model.request import Options

SHARE: Final = 0.97
"""The share of the best quality, and of the best parse rate, that a combination must reach."""


_Result = tuple[bool, float, bool, float, int]
"""Of one fill: exact match, edit similarity, whether it parses, milliseconds, and forwards."""


@dataclass(frozen=True, slots=True)
class SweepPoint:
    """A combination with its results: shares of tasks, mean edit similarity, milliseconds and forwards per fill."""

    steps: int
    masks: int | None
    unmask: str
    remask: str
    critic: bool
    guide: str
    copies: bool
    exact: float
    similarity: float
    parses: float
    ms: float
    ms_p95: float
    forwards: float

    @property
    def name(self) -> str:
        """A name for tables and plots."""
        masks = "usual" if self.masks is None else self.masks
        usual = [f"steps {self.steps}, masks {masks}, {self.unmask}, {self.remask}"]
        usual.append("critic" if self.critic else "no critic")
        usual += [f"guide {self.guide}"] * (self.guide != "none") + ["no copies"] * (not self.copies)
        return ", ".join(usual)

    @property
    def quality(self) -> float:
        """The quality that `SHARE` refers to: the mean of exact matches and edit similarity."""
        return (self.exact + self.similarity) / 2


@dataclass(frozen=True, slots=True)
class Sweep:
    """All measured points, the frontier of quality and time, and the operating point."""

    record: ResultRecord
    tasks: int
    measured: tuple[SweepPoint, ...]
    frontier: tuple[SweepPoint, ...]
    best: SweepPoint


@dataclass(frozen=True, slots=True)
class SweepCommand:
    """A sweep to run.

    Attributes:
        tasks: a task file whose gaps are not used for reported results.
        out: the folder for the results.
        grid: the combinations to measure.
        per_kind: tasks of each kind of gap.
        model: `embedded`, or a folder.
        words: of the command line, for the record.
    """

    tasks: Path
    out: Path
    grid: Sequence[Options]
    per_kind: int
    model: str
    words: Sequence[str]


def declare(flags: argparse.ArgumentParser) -> None:
    """Declare the flags of `bench sweep`."""
    flags.add_argument("tasks", type=Path, metavar="TASKS", help="a .jsonl or .jsonl.gz file of tasks, to tune on")
    flags.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for sweep.json and sweep.png")
    flags.add_argument("--per-kind", type=integer(1, 10_000), default=20, metavar="N", help="tasks of each kind (20)")
    flags.add_argument("--grid", choices=GRIDS, default="usual", help="the combinations of options (usual)")
    declare_engine(flags)


def run(chosen: argparse.Namespace, engine: EngineCommand) -> int:
    """Sweep over the given tasks; return 0.

    Raises:
        InfillError: the engine does not work.
        InfillModelError: a file cannot be read or written, or holds no tasks.
    """
    settings = engine_settings(chosen)
    grid = list(GRIDS[chosen.grid]())
    command = SweepCommand(chosen.tasks, chosen.out, grid, chosen.per_kind, settings.model, chosen.words)
    return sweep(command, engine(settings))


def sweep(command: SweepCommand, engine: Sequence[str]) -> int:
    """Measure, print the frontier, and write `sweep.json` and `sweep.png` into a folder; return 0.

    Raises:
        InfillError: the engine does not work.
        InfillModelError: a file cannot be read or written.
        KeyboardInterrupt: on Ctrl-C, once the results so far are written.
    """
    from infill_model.evaluation.studies.plots import Point, frontier  # noqa: PLC0415  # matplotlib takes a second

    some = list(_some(read_tasks(command.tasks), command.per_kind))
    started = time.monotonic()
    measured, count, made = asyncio.run(_measure(engine, some, command))
    best = operating_point(measured)
    edge = tuple(sorted(_frontier(measured), key=lambda it: it.ms))
    made = replace(made, seconds=round(time.monotonic() - started, 1))
    out = command.out
    out.mkdir(parents=True, exist_ok=True)
    write_text(out / "sweep.json", to_json(Sweep(made, count, tuple(measured), edge, best)))
    points = [Point(it.ms, 100 * it.quality, it.name) for it in measured]
    mark = Point(best.ms, 100 * best.quality, best.name)
    frontier(points, mark, "(exact match + edit similarity) / 2, per cent", out / "sweep.png")
    _show(edge, best, count)
    if count < len(some):
        print(f"Stopped after {count} of {len(some)} tasks.", file=sys.stderr)
        raise KeyboardInterrupt
    return 0


def operating_point(measured: Sequence[SweepPoint]) -> SweepPoint:
    """Return the fastest point near the best in quality and in parse rate; among equally fast ones the better."""
    least_parsed = SHARE * max(it.parses for it in measured)  # A fill that does not parse is not shown.
    parsed = [it for it in measured if it.parses >= least_parsed]
    gate = SHARE * max(it.quality for it in parsed)
    return min((it for it in parsed if it.quality >= gate), key=lambda it: (it.ms, -it.quality))


def _frontier(measured: Sequence[SweepPoint]) -> list[SweepPoint]:
    """Return the points that no other point beats in both speed and quality."""
    return [it for it in measured if not any(o.ms < it.ms and o.quality >= it.quality for o in measured)]


def _some(tasks: Sequence[Task], per_kind: int) -> Iterator[Task]:
    """Yield the first tasks of each kind."""
    seen: dict[str, int] = {}
    for task in tasks:
        seen[task.kind] = seen.get(task.kind, 0) + 1
        if seen[task.kind] <= per_kind and task.gold:
            yield task


async def _measure(
    engine: Sequence[str], tasks: Sequence[Task], command: SweepCommand
) -> tuple[list[SweepPoint], int, ResultRecord]:
    """Measure all combinations on one task after another, so that a slow moment of the machine affects all alike.

    Returns:
        The points, the number of tasks that they were measured on, and the record.
    """
    grid = command.grid
    done: list[list[_Result]] = []
    async with Engine(engine) as running:
        made = record(command.words, model(await running.ready(), command.model), program="infill-lsp")
        with progress_bar() as progress:
            bar = progress.add_task(f"{len(grid)} combinations, {len(tasks)} tasks", total=len(tasks))
            for task in tasks:
                try:
                    await running.ask(task.request(), Options(steps=1))
                    done.append([await _result(running, task, options) for options in grid])
                except asyncio.CancelledError:
                    if not done:
                        raise
                    break
                progress.advance(bar)
    rows = zip(grid, zip(*done, strict=True), strict=True)
    return [_summed(options, row) for options, row in rows], len(done), made


async def _result(engine: Engine, task: Task, options: Options) -> _Result:
    it = await first(engine, task, options)
    texts = task.completions(it.texts)
    exact = exact_match(texts, task.gold)
    similar = edit_similarity(texts, task.gold)
    return exact, similar, exact or parses(task.filled(texts)), it.ms.total, it.forwards


def _summed(options: Options, row: Sequence[_Result]) -> SweepPoint:
    exact, similar, parsed, ms, forwards = (list(column) for column in zip(*row, strict=True))
    return SweepPoint(
        steps=options.steps,
        masks=options.masks,
        unmask=options.unmask,
        remask=options.remask,
        critic=options.critic,
        guide=options.guide,
        copies=options.retrieve,
        exact=round(statistics.fmean(exact), 4),
        similarity=round(statistics.fmean(similar), 4),
        parses=round(statistics.fmean(parsed), 4),
        ms=round(statistics.median(ms), 2),
        ms_p95=round(sorted(ms)[int(0.95 * len(ms))], 2),
        forwards=round(statistics.fmean(forwards), 2),
    )


def _show(edge: Sequence[SweepPoint], best: SweepPoint, tasks: int) -> None:
    from rich.console import Console  # noqa: PLC0415  # keeps --help quick
    from rich.table import Table  # noqa: PLC0415

    table = Table(title=f"the frontier over {tasks} tasks")
    for heading in ("ms p50", "p95", "forwards", "exact", "similarity", "parses"):
        table.add_column(heading, justify="right")
    table.add_column("options")
    for it in edge:
        shares = (f"{100 * value:.1f}%" for value in (it.exact, it.similarity, it.parses))
        mark = "[green]→ [/]" if it == best else ""
        table.add_row(f"{it.ms:.0f}", f"{it.ms_p95:.0f}", f"{it.forwards:.1f}", *shares, f"{mark}{it.name}")
    console = Console()
    console.print(table)
    console.print(f"The operating point: {best.name}.")
