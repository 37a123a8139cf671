"""Gaps lie where their kind says, hold code, and are the same for the same seed."""

from collections import Counter
from pathlib import Path

import pytest
from shapes import SHAPES, corpus

from infill_model.errors import CorpusError, TaskError
from infill_model.evaluation.judging.metrics import parses
from infill_model.evaluation.tasks.heldout import RULES, heldout_tasks
from infill_model.evaluation.tasks.source import read_source
from infill_model.evaluation.tasks.tasks import Task, read_tasks, write_tasks


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> list[Task]:
    files = [(f"p{at}", "shapes.py", 1.0, SHAPES.replace("Circle", f"Circle{at}")) for at in range(3)]
    tests = ("p0", "tests/test_shapes.py", 0.25, "SECRET_OF_THE_TESTS = 1\n" * 500)
    broken = ("p1", "broken.py", 1.0, "def broken(:\n" * 500)
    return heldout_tasks(corpus(tmp_path_factory.mktemp("corpus"), *files, tests, broken), 12, seed=3)


def of(tasks: list[Task], kind: str) -> list[Task]:
    return [it for it in tasks if it.kind == kind]


def test_every_kind_has_its_count_and_every_project_its_share(tasks: list[Task]) -> None:
    assert Counter((it.kind, it.project) for it in tasks) == {(kind, f"p{at}"): 4 for kind in RULES for at in range(3)}
    assert len({it.task_id for it in tasks}) == len(tasks)


def test_a_task_holds_the_whole_file_and_its_gold_makes_it_whole_again(tasks: list[Task]) -> None:
    for task in tasks:
        assert task.filled(task.gold) == SHAPES.replace("Circle", f"Circle{task.project[1]}")
        assert parses(task.filled(task.gold))
        assert task.gaps == (2 if task.kind == "two_holes" else 1)
        assert not task.takes_whole_lines
        assert task.block == (task.kind == "block")


def test_golds_hold_code_and_no_prose(tasks: list[Task]) -> None:
    for task in tasks:
        for gold in task.gold:
            assert gold.strip()
            assert not gold.strip().startswith("#")
            assert "prose" not in gold
            assert "Its area" not in gold or task.kind == "block"
            assert "SECRET" not in gold


def line_before(task: Task) -> str:
    return task.prefix.rsplit("\n", 1)[-1]


def line_after(task: Task) -> str:
    return task.suffix.split("\n", 1)[0]


def test_rest_of_line(tasks: list[Task]) -> None:
    for task in of(tasks, "rest_of_line"):
        assert line_before(task).strip()
        assert line_after(task) == ""
        assert "\n" not in task.gold[0]
        assert not (line_before(task)[-1].isidentifier() and task.gold[0][0].isidentifier()) or '"' in task.prefix


def test_mid_name(tasks: list[Task]) -> None:
    for task in of(tasks, "mid_name"):
        assert (line_before(task)[-1] + task.gold[0][0]).replace("1", "_").isidentifier()
        assert line_after(task) == ""
        assert "\n" not in task.gold[0]


def test_mid_line(tasks: list[Task]) -> None:
    for task in of(tasks, "mid_line"):
        assert line_after(task).strip()
        assert "\n" not in task.gold[0]


def test_whole_line(tasks: list[Task]) -> None:
    for task in of(tasks, "whole_line"):
        assert line_before(task).strip() == ""
        assert line_after(task) == ""
        assert not task.gold[0].startswith(" ")
        assert "\n" not in task.gold[0]


def test_block(tasks: list[Task]) -> None:
    for task in of(tasks, "block"):
        indentation = line_before(task)
        lines = task.gold[0].split("\n")
        assert indentation.strip() == ""
        assert line_after(task) == ""
        assert 2 <= len(lines) <= 6
        assert all(it.startswith(indentation) for it in lines[1:] if it)
        assert lines[-1].strip()


def test_two_holes(tasks: list[Task]) -> None:
    neighbours = of(tasks, "two_holes")
    for task in neighbours:
        assert task.between[0].strip()
        assert task.between[0].count("\n") <= 1
        assert "\n" not in "".join(task.gold)
    assert {it.between[0].count("\n") for it in neighbours} == {0, 1}


def test_an_id_says_where_the_first_gap_is(tasks: list[Task]) -> None:
    task = of(tasks, "whole_line")[0]
    where = f"{task.prefix.count(chr(10)) + 1}:{len(line_before(task)) + 1}"
    assert task.task_id == f"whole_line/{task.project}/shapes.py:{where}"


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    folder = corpus(tmp_path, ("p", "a.py", 1.0, SHAPES))
    for seed, name in ((1, "a.jsonl.gz"), (1, "b.jsonl.gz"), (2, "c.jsonl.gz")):
        write_tasks(heldout_tasks(folder, 5, seed), tmp_path / name)
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()
    assert read_tasks(tmp_path / "a.jsonl.gz") != read_tasks(tmp_path / "c.jsonl.gz")


def test_a_corpus_that_is_too_small_gives_what_it_has(tmp_path: Path) -> None:
    tasks = heldout_tasks(corpus(tmp_path, ("p", "a.py", 1.0, "ab = 12\n")), 50, 0)
    assert len(of(tasks, "whole_line")) == 1
    assert len(of(tasks, "mid_name")) == 1
    assert of(tasks, "block") == []


JAVASCRIPT = """// Shapes.
class Circle {
  constructor(radius) {
    this.radius = radius; // its size
    this.name = `round
      prose`;
  }
  area() {
    const half = this.radius / 2;
    return Math.PI * half * this.radius;
  }
}
"""
GO = """package shapes

// Area is that of a circle.
func Area(radius float64) float64 {
\thalf := radius / 2
\tif half < 0 {
\t\treturn 0
\t}
\treturn math.Pi * half * radius
}
"""
RUST = """/// Shapes.
pub struct Circle { radius: f64 }

impl Circle {
    pub fn area(&self) -> f64 {
        let half = self.radius / 2.0;
        /* said
           at length */
        half * self.radius * std::f64::consts::PI
    }
}
"""
JAVA = """class Circle {
    private final double radius;

    Circle(double radius) {
        this.radius = radius;
        this.check();
    }

    double area() {
        double half = radius / 2;
        return Math.PI * half * radius;
    }
}
"""
C = """#include <math.h>
struct circle { double radius; };

double area(struct circle *it) {
    double half = it->radius / 2;
    return M_PI * half * it->radius;
}
"""


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("javascript", JAVASCRIPT),
        ("typescript", JAVASCRIPT.replace("radius)", "radius: number)")),
        ("go", GO),
        ("rust", RUST),
        ("java", JAVA),
        ("c", C),
        ("cpp", C.replace("struct circle *it", "const circle &it").replace("->", ".")),
    ],
)
def test_gaps_of_other_languages_are_cut_by_their_grammar(tmp_path: Path, language: str, text: str) -> None:
    folder = corpus(tmp_path, ("p", "shapes", 1.0, text), ("q", "a.py", 1.0, SHAPES), language=language)
    tasks = [it for it in heldout_tasks(folder, 4, 0, language=language) if it.project == "p"]
    assert {it.kind for it in tasks} == set(RULES)
    for task in tasks:
        assert task.request().language == language
        assert task.filled(task.gold) == text
        assert parses(task.filled(task.gold), language)
        assert not task.takes_whole_lines
        for gold in task.gold:
            assert task.kind == "block" or not ("prose" in gold or "said" in gold)
            assert not gold.startswith("//")
    for task in of(tasks, "block"):
        assert task.gold[0].count("\n") >= 1
        assert task.gold[0][0].isalpha() or task.gold[0].startswith("#include")


@pytest.mark.parametrize("language", ["javascript", "typescript", "go", "rust", "java", "c", "cpp"])
def test_a_bracket_too_few_does_not_parse_in_any_language(language: str) -> None:
    text = {"go": GO, "rust": RUST, "java": JAVA, "c": C}.get(language, JAVASCRIPT if "script" in language else C)
    assert parses(text, language)
    assert not parses(text.replace("2;", "(2;").replace("2\n", "(2\n").replace("2.0;", "(2.0;"), language)


def test_a_language_without_a_grammar_is_not_cut_and_not_objected_to(tmp_path: Path) -> None:
    assert parses("((", "cobol")
    with pytest.raises(TaskError, match="has no cobol to cut gaps into"):
        heldout_tasks(corpus(tmp_path, ("p", "a", 1.0, "MOVE A TO B.\n"), language="cobol"), 5, 0, language="cobol")


@pytest.mark.parametrize("text", ["", "# only\n", '"""Only."""\n', "def broken(:\n"])
def test_no_code_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(TaskError, match="has no python to cut gaps into"):
        heldout_tasks(corpus(tmp_path, ("p", "a.py", 1.0, text)), 5, 0)


def test_no_corpus_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CorpusError):
        heldout_tasks(tmp_path, 5, 0)


def test_lines_of_code() -> None:
    source = read_source(SHAPES)
    assert source is not None
    code = [SHAPES[it.start : it.code_end] for it in source.lines]
    assert code[:5] == [
        "import math",
        "class Circle:",
        'def __init__(self, radius: float, name: str = "é") -> None:',
        "self.radius = radius",
        "self.name = name",
    ]
    assert "many lines = of prose" not in code
    assert '"""Its area."""' not in code
    names = [SHAPES[a:b] for it in source.lines for a, b in it.names]
    assert names[:7] == ["math", "Circle", "__init__", "self", "radius", "float", "name"]
    assert "metres" not in names


def test_a_piece_of_a_file_that_does_not_parse_is_no_source() -> None:
    assert read_source("    x = 1\n") is None
    assert read_source("x = (\n") is None
