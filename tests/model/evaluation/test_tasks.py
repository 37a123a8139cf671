"""Task files are read as published, rejected with the faulty line, and normalised in one documented way."""

import gzip
import json
from pathlib import Path

import pytest

from infill_model.errors import TaskError
from infill_model.evaluation.tasks.tasks import Task, read_tasks, write_tasks

ROW = {"task_id": "a", "prefix": "x = ", "suffix": "\n"}


def rows(path: Path, *lines: object) -> Path:
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return path


def test_the_least_row_there_can_be(tmp_path: Path) -> None:
    assert read_tasks(rows(tmp_path / "t.jsonl", ROW)) == [Task("a", "x = ", "\n")]


def test_a_row_of_humaneval_infilling(tmp_path: Path) -> None:
    row = {
        "task_id": "MultiLineInfilling/HumanEval/0/L0_L0",
        "entry_point": "one",
        "prompt": "def one():\n",
        "suffix": "",
        "canonical_solution": "    return 1\n",
        "test": "def check(candidate):\n    assert candidate() == 1\n",
    }
    (task,) = read_tasks(rows(tmp_path / "t.jsonl", row))
    assert (task.prefix, task.gold, task.kind, task.block) == (
        "def one():\n", ("    return 1\n",), "MultiLineInfilling", True,
    )  # fmt: skip
    assert task.program(task.gold) == f"def one():\n    return 1\n\n{row['test']}\ncheck(one)"


def test_several_gaps(tmp_path: Path) -> None:
    row = {**ROW, "between": ["\ny = "], "gold": ["1", "2"]}
    (task,) = read_tasks(rows(tmp_path / "t.jsonl", row))
    assert task.gaps == 2
    assert task.filled(task.gold) == "x = 1\ny = 2\n"
    assert task.request().between == ("\ny = ",)


def test_a_split_and_a_limit(tmp_path: Path) -> None:
    path = rows(
        tmp_path / "t.jsonl", *({**ROW, "task_id": str(at), "split": "odd" if at % 2 else ""} for at in range(9))
    )
    assert [it.task_id for it in read_tasks(path, split="odd", limit=3)] == ["1", "3", "5"]
    assert len(read_tasks(path)) == 9


@pytest.mark.parametrize("name", ["t.jsonl", "t.jsonl.gz"])
def test_what_is_written_is_read_again(tmp_path: Path, name: str) -> None:
    tasks = [
        Task("a", "", ""),
        Task("b", "é\ud800", "\n", between=("",), gold=("", "x"), kind="block", project="p", block=False),
        Task("c", "1", "2", test="", entry_point="f", split="test", block=True),
    ]
    path, again = tmp_path / name, tmp_path / f"again-{name}"
    write_tasks(tasks, path)
    write_tasks(read_tasks(path), again)
    assert read_tasks(path) == tasks
    assert path.read_bytes() == again.read_bytes()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "t.jsonl:2: not JSON"),
        ("[]", "t.jsonl:2: must be a JSON object, not list"),
        ({"prefix": "", "suffix": ""}, "t.jsonl:2: the field 'task_id' is missing"),
        ({"task_id": "b", "suffix": ""}, "t.jsonl:2: the field 'prefix' is missing"),
        ({"task_id": "b", "prompt": ""}, "t.jsonl:2: the field 'suffix' is missing"),
        ({"task_id": 7, "prefix": "", "suffix": ""}, "t.jsonl:2: 'task_id' must be a string"),
        ({**ROW, "task_id": "b", "between": 1}, "t.jsonl:2: 'between' must be a string or a list of strings"),
        ({**ROW, "task_id": "b", "between": [1]}, "t.jsonl:2: 'between' must be a string or a list of strings"),
        ({**ROW, "task_id": "b", "gold": ["", ""]}, "t.jsonl:2: there are 1 gaps and 2 golds"),
        ({**ROW, "task_id": "b", "block": 1}, "t.jsonl:2: 'block' must be true or false"),
        (ROW, "t.jsonl:2: the task_id 'a' occurs twice"),
    ],
)
def test_a_row_that_is_no_task_is_refused_with_its_line(tmp_path: Path, line: object, says: str) -> None:
    with pytest.raises(TaskError) as refused:
        read_tasks(rows(tmp_path / "t.jsonl", ROW, line))
    assert says in str(refused.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "plain.jsonl.gz").write_text("{}")
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(b"{}" * 999)[:-9])
    (tmp_path / "latin.jsonl").write_bytes(b"\xe9")
    for name in ("none.jsonl", "plain.jsonl.gz", "cut.jsonl.gz", "latin.jsonl", "."):
        with pytest.raises(TaskError, match="cannot be read"):
            read_tasks(tmp_path / name)
    with pytest.raises(TaskError, match="contains no task"):
        read_tasks(rows(tmp_path / "empty.jsonl"))
    with pytest.raises(TaskError, match="with the split 'test'"):
        read_tasks(rows(tmp_path / "t.jsonl", ROW), split="test")
    with pytest.raises(TaskError, match="cannot write"):
        write_tasks([], tmp_path / "none" / "t.jsonl")


@pytest.mark.parametrize(
    ("prefix", "suffix", "whole"),
    [
        ("def f():\n    a\n", "    b\n", True),
        ("def f():\n", "    b\n", True),
        ("def f():\n", " b\n", True),
        ("def f():\n    a\n", "        b\n", True),
        ("def f():\n\ta\n", "\tb\n", True),
        ("def f():\n    a\n", "return 1\n", True),
        ("", "import os\n", True),
        ("def f():\n    a\n", " + b\n", False),
        ("def f():\n    a\n", "b)\n", False),
        ("def f():\n    a\n", "\n    b\n", False),
        ("def f():\n    a\n", "    \n    b\n", False),
        ("def f():\n    a\n", "", False),
        ("def f():\n    ", "    b\n", False),
        ("def f():\n    a = ", "\n    b\n", False),
    ],
)
def test_a_gap_of_whole_lines_is_asked_as_an_editors_empty_line(prefix: str, suffix: str, whole: bool) -> None:
    task = Task("a", prefix, suffix)
    assert task.takes_whole_lines is whole
    assert task.request().suffix == ("\n" if whole else "") + suffix
    assert task.completions(["    x"]) == (("    x\n",) if whole else ("    x",))
    assert task.filled(task.completions(["x"])) == task.request().prefix + "x" + task.request().suffix


@pytest.mark.parametrize("name", ["HumanEval-SingleLineInfilling", "HumanEval-MultiLineInfilling"])
def test_the_rule_is_right_for_the_line_splits(benchmarks: Path, name: str) -> None:
    tasks = read_tasks(benchmarks / "human-eval-infilling" / f"{name}.jsonl.gz")
    before_code = [it for it in tasks if it.suffix.split("\n", 1)[0].strip()]
    assert all(it.takes_whole_lines for it in before_code)
    assert all(it.completions(it.wanted) == it.gold for it in before_code)
    assert len(before_code) > 800


def test_the_rule_is_right_for_mbpp_but_for_two_rows(benchmarks: Path) -> None:
    tasks = read_tasks(benchmarks / "mbpp-infilling" / "MbppSingleLineInfilling.jsonl.gz")
    before_code = [it for it in tasks if it.suffix.split("\n", 1)[0].strip()]
    assert sum(not it.takes_whole_lines for it in before_code) == 2
