"""Fill tasks in batches and save the predictions, one JSON object per line.

A prediction's `completion` is the text between prefix and suffix: a string, or a list of strings for several gaps.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from infill_model.errors import TaskError
from infill_model.evaluation.filling.baselines import BatchFiller
from infill_model.evaluation.tasks.tasks import Task, read_rows, texts
from infill_model.request import Fill, Options


@dataclass(frozen=True, slots=True)
class TaskPrediction:
    """The text a filler wrote into the gaps of a task.

    Attributes:
        completion: the text of each gap, normalised as `tasks` describes.
        confidence, score, forwards, stopped, retrieved: as in `Fill`.
        ms: milliseconds; in a batch, the batch's time divided by its size.
        tokens: (text, confidence) of each written token, from left to right.
    """

    task_id: str
    completion: tuple[str, ...]
    confidence: float = 0.0
    score: float | None = None
    forwards: int = 0
    ms: float = 0.0
    stopped: str = "complete"
    retrieved: bool = False
    tokens: tuple[tuple[str, float], ...] = ()

    def to_json(self) -> str:
        """Return the prediction as a line of a predictions file."""
        one = len(self.completion) == 1
        row = {
            "task_id": self.task_id,
            "completion": self.completion[0] if one else list(self.completion),
            "confidence": round(self.confidence, 6),
            "score": None if self.score is None else round(self.score, 6),
            "forwards": self.forwards,
            "ms": round(self.ms, 3),
            "stopped": self.stopped,
            "retrieved": self.retrieved,
            "tokens": [[text, round(confidence, 4)] for text, confidence in self.tokens],
        }
        return json.dumps(row)


def predict(filler: BatchFiller, tasks: Sequence[Task], options: Options, batch: int) -> Iterator[list[TaskPrediction]]:
    """Fill the tasks in order, `batch` at a time, and yield the predictions of each batch."""
    for start in range(0, len(tasks), batch):
        now = tasks[start : start + batch]
        fills = filler.fill_batch([it.request() for it in now], options)
        yield [prediction(task, fill, len(now)) for task, fill in zip(now, fills, strict=True)]


def prediction(task: Task, fill: Fill, batch: int = 1) -> TaskPrediction:
    """Return the prediction that a fill makes for a task; `batch` requests shared the time the fill reports."""
    return TaskPrediction(
        task_id=task.task_id,
        completion=task.completions(fill.texts),
        confidence=fill.confidence,
        score=fill.score,
        forwards=fill.forwards,
        ms=fill.ms.total / batch,
        stopped=fill.stopped,
        retrieved=fill.retrieved,
        tokens=tuple((it.text, it.confidence) for it in fill.tokens if not it.pinned),
    )


def write_predictions(
    batches: Iterator[list[TaskPrediction]], path: Path, on_batch: Callable[[int], None] = lambda _: None
) -> None:
    """Write predictions as they arrive; the file name ends in `.part` until the file is complete.

    Args:
        batches: as `predict` yields them.
        path: of the file.
        on_batch: called after each batch with the number of predictions written in it.

    Raises:
        TaskError: the file cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            for batch in batches:
                file.writelines(f"{it.to_json()}\n" for it in batch)
                file.flush()
                on_batch(len(batch))
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise TaskError(f"{path}: cannot write the predictions ({error.strerror})") from error


def read_predictions(path: Path, tasks: Sequence[Task]) -> dict[str, TaskPrediction]:
    """Return the predictions of a file by task_id; files of other programs need only `task_id` and `completion`.

    Raises:
        TaskError: the file cannot be read, or a row is not a prediction for one of the tasks.
    """
    gaps = {it.task_id: it.gaps for it in tasks}
    predictions: dict[str, TaskPrediction] = {}
    for number, row in read_rows(path):
        where = f"{path}:{number}"
        task_id = row.get("task_id")
        if not isinstance(task_id, str) or task_id not in gaps:
            raise TaskError(f"{where}: no task has the task_id {task_id!r}")
        if task_id in predictions:
            raise TaskError(f"{where}: a second prediction of {task_id!r}")
        completion = texts(row.get("completion"), "completion", where)
        if len(completion) != gaps[task_id]:
            raise TaskError(f"{where}: {task_id!r} has {gaps[task_id]} gaps, not {len(completion)}")
        predictions[task_id] = TaskPrediction(
            task_id,
            completion,
            confidence=_number(row.get("confidence")),
            forwards=int(_number(row.get("forwards"))),
            ms=_number(row.get("ms")),
            retrieved=row.get("retrieved") is True,
            tokens=_tokens(row.get("tokens")),
        )
    return predictions


def _number(value: object) -> float:
    return value if isinstance(value, int | float) else 0.0


def _tokens(value: object) -> tuple[tuple[str, float], ...]:
    pairs = value if isinstance(value, list) else []
    return tuple((it[0], _number(it[1])) for it in pairs if isinstance(it, list) and isinstance(it[0], str))
