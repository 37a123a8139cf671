"""Judges what was written into tasks, and sums it up by method and kind of gap.

All methods are judged on the same tasks. What a task does not allow is not judged: without gold no exact match, without
a test no pass, and a file that did not parse with its gold says nothing about parsing. It knows nothing of models,
files or how a table is shown.
"""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from infill_model.evaluation.filling.baselines import CopyBaseline, Empty
from infill_model.evaluation.filling.predict import TaskPrediction, predict
from infill_model.evaluation.judging.metrics import Interval, bootstrap, edit_similarity, exact_match, parses
from infill_model.evaluation.judging.runner import Runner
from infill_model.evaluation.tasks.tasks import Task
from infill_model.request import Options

ALL: Final = "all"
"""The kind of a row that sums up several."""

BASELINES: Final = ("empty", "copy", "pass")
"""What `baselines` calls them."""

Predictions = Mapping[str, TaskPrediction]
"""By task_id."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of one task; None where it cannot be said."""

    kind: str
    exact: float | None
    similarity: float | None
    parses: float | None
    passed: float | None
    forwards: int
    ms: float


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """A method on one kind of gap: shares in [0, 1] with their 95% intervals, and what a fill took.

    Forwards are a mean, milliseconds a median; those of fills made in batches are not what somebody waits for.
    """

    method: str
    kind: str
    tasks: int
    exact: Interval | None
    similarity: Interval | None
    parses: Interval | None
    passed: Interval | None
    forwards: float
    ms: float


def baselines(tasks: Sequence[Task]) -> dict[str, Predictions]:
    """What needs no model: nothing; a copy from the same file; and `pass` where tests decide."""
    made: dict[str, Predictions] = {
        name: _by_id(it for batch in predict(filler, tasks, Options(), 100) for it in batch)
        for name, filler in (("empty", Empty()), ("copy", CopyBaseline()))
    }
    if any(it.test is not None for it in tasks):
        made["pass"] = _by_id(TaskPrediction(it.task_id, _pass(it)) for it in tasks)
    return made


def _by_id(predictions: Iterable[TaskPrediction]) -> Predictions:
    return {it.task_id: it for it in predictions}


def _pass(task: Task) -> tuple[str, ...]:
    """`pass` with the indentation and the newline of the gold, the stronger of two ways to set this floor."""
    gold = task.gold[0] if task.gold else ""
    indentation = gold[: len(gold) - len(gold.lstrip(" \t"))]
    return (f"{indentation}pass" + ("\n" if gold.endswith("\n") else ""), *[""] * (task.gaps - 1))


def in_all(tasks: Sequence[Task], methods: Mapping[str, Predictions]) -> list[Task]:
    """The tasks that every method has a prediction of, so that all are judged on the same."""
    return [task for task in tasks if all(task.task_id in it for it in methods.values())]


def compare(
    tasks: Sequence[Task], methods: Mapping[str, Predictions], runner: Runner, on_done: Callable[[], None]
) -> list[ScoreRow]:
    """A row for each method and kind, and one for all kinds where there are several.

    Args:
        tasks: some; each method has a prediction of each.
        methods: what each wrote.
        runner: runs the tests.
        on_done: is called after each task of each method, from several threads.
    """
    parsed = [bool(task.gold) and parses(task.filled(task.gold), task.language) for task in tasks]
    kinds = list(dict.fromkeys(it.kind for it in tasks))
    rows = []
    for name, predictions in methods.items():
        written = [predictions[task.task_id] for task in tasks]
        judged = _judge(tasks, parsed, written, runner, on_done)
        rows += [_row(name, kind, [it for it in judged if it.kind == kind]) for kind in kinds]
        if len(kinds) > 1:
            rows.append(_row(name, ALL, judged))
    return rows


def _judge(
    tasks: Sequence[Task],
    parsed: Sequence[bool],
    predictions: Sequence[TaskPrediction],
    runner: Runner,
    on_done: Callable[[], None],
) -> list[Judgement]:
    """Judge predictions of tasks; `parsed` says which of their files parse with the gold."""
    judged = []
    for task, parsed_before, prediction in zip(tasks, parsed, predictions, strict=True):
        texts = prediction.completion
        exact = exact_match(texts, task.gold) if task.gold else None
        parses_now = (exact or parses(task.filled(texts), task.language)) if parsed_before else None
        similarity = edit_similarity(texts, task.gold) if task.gold else None
        judged.append(Judgement(task.kind, exact, similarity, parses_now, None, prediction.forwards, prediction.ms))
        if task.test is None:
            on_done()
    return _run_tests(tasks, predictions, judged, runner, on_done)


def _run_tests(
    tasks: Sequence[Task],
    predictions: Sequence[TaskPrediction],
    judged: Sequence[Judgement],
    runner: Runner,
    on_done: Callable[[], None],
) -> list[Judgement]:
    programs = [task.program(it.completion) for task, it in zip(tasks, predictions, strict=True)]
    outcomes = iter(runner.run([it for it in programs if it is not None], on_done))
    return [
        it if program is None else replace(it, passed=float(next(outcomes) == "passed"))
        for it, program in zip(judged, programs, strict=True)
    ]


def _row(method: str, kind: str, judged: Sequence[Judgement]) -> ScoreRow:
    def share(values: Iterable[float | None]) -> Interval | None:
        return bootstrap([float(it) for it in values if it is not None])

    return ScoreRow(
        method=method,
        kind=kind,
        tasks=len(judged),
        exact=share(it.exact for it in judged),
        similarity=share(it.similarity for it in judged),
        parses=share(it.parses for it in judged),
        passed=share(it.passed for it in judged),
        forwards=sum(it.forwards for it in judged) / len(judged),
        ms=statistics.median(it.ms for it in judged),
    )
