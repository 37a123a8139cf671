"""Score predictions and aggregate the scores by method and kind of gap.

All methods are scored on the same tasks. A task without a gold has no exact match, one without a test no pass, and a
file that does not parse with its gold is not scored for parsing.
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
"""The kind of a row that aggregates several kinds."""

BASELINES: Final = ("empty", "copy", "pass")
"""The names of the methods that `baselines` returns."""

Predictions = Mapping[str, TaskPrediction]
"""Predictions by task_id."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The scores of one task; None where a score is undefined."""

    kind: str
    exact: float | None
    similarity: float | None
    parses: float | None
    passed: float | None
    forwards: int
    ms: float


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """The scores of a method on one kind of gap: shares in [0, 1] with their 95% intervals, and the cost of a fill.

    Forwards are a mean, milliseconds a median; milliseconds of batched fills are not the latency a user sees.
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
    """Return the predictions that need no model: empty, copied from the same file, and `pass` where there are tests."""
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
    """Return `pass` with the indentation and newline of the gold, the stronger of two versions of this floor."""
    gold = task.gold[0] if task.gold else ""
    indentation = gold[: len(gold) - len(gold.lstrip(" \t"))]
    return (f"{indentation}pass" + ("\n" if gold.endswith("\n") else ""), *[""] * (task.gaps - 1))


def in_all(tasks: Sequence[Task], methods: Mapping[str, Predictions]) -> list[Task]:
    """Return the tasks that every method has a prediction for, so that all are scored on the same ones."""
    return [task for task in tasks if all(task.task_id in it for it in methods.values())]


def compare(
    tasks: Sequence[Task], methods: Mapping[str, Predictions], runner: Runner, on_done: Callable[[], None]
) -> list[ScoreRow]:
    """Return a row for each method and kind, plus one for all kinds where there are several.

    Args:
        tasks: every method has a prediction for each.
        methods: the predictions of each method.
        runner: runs the tests.
        on_done: called after each task of each method, from several threads.
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
    """Score predictions of tasks; `parsed` says which files parse with the gold."""
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
