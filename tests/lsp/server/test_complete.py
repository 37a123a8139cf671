"""The straight line of one request, with a real engine process that serves a scripted model."""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
import fake_engine

from infill_lsp.complete import Question, Selected, Surroundings, complete, rebased
from infill_lsp.document import Document, Gap
from infill_lsp.engine.client import Engine
from infill_lsp.settings import Budget, ServerSettings
from infill_lsp.stand_in import Insertion
from infill_lsp.syntax import languages

PYTHON = languages.by_id("python")


def asked(
    text: str,
    *,
    invoked: bool = False,
    selected: tuple[str, str] | None = None,
    settings: ServerSettings | None = None,
    surroundings: Surroundings | None = None,
) -> list[tuple[int, int, str]]:
    """What is inserted at `|`; `selected` is the text in front of it and what is selected for that."""
    offset = text.index("|")
    document = Document("a.py", text.replace("|", ""), PYTHON)
    chosen = Selected(Gap(offset - len(selected[0]), offset), selected[1]) if selected else None
    question = Question(document, offset, invoked, chosen)

    async def session() -> tuple[Insertion, ...]:
        async with Engine(fake_engine.command()) as engine:
            await engine.ready()
            return await complete(question, surroundings or Surroundings(), engine, settings or ServerSettings())

    return [(it.start, it.end, it.text) for it in asyncio.run(session())]


def test_from_a_cursor_to_an_insertion() -> None:
    assert asked("# fill b\nx = |\ny") == [(13, 13, "b")]


def test_by_hand_there_are_several_and_none_twice() -> None:
    assert [text for *_, text in asked("# fill b\nx = |", invoked=True)] == ["b", "b1", "b2", "b3"]
    assert [text for *_, text in asked("# fill b\nx = |", invoked=True, settings=ServerSettings(candidates=2))] == [
        "b",
        "b1",
    ]


def test_below_the_floor_there_is_nothing() -> None:
    assert asked("# fill b\nx = |", settings=ServerSettings(confidence=0.61)) == []
    assert asked("# fill b\nx = |", settings=ServerSettings(confidence=0.59))


def test_an_empty_fill_is_nothing() -> None:
    assert asked("# fill \nx = |") == []


def test_an_engine_that_takes_too_long_is_nothing() -> None:
    assert asked("# slow\nx = |", settings=ServerSettings(budget=Budget(automatic=20))) == []


def test_what_comes_before_the_document_is_in_front_of_its_text() -> None:
    assert asked("|", surroundings=Surroundings("# fill b\r\n")) == [(0, 0, "b")]


def test_a_selected_completion_begins_the_insertion() -> None:
    assert asked("# fill (x)\nf.up|\n", selected=("up", "upper")) == [(13, 15, "upper(x)")]


BEFORE = Document("a.py", "x = \ny = 1\n")
INSERTION = Insertion(4, 4, "abc", 0.5)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("x = \ny = 1\n", INSERTION),
        ("x = a\ny = 1\n", replace(INSERTION, end=5)),
        ("x = ab\ny = 1\n", replace(INSERTION, end=6)),
        ("x = abc\ny = 1\n", None),
        ("x = z\ny = 1\n", None),
        ("x = a\ny = 2\n", None),
        ("x =\ny = 1\n", None),
        ("z = a\ny = 1\n", None),
        ("", None),
    ],
)
def test_an_insertion_outlives_only_its_own_beginning(now: str, expected: Insertion | None) -> None:
    assert rebased(INSERTION, BEFORE, Document("a.py", now)) == expected


def test_an_insertion_that_replaces_something_outlives_nothing() -> None:
    assert rebased(replace(INSERTION, start=0), BEFORE, Document("a.py", "x = a\ny = 1\n")) is None
