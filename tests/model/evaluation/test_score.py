"""Scores, aggregates, and the three commands from a corpus to a table."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from infill_model.cli.main import main
from infill_model.evaluation.filling.predict import TaskPrediction
from infill_model.evaluation.judging.metrics import Interval
from infill_model.evaluation.judging.runner import Runner
from infill_model.evaluation.report.score import ScoreRow, baselines, compare, in_all
from infill_model.evaluation.report.table import markdown
from infill_model.evaluation.tasks.record import command, machine
from infill_model.evaluation.tasks.tasks import Task, read_tasks

TASKS = [
    Task("a", "x = ", "\n", gold=("12",), kind="rest"),
    Task("b", "y = f(", ")\n", gold=("12",), kind="rest"),
    Task("c", "y = (", "\n", gold=("12",), kind="broken"),
    Task("d", "def f():\n", "", gold=("    return 1\n",), kind="tested", test="assert f() == 1"),
    Task("e", "def f():\n", "", kind="tested", test="def check(f):\n    assert f() == 1", entry_point="f"),
]


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with Runner(seconds=1.0) as runner:
        yield runner


def rows(runner: Runner, tasks: list[Task], **texts: list[str]) -> dict[tuple[str, str], ScoreRow]:
    methods = {
        name: {
            task.task_id: TaskPrediction(task.task_id, (text,), forwards=4, ms=len(text))
            for task, text in zip(tasks, its, strict=True)
        }
        for name, its in texts.items()
    }
    done: list[None] = []
    found = compare(tasks, methods, runner, lambda: done.append(None))
    assert len(done) == len(tasks) * len(methods)
    return {(it.method, it.kind): it for it in found}


def mean(interval: Interval | None) -> float | None:
    return interval.mean if interval else None


def test_a_judgement_of_each_kind(runner: Runner) -> None:
    found = rows(
        runner,
        TASKS,
        right=["12", "12", "12", "    return 1\n", "    return 1\n"],
        wrong=["1(", "13", "", "    return 2\n", "    while True: pass\n"],
    )
    right, wrong = found["right", "rest"], found["wrong", "rest"]
    assert (mean(right.exact), mean(right.similarity), mean(right.parses), mean(right.passed)) == (1, 1, 1, None)
    assert (mean(wrong.exact), mean(wrong.similarity), mean(wrong.parses), wrong.tasks) == (0, 0.5, 0.5, 2)
    assert found["right", "broken"].parses is None
    assert mean(found["right", "tested"].passed) == 1
    assert mean(found["wrong", "tested"].passed) == 0
    assert found["right", "tested"].exact == Interval(1, 1, 1, 1)
    assert mean(found["right", "all"].exact) == 1
    assert found["right", "all"].tasks == 5
    assert found["right", "all"].forwards == 4
    assert found["right", "rest"].ms == 2


def test_one_kind_needs_no_sum(runner: Runner) -> None:
    assert set(rows(runner, TASKS[:2], m=["", ""])) == {("m", "rest")}


def test_the_baselines_of_tasks_with_and_without_tests() -> None:
    assert list(baselines(TASKS[:2])) == ["empty", "copy"]
    made = baselines(TASKS[3:])
    assert [it.completion for it in made["pass"].values()] == [("    pass\n",), ("pass",)]
    assert [it.completion for it in made["empty"].values()] == [("",), ("",)]


def test_only_tasks_that_all_wrote_are_judged() -> None:
    some = {it.task_id: TaskPrediction(it.task_id, ("",)) for it in TASKS}
    fewer = {key: value for key, value in some.items() if key in "bd"}
    assert [it.task_id for it in in_all(TASKS, {"some": some, "fewer": fewer})] == ["b", "d"]


def test_markdown_shows_the_columns_that_say_something() -> None:
    found = [
        ScoreRow("one", "rest", 2, Interval(0.5, 0.25, 0.75, 2), None, None, None, 3.0, 40.2),
        ScoreRow("one", "all", 4, Interval(1.0, 1.0, 1.0, 4), None, None, None, 2.5, 39.8),
        ScoreRow("two", "rest", 2, None, None, None, None, 0.0, 0.0),
    ]
    assert markdown(found) == (
        "| kind | method | tasks | exact match | forwards | ms |\n"
        "| --- | --- | ---: | ---: | ---: | ---: |\n"
        "| rest | one | 2 | 50.0 [25.0, 75.0] | 3.0 | 40 |\n"
        "| rest | two | 2 |  | 0.0 | 0 |\n"
        "| all | one | 4 | 100.0 [100.0, 100.0] | 2.5 | 40 |\n"
    )


def test_a_record_names_files_and_no_folders() -> None:
    assert command(["score", "/home/someone/my tasks.jsonl", "--json", "r.json"]) == (
        "infill-model score 'my tasks.jsonl' --json r.json"
    )
    assert "cores" in machine()


def test_from_a_corpus_to_a_table(
    heldout_corpus: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks, plain, control = tmp_path / "tasks.jsonl.gz", tmp_path / "plain.jsonl", tmp_path / "control.jsonl"
    result, card = tmp_path / "result.json", tmp_path / "CARD.md"
    card.write_text("<!-- from result.json -->\n<!-- end -->\n")
    assert main(["heldout", "--corpus", str(heldout_corpus), "--out", str(tasks), "--per-kind", "3"]) == 0
    quick = ["evaluate", str(tasks), "--model", str(model_folder), "--unmask", "threshold:0.001", "--steps", "4"]
    assert main([*quick, "--no-copy", "--out", str(plain), "--batch", "5"]) == 0
    assert main([*quick, "--control", "autoregressive", "--out", str(control), "--limit", "6"]) == 0
    assert len(plain.read_text().splitlines()) == len(read_tasks(tasks)) == 18
    capsys.readouterr()
    files = [str(plain), str(control), "--json", str(result)]
    assert main(["score", str(tasks), *files]) == 0
    said = capsys.readouterr()
    assert "scoring the 6 of 18 tasks" in said.err
    assert "edit similarity" in said.out
    found = json.loads(result.read_text())
    assert {it["method"] for it in found["rows"]} == {"empty", "copy", "diffusion", "autoregressive"}
    assert {it["kind"] for it in found["rows"]} >= {"rest_of_line", "block", "two_holes", "all"}
    assert [it["record"]["model"]["name"] for it in found["runs"]] == ["tiny-noise", "tiny-noise"]
    assert len(found["runs"][0]["record"]["model"]["sha256"]) == 64
    assert str(tmp_path) not in result.read_text()
    assert main(["card", str(card)]) == 0
    assert card.read_text().count("\n| ") == 2 + 4 * 7


@pytest.fixture
def written(tmp_path: Path) -> Path:
    (tmp_path / "t.jsonl").write_text('{"task_id": "a", "prefix": "x = ", "suffix": "\\n", "gold": "1"}\n')
    (tmp_path / "p.jsonl").write_text('{"task_id": "a", "completion": "1"}\n')
    return tmp_path


def test_predictions_of_another_program_are_judged_too(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", str(written / "t.jsonl"), str(written / "p.jsonl")]) == 0
    (line,) = (it for it in capsys.readouterr().out.splitlines() if " p " in it)
    assert "100.0 [100.0, 100.0]" in line


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("p.run.json", "{"), "p.run.json: damaged"),
        (("p.jsonl", '{"task_id": "b", "completion": "1"}'), "p.jsonl:1: no task has the task_id 'b'"),
        (("p.jsonl", ""), "no task has a prediction in every file"),
        (("t.jsonl", ""), "t.jsonl: contains no task"),
    ],
)
def test_what_cannot_be_judged_is_said_in_a_sentence(
    written: Path, capsys: pytest.CaptureFixture[str], change: tuple[str, str], says: str
) -> None:
    (written / change[0]).write_text(change[1])
    assert main(["score", str(written / "t.jsonl"), str(written / "p.jsonl")]) == 2
    assert says in capsys.readouterr().err


def test_two_files_with_one_name_are_refused(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (written / "copy.jsonl").write_text("")
    assert main(["score", str(written / "t.jsonl"), str(written / "copy.jsonl")]) == 2
    assert "another method is also called 'copy'" in capsys.readouterr().err


def test_predictions_of_an_earlier_task_file_are_refused(
    written: Path, model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks, out = written / "t.jsonl", written / "mine.jsonl"
    assert main(["evaluate", str(tasks), "--model", str(model_folder), "--steps", "2", "--out", str(out)]) == 0
    assert main(["score", str(tasks), str(out)]) == 0
    tasks.write_text(tasks.read_text().replace("x =", "y ="))
    assert main(["score", str(tasks), str(out)]) == 2
    assert "made for another task file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["evaluate", "t.jsonl", "--out", "o.jsonl", "--model", "no/such"], "no/such"),
        (["evaluate", "none.jsonl", "--out", "o.jsonl"], "none.jsonl: cannot be read"),
        (["heldout", "--corpus", "none", "--out", "o.jsonl"], "none: no corpus here"),
    ],
)
def test_bad_arguments_end_with_a_sentence(
    written: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    monkeypatch.chdir(written)
    assert main(arguments) == 2
    assert says in capsys.readouterr().err
    assert not (written / "o.jsonl").exists()
