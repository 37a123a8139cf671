"""The flags of `infill-lsp bench`, and which of its commands is run."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias

from infill_lsp.errors import SourceError
from infill_lsp.settings import EngineSettings
from infill_model.errors import InfillModelError

Integer: TypeAlias = Callable[[int, int], Callable[[str], int]]
"""From the least and the most to what reads a whole number."""


def declare(
    flags: argparse.ArgumentParser, declare_engine: Callable[[argparse.ArgumentParser], None], integer: Integer
) -> None:
    """Add the commands and their flags."""
    kinds = flags.add_subparsers(dest="what", required=True, metavar="WHAT")
    for name, summary, add in (
        ("fill", "how fast fills are, beside their controls", _fill),
        ("documents", "what large documents and folders cost the server", _documents),
        ("critic", "how often the syntax critic acts, and what that costs", _critic),
        ("tasks", "fill the gaps of a task file as an editor would have them filled", _tasks),
        ("sweep", "quality against milliseconds over a grid of options", _sweep),
    ):
        its = kinds.add_parser(name, help=summary, description=summary, allow_abbrev=False)
        add(its, integer)
        declare_engine(its)


def run(chosen: argparse.Namespace, settings: EngineSettings, engine: Sequence[str]) -> int:
    """Run the command that was chosen; returns the exit code.

    Raises:
        InfillError: it cannot be done.
    """
    try:
        return _RUN[chosen.what](chosen, settings, engine)
    except InfillModelError as error:
        raise SourceError(str(error)) from error


def _fill(flags: argparse.ArgumentParser, integer: Integer) -> None:
    flags.add_argument("--gaps", type=integer(3, 10_000), default=40, metavar="N", help="gaps in real files (40)")
    flags.add_argument("--json", action="store_true", help="print JSON")


def _documents(flags: argparse.ArgumentParser, integer: Integer) -> None:
    flags.add_argument("--keys", type=integer(1, 10_000), default=20, metavar="N", help="typed into each (20)")
    flags.add_argument("--files", type=integer(1, 100_000), default=16_000, metavar="N", help="in a folder (16000)")
    flags.add_argument("--idle", type=integer(1, 3_600), default=20, metavar="S", help="seconds without work (20)")
    flags.add_argument("--json", action="store_true", help="print JSON")


def _critic(flags: argparse.ArgumentParser, integer: Integer) -> None:
    flags.add_argument("files", nargs="*", type=Path, metavar="FILE", help="to make gaps in; else the standard library")
    _fill(flags, integer)


def _tasks(flags: argparse.ArgumentParser, integer: Integer) -> None:
    from infill_model.request import Options

    usual = Options()
    flags.add_argument("tasks", type=Path, metavar="TASKS", help="a .jsonl or .jsonl.gz file of tasks")
    flags.add_argument("--out", type=Path, required=True, metavar="PREDICTIONS", help="a .jsonl file")
    flags.add_argument("--split", metavar="NAME", help="only tasks of this split")
    flags.add_argument("--limit", type=integer(1, 10**9), metavar="N", help="only the first N tasks")
    flags.add_argument("--method", default="server", metavar="NAME", help="what tables call it (server)")
    flags.add_argument("--steps", type=integer(1, 4096), default=usual.steps, metavar="N", help="at most, per block")
    flags.add_argument("--masks", type=integer(1, 4096), metavar="N", help="that a gap starts with")
    flags.add_argument("--unmask", default=usual.unmask, metavar="SPEC", help="which masks to commit in a step")
    flags.add_argument("--remask", default=usual.remask, metavar="SPEC", help="which tokens to take back in a step")
    flags.add_argument("--no-copy", action="store_true", help="do not try copies from the same document")
    flags.add_argument("--no-critic", action="store_true", help="do not ask the syntax critic")
    flags.add_argument("--shown", action="store_true", help="write only what a server shows")


def _sweep(flags: argparse.ArgumentParser, integer: Integer) -> None:
    flags.add_argument("tasks", type=Path, metavar="TASKS", help="a .jsonl or .jsonl.gz file of tasks, to tune on")
    flags.add_argument("--out", type=Path, required=True, metavar="DIR", help="for sweep.json and sweep.png")
    flags.add_argument("--per-kind", type=integer(1, 10_000), default=20, metavar="N", help="tasks of each kind (20)")


def _run_fill(chosen: argparse.Namespace, settings: EngineSettings, engine: Sequence[str]) -> int:
    from infill_lsp.commands import bench

    return bench.run(settings, engine, gaps=chosen.gaps, as_json=chosen.json)


def _run_documents(chosen: argparse.Namespace, settings: EngineSettings, _: Sequence[str]) -> int:
    from infill_lsp.commands import bench_documents

    return bench_documents.run(settings, keys=chosen.keys, files=chosen.files, idle_s=chosen.idle, as_json=chosen.json)


def _run_critic(chosen: argparse.Namespace, _: EngineSettings, engine: Sequence[str]) -> int:
    from infill_lsp.commands import bench_critic

    return bench_critic.run(engine, gaps=chosen.gaps, paths=chosen.files, as_json=chosen.json)


def _run_tasks(chosen: argparse.Namespace, settings: EngineSettings, engine: Sequence[str]) -> int:
    from infill_lsp.commands import bench_tasks
    from infill_model.request import Options

    options = Options(
        steps=chosen.steps,
        masks=chosen.masks,
        unmask=chosen.unmask,
        remask=chosen.remask,
        retrieve=not chosen.no_copy,
        critic=not chosen.no_critic,
    )
    command = bench_tasks.TasksCommand(
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
    return bench_tasks.run(command, engine)


def _run_sweep(chosen: argparse.Namespace, settings: EngineSettings, engine: Sequence[str]) -> int:
    from infill_lsp.commands import bench_sweep

    command = bench_sweep.SweepCommand(
        chosen.tasks, chosen.out, bench_sweep.Grid(), chosen.per_kind, settings.model, chosen.words
    )
    return bench_sweep.run(command, engine)


_RUN: Final[Mapping[str, Callable[[argparse.Namespace, EngineSettings, Sequence[str]], int]]] = MappingProxyType(
    {"fill": _run_fill, "documents": _run_documents, "critic": _run_critic, "tasks": _run_tasks, "sweep": _run_sweep}
)
