"""The complete path of one request, with a real engine process that serves a scripted model."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
import fake_engine

from infill_lsp.completion.complete import complete
from infill_lsp.completion.question import Question, Selected, Surroundings, rebased
from infill_lsp.engine.client import Engine
from infill_lsp.settings.settings import RequestBudget, ServerSettings
from infill_lsp.suggestions.suggestion import Suggestion
from infill_lsp.syntax import languages
from infill_lsp.text.document import Document, Gap
from infill_model.request import Fill, Timing

PYTHON = languages.by_id("python")


def asked(
    text: str,
    *,
    invoked: bool = False,
    selected: tuple[str, str] | None = None,
    settings: ServerSettings | None = None,
    surroundings: Surroundings | None = None,
    on_why: Callable[[str], None] = lambda sentence: None,
) -> list[tuple[int, int, str]]:
    """Return the text inserted at `|`; `selected` is the text before it and the replacement selected for that."""
    offset = text.index("|")
    document = Document("a.py", text.replace("|", ""), PYTHON)
    chosen = Selected(Gap(offset - len(selected[0]), offset), selected[1]) if selected else None
    question = Question(document, offset, invoked, chosen)

    async def session() -> tuple[Suggestion, ...]:
        async with Engine(fake_engine.command()) as engine:
            await engine.ready()
            told = surroundings or Surroundings()
            return await complete(question, told, engine, settings or ServerSettings(), on_why)

    return [(it.start, it.end, it.text) for it in asyncio.run(session())]


def test_from_a_cursor_to_an_insertion() -> None:
    assert asked("# fill bee\nx = |\ny") == [(15, 15, "bee")]


def test_by_hand_there_are_several_and_none_twice() -> None:
    assert [text for *_, text in asked("# fill bee\nx = |\nbee1 = bee2 = bee3 = 0", invoked=True)] == [
        "bee",
        "bee1",
        "bee2",
        "bee3",
    ]
    assert [
        text for *_, text in asked("# fill bee\nx = |\nbee1 = 0", invoked=True, settings=ServerSettings(candidates=2))
    ] == [
        "bee",
        "bee1",
    ]


def test_fills_that_become_one_are_shown_once() -> None:
    assert [text for *_, text in asked("# blanks bee\nx = |", invoked=True)] == ["bee"]


def test_below_the_floor_there_is_nothing_unless_asked_by_hand() -> None:
    assert asked("# fill bee\nx = |", settings=ServerSettings(confidence=0.61)) == []
    assert asked("# fill bee\nx = |", settings=ServerSettings(confidence=0.61), invoked=True)
    assert asked("# fill bee\nx = |", settings=ServerSettings(confidence=0.59))


def test_an_empty_fill_is_nothing() -> None:
    assert asked("# fill \nx = |") == []


def test_what_breaks_the_syntax_is_not_shown() -> None:
    assert asked("# fill for for\nx = |") == []
    assert asked("# fill forty\nx = |")


def test_what_looks_like_a_key_is_not_shown() -> None:
    key = "ghp_" + "a8Kd03jFq7Zx1Lm5Vb9Nc2Rt6Yp4Ws0QeUh1"
    assert asked(f"# fill '{key}'\nx = |") == []
    assert asked("# fill 'the_name_of_a_thing'\nx = |")


def test_where_nothing_is_to_be_filled_nobody_is_asked() -> None:
    assert asked("# fill never\nva|lue = 1\n") == []


def test_an_engine_that_takes_too_long_is_nothing() -> None:
    assert asked("# slow\nx = |", settings=ServerSettings(budget=RequestBudget(automatic=20))) == []


def test_what_comes_before_the_document_is_in_front_of_its_text() -> None:
    assert asked("|", surroundings=Surroundings("# fill bee\r\nbee = 1\r\n")) == [(0, 0, "bee")]


def test_a_selected_completion_begins_the_insertion() -> None:
    assert asked("# fill (x)\nf.up|\n", selected=("up", "upper")) == [(13, 15, "upper(x)")]


SECRET = "ghp_" + "a8Kd03jFq7Zx1Lm5Vb9Nc2Rt6Yp4Ws0QeUh1"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("va|lue = 1\n", "The cursor is in the middle of a word."),
        ("# fill z\nx = |", "A fill is not shown: it is too short."),
        ("# fill for for\nx = |", "A fill is not shown: it breaks the syntax."),
        (f"# fill '{SECRET}'\nx = |", "A fill is not shown: it looks like a secret."),
        ("# slow\nx = |", "The engine found nothing in time."),
    ],
)
def test_why_nothing_is_shown_is_said(text: str, why: str) -> None:
    said: list[str] = []
    assert asked(text, on_why=said.append) == []
    assert said == [why]


def test_that_the_engine_is_not_sure_is_said() -> None:
    said: list[str] = []
    assert asked("# fill bee\nx = |", settings=ServerSettings(confidence=0.61), on_why=said.append) == []
    assert said == ["A fill is not shown: its confidence 0.60 is below 0.61."]


BEFORE = Document("a.py", "x = \ny = 1\n")
INSERTION = Suggestion(4, 4, "abc", 0.5)


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
def test_an_insertion_outlives_only_its_own_beginning(now: str, expected: Suggestion | None) -> None:
    assert rebased(INSERTION, BEFORE, Document("a.py", now)) == expected


def test_an_insertion_that_replaces_something_outlives_nothing() -> None:
    assert rebased(replace(INSERTION, start=0), BEFORE, Document("a.py", "x = a\ny = 1\n")) is None


def test_beside_others_a_suggestion_is_another_idea_and_likely() -> None:
    def fill(text: str, confidence: float) -> Fill:
        return Fill((text,), (), confidence, None, 1, 1, Timing(0.0, 0.0, 0.0), "complete")

    class Scripted:
        info = None

        async def ask(self, *_: object, **__: object) -> tuple[Fill, ...]:
            return (fill("total + 1", 0.001), fill("total", 0.5), fill("total - 1", 0.4), fill("total + 2", 0.001))

    document = Document("a.py", "total = 1\nx = \n", languages.by_id("python"))
    why: list[str] = []
    question = Question(document, 14, invoked=True)
    found = asyncio.run(complete(question, Surroundings(), Scripted(), ServerSettings(), why.append))
    assert [it.text for it in found] == ["total + 1", "total - 1"]
    assert why == ["A fill is not shown: it is no idea of its own, or an unlikely one."] * 2
