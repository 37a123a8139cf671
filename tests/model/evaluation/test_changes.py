"""Changes between the fills of two ways of filling."""

import json
from pathlib import Path

import pytest

from infill_model.cli.main import main
from infill_model.evaluation.filling.predict import TaskPrediction
from infill_model.evaluation.studies.changes import FillChange, change, common
from infill_model.evaluation.tasks.tasks import Task


def changed(before: str, after: str) -> FillChange:
    task = Task("a", "x = ", "\n", gold=("f(a, b)",), kind="rest")
    return change(task, TaskPrediction("a", (before,)), TaskPrediction("a", (after,)))


def test_a_wrong_token_is_repaired() -> None:
    found = changed("f(a, c)", "f(a, b)")
    assert (found.changed, found.gained, found.lost) == (1, 1, 0)
    assert (found.wrong, found.overwritten, found.repaired) == (1, 1, 1)
    assert (found.right, found.spoiled) == (5, 0)


def test_a_right_token_is_spoiled_and_a_wrong_one_overwritten_wrongly() -> None:
    found = changed("f(a, b)", "f(a, c")
    assert (found.lost, found.broken, found.spoiled, found.wrong, found.overwritten) == (1, 1, 2, 0, 0)
    found = changed("f(a, c", "f(a, d)")
    assert (found.gained, found.mended, found.wrong, found.overwritten, found.repaired) == (0, 1, 1, 1, 1)


def test_what_stays_counts_nothing() -> None:
    assert changed("f(a", "f(a") == FillChange(tasks=1, right=3)


@pytest.mark.parametrize(("a", "b", "length"), [("", "ab", 0), ("abcb", "bdcab", 3), ("aaa", "aa", 2)])
def test_the_longest_common_subsequence(a: str, b: str, length: int) -> None:
    assert common(a, b) == length


def test_two_files_become_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"task_id": "a", "prefix": "x = ", "suffix": "\n", "gold": "1", "kind": "rest"}
    (tmp_path / "tasks.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    for name, text in (("old", "2 2"), ("new", "1")):
        (tmp_path / name).write_text(json.dumps({"task_id": "a", "completion": text}) + "\n", encoding="utf-8")
    words = ["changes", str(tmp_path / "tasks.jsonl"), str(tmp_path / "old"), str(tmp_path / "new")]
    assert main([*words, "--json", str(tmp_path / "it.json")]) == 0
    found = json.loads((tmp_path / "it.json").read_text(encoding="utf-8"))["changes"]
    assert found["rest"] == found["all"]
    assert (found["all"]["gained"], found["all"]["mended"]) == (1, 1)
    assert "rest" in capsys.readouterr().out
