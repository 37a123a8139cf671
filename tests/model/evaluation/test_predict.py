"""Predictions of tasks, by baselines and by a real tiny model, and their storage."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from infill_model.errors import TaskError
from infill_model.evaluation.filling.baselines import Autoregressive, BatchFiller, CopyBaseline, Empty
from infill_model.evaluation.filling.predict import TaskPrediction, predict, read_predictions, write_predictions
from infill_model.evaluation.tasks.tasks import Task
from infill_model.infill.infiller import Infiller
from infill_model.request import Options, Request

ONE = Task("one", "left = first.name\nleft = fir", "\n")
TWO = Task("two", "left = first.name\nright = second.name\nleft = fir", "\n", between=("\nright = sec",))
LINE = Task("line", "def f():\n    a = 1\n", "    return a\n")


def written(filler: BatchFiller, *tasks: Task, batch: int = 2) -> list[TaskPrediction]:
    options = Options(unmask="threshold:0.001", steps=4)
    return [it for now in predict(filler, tasks, options, batch) for it in now]


def test_the_baselines() -> None:
    assert [it.completion for it in written(Empty(), ONE, TWO, LINE)] == [("",), ("", ""), ("\n",)]
    assert [it.completion for it in written(CopyBaseline(), ONE, TWO)] == [("st.name",), ("st.name", "ond.name")]


def test_a_block_is_copied_as_one() -> None:
    task = Task("t", "if left:\n    a()\n    b()\nreturn 1\n\nif left:\n    ", "\nreturn 1\n", block=True)
    assert written(CopyBaseline(), task)[0].completion == ("a()\n    b()",)
    assert written(CopyBaseline(), replace(task, block=False))[0].completion == ("a()",)


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_predictions_keep_the_order_and_do_not_depend_on_the_batch(infiller: Infiller, batch: int) -> None:
    predictions = written(infiller, ONE, TWO, LINE, batch=batch)
    assert [it.task_id for it in predictions] == ["one", "two", "line"]
    assert [it.completion for it in predictions] == [it.completion for it in written(infiller, ONE, TWO, LINE)]
    assert [len(it.completion) for it in predictions] == [1, 2, 1]
    assert predictions[2].completion[0].endswith("\n")
    assert all(it.forwards > 0 and it.ms > 0 for it in predictions)


def test_the_autoregressive_control_fills_each_task_by_itself(infiller: Infiller) -> None:
    predictions = written(Autoregressive(infiller), ONE, LINE)
    requests: list[Request] = [ONE.request(), LINE.request()]
    fills = [infiller.fill_autoregressively(it, Options(steps=4)) for it in requests]
    assert [it.completion for it in predictions] == [fills[0].texts, (fills[1].texts[0] + "\n",)]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    predictions = [
        TaskPrediction("one", ("é\ud800\n",), 0.5, -1.25, 3, 1.5, "stable", True, (("é", 0.25), ("\ud800", 0.75))),
        TaskPrediction("two", ("a", "b"), forwards=2),
    ]
    write_predictions(iter([predictions[:1], predictions[1:]]), path)
    first, second = (json.loads(line) for line in path.read_text().splitlines())
    assert first == {
        "task_id": "one", "completion": "é\ud800\n", "confidence": 0.5, "score": -1.25,
        "forwards": 3, "ms": 1.5, "stopped": "stable", "retrieved": True,
        "tokens": [["é", 0.25], ["\ud800", 0.75]],
    }  # fmt: skip
    assert second["completion"] == ["a", "b"]
    read = read_predictions(path, [ONE, TWO])
    assert [(it.completion, it.forwards, it.retrieved) for it in read.values()] == [
        (("é\ud800\n",), 3, True),
        (("a", "b"), 2, False),
    ]


def test_an_interrupted_run_leaves_what_it_had_and_no_finished_file(tmp_path: Path) -> None:
    def interrupted() -> Iterator[list[TaskPrediction]]:
        yield [TaskPrediction("one", ("a",))]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_predictions(interrupted(), tmp_path / "p.jsonl")
    assert [it.name for it in tmp_path.iterdir()] == ["p.jsonl.part"]
    assert json.loads((tmp_path / "p.jsonl.part").read_text())["task_id"] == "one"


def test_nothing_is_filled_when_the_file_cannot_be_written(tmp_path: Path) -> None:
    def never() -> Iterator[list[TaskPrediction]]:
        pytest.fail("it began to fill")
        yield []

    with pytest.raises(TaskError, match="cannot write the predictions"):
        write_predictions(never(), tmp_path / "none" / "p.jsonl")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"task_id": "other", "completion": ""}', "p.jsonl:2: no task has the task_id 'other'"),
        ('{"completion": ""}', "p.jsonl:2: no task has the task_id None"),
        ('{"task_id": "one", "completion": ""}', "p.jsonl:2: a second prediction of 'one'"),
        ('{"task_id": "two", "completion": "a"}', "p.jsonl:2: 'two' has 2 gaps, not 1"),
        ('{"task_id": "two"}', "p.jsonl:2: 'completion' must be a string or a list of strings"),
    ],
)
def test_a_row_that_is_no_prediction_is_refused_with_its_line(tmp_path: Path, line: str, says: str) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(f'{{"task_id": "one", "completion": "a"}}\n{line}\n')
    with pytest.raises(TaskError) as refused:
        read_predictions(path, [ONE, TWO])
    assert says in str(refused.value)
