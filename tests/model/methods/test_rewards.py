"""Rewards of fills: gaps that doctests test, what a fill is worth, and the table of weights."""

import random
from collections.abc import Iterator

import pytest

from infill_model.data.corpus import CorpusFile
from infill_model.errors import TrainingError
from infill_model.evaluation.judging.runner import Runner
from infill_model.request import Request
from infill_model.training.methods.rewards import (
    REWARDS,
    DoctestedFunction,
    Trained,
    doctested_functions,
    doctested_gaps,
    gaps_of,
    reward,
    weights_of,
)

TEXT = '''"""A module — with more than ASCII."""
import math
from .other import nothing

def area(radius):
    """The area of a circle.

    >>> area(2)
    12.57
    >>> offset = 1
    >>> area(offset - 1)
    0.0
    """
    square = radius * radius
    return round(math.pi * square, 2)

def wrong(x):
    """
    >>> wrong(1)
    3
    """
    y = x
    return y

def prints(x):
    """
    >>> for it in x: print(it)
    1
    """
    z = x
    return z
'''


def file_of(text: str) -> CorpusFile:
    return CorpusFile("p", "m.py", "python", 1.0, text)


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with Runner(seconds=5.0, workers=1) as made:
        yield made


@pytest.fixture
def area(runner: Runner) -> DoctestedFunction:
    (found,) = doctested_functions([file_of(TEXT)], random.Random(1), runner, 9)
    return found


def test_functions_are_those_whose_doctests_pass_alone(area: DoctestedFunction) -> None:
    assert area.program.startswith("import math\ndef area(radius):")
    assert area.program.count("assert ") == 2
    assert "wrong" not in area.program
    assert TEXT[area.body :].startswith("    square = ")


@pytest.mark.parametrize("text", ["def f(:\n  >>> 1", TEXT.replace("\n", "\r\n"), TEXT.replace("import math\n", "")])
def test_files_that_cannot_run_test_nothing(runner: Runner, text: str) -> None:
    assert doctested_functions([file_of(text)], random.Random(1), runner, 9) == []
    assert doctested_gaps([], random.Random(1), runner, 3) == []


def test_gaps_lie_in_the_body_and_make_a_program(area: DoctestedFunction, runner: Runner) -> None:
    gaps = doctested_gaps([area], random.Random(1), runner, 6)
    assert len(gaps) == 6
    for it in gaps:
        assert it.request.prefix + it.gold + it.request.suffix == TEXT
        assert len(it.request.prefix) >= area.body
        assert it.gold.join(it.program) == area.program
        assert runner.run([it.gold.join(it.program), "".join(it.program)]) == ["passed", "failed"]


def test_another_text_that_passes_is_worth_more_than_one_that_does_not(area: DoctestedFunction, runner: Runner) -> None:
    before, gold, after = TEXT.partition("radius * radius")
    program = area.program.partition(gold)
    gap = Trained(Request(before, after), gold, (program[0], program[2]))
    weights = {"exact": 1.0, "tests": 2.0, "similarity": 0.0, "parses": 0.5}
    assert reward(gap, gold, weights, runner) == 3.5
    assert reward(gap, "radius ** 2", weights, runner) == 2.5
    assert reward(gap, "radius * 3", weights, runner) == 0.5
    assert reward(gap, "radius * (", weights, runner) == 0.0
    assert reward(gap, "radius ** 2", weights) == 0.5


def test_without_tests_only_what_stood_there_passes() -> None:
    gap = Trained(Request("def load(path):\n    return ", "\n"), "path")
    assert reward(gap, "path") == pytest.approx(sum(REWARDS.values()))
    assert reward(gap, "pa", weights_of(["exact=1", "parses=1"])) == 1.0
    assert reward(gap, "pa)", weights_of(["exact=1", "parses=1"])) == 0.0
    assert 0 < reward(gap, "pa)", weights_of(["similarity=1"])) < 1


def test_gaps_without_tests_are_parts_of_files() -> None:
    gaps = gaps_of([file_of(TEXT)], random.Random(1), 12)
    assert len(gaps) == 12
    for it in gaps:
        assert it.request.prefix + it.gold + it.request.suffix == TEXT
        assert it.gold.strip()
        assert not it.program
    assert gaps_of([file_of(TEXT)], random.Random(1), 12) == gaps


@pytest.mark.parametrize("word", ["exakt=1", "exact=much", "exact"])
def test_a_table_of_weights_that_cannot_be_read_is_refused(word: str) -> None:
    assert weights_of([]) == REWARDS
    with pytest.raises(TrainingError, match="is no weight of a reward"):
        weights_of(["tests=1", word])
