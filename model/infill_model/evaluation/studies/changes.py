"""`infill-model changes`: compare two ways of filling the same tasks, and count improvements and regressions.

For example, the same tasks filled with and without a critic. The fills may differ in length, so tokens are compared in
order: those in the longest common subsequence with the gold are right. Only files of predictions are read.
"""

import argparse
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from infill_model.evaluation.filling.predict import TaskPrediction, read_predictions
from infill_model.evaluation.judging.metrics import exact_match, parses
from infill_model.evaluation.tasks.flags import add_task_flags, read_wanted
from infill_model.evaluation.tasks.record import ResultRecord, record, to_json, write_text
from infill_model.evaluation.tasks.tasks import Task

_TOKEN: Final = re.compile(r"\w+|\S")


@dataclass(frozen=True, slots=True)
class FillChange:
    """Counts of changes between two fills.

    Attributes:
        tasks: tasks filled in both ways.
        changed: fills that differ.
        gained, lost: exact matches only the second way has, and only the first way has.
        mended, broken: files that parse with the second fill only, and with the first only.
        wrong: tokens of the first way that were wrong.
        overwritten: of these, those no longer present.
        repaired: right tokens that changed fills gained.
        right: tokens of the first way that were right.
        spoiled: right tokens that changed fills lost.
    """

    tasks: int = 0
    changed: int = 0
    gained: int = 0
    lost: int = 0
    mended: int = 0
    broken: int = 0
    wrong: int = 0
    overwritten: int = 0
    repaired: int = 0
    right: int = 0
    spoiled: int = 0

    def __add__(self, other: "FillChange") -> "FillChange":
        return FillChange(*(getattr(self, it.name) + getattr(other, it.name) for it in fields(FillChange)))


@dataclass(frozen=True, slots=True)
class ChangesResult:
    """The contents of the file that `--json` writes; `changes` by kind of gap, then of all."""

    record: ResultRecord
    before: str
    after: str
    changes: dict[str, FillChange]


def add_changes_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `infill-model changes`."""
    add_task_flags(parser)
    parser.add_argument("before", type=Path, metavar="BEFORE", help="a .jsonl file written by `evaluate`")
    parser.add_argument("after", type=Path, metavar="AFTER", help="another one for the same tasks")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result and its provenance")


def changes(arguments: argparse.Namespace) -> None:
    """Compare two files of predictions and print what changed.

    Raises:
        TaskError: a file cannot be read or written.
    """
    started = time.monotonic()
    tasks = read_wanted(arguments)
    before, after = (read_predictions(it, tasks) for it in (arguments.before, arguments.after))
    found: dict[str, FillChange] = {}
    for task in tasks:
        if task.gold and task.task_id in before and task.task_id in after:
            one = change(task, before[task.task_id], after[task.task_id])
            found[task.kind] = found.get(task.kind, FillChange()) + one
    found["all"] = sum(found.values(), FillChange())
    _show(found)
    if arguments.json:
        made = record(arguments.words, seconds=time.monotonic() - started)
        write_text(arguments.json, to_json(ChangesResult(made, arguments.before.name, arguments.after.name, found)))


def change(task: Task, before: TaskPrediction, after: TaskPrediction) -> FillChange:
    """Count the changes in the fill of one task with a gold."""
    old, new = before.completion, after.completion
    was_exact, is_exact = (exact_match(it, task.gold) for it in (old, new))
    triples = list(zip(map(_tokens, old), map(_tokens, new), map(_tokens, task.gold), strict=True))
    was_right = sum(common(a, gold) for a, _, gold in triples)
    is_right = sum(common(b, gold) for _, b, gold in triples)
    wrong = sum(len(a) for a, _, _ in triples) - was_right
    gone = sum(len(a) - common(a, b) for a, b, _ in triples)
    parsed, does_parse = (old != new and parses(task.filled(it), task.language) for it in (old, new))
    return FillChange(
        tasks=1,
        changed=int(old != new),
        gained=int(is_exact and not was_exact),
        lost=int(was_exact and not is_exact),
        mended=int(does_parse and not parsed),
        broken=int(parsed and not does_parse),
        wrong=wrong,
        overwritten=min(gone, wrong),
        repaired=max(0, is_right - was_right),
        right=was_right,
        spoiled=max(0, was_right - is_right),
    )


def common(a: Sequence[str], b: Sequence[str]) -> int:
    """Return the length of the longest common subsequence."""
    lengths = [0] * (len(b) + 1)
    for mine in a:
        above = 0
        for n, other in enumerate(b, 1):
            above, lengths[n] = lengths[n], above + 1 if mine == other else max(lengths[n], lengths[n - 1])
    return lengths[-1]


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(text)


def _show(found: dict[str, FillChange]) -> None:
    table = Table()
    table.add_column("kind")
    for it in fields(FillChange):
        table.add_column(it.name, justify="right")
    for kind, row in found.items():
        table.add_row(kind, *(str(getattr(row, it.name)) for it in fields(FillChange)))
    Console(width=120).print(table)
