"""The part of a fill that is shown where the whole is not sure enough."""

import asyncio

import pytest

from infill_lsp.completion.complete import judged, target_of
from infill_lsp.completion.question import Question
from infill_lsp.suggestions.parts import SURE, sure_parts
from infill_lsp.syntax import languages
from infill_lsp.text.document import Document
from infill_model.request import Fill, Timing, Token

PYTHON = languages.by_id("python")


def fill(*tokens: tuple[str, float], confidence: float = 0.05, texts: tuple[str, ...] | None = None) -> Fill:
    made = tuple(Token(text, sure, 1, pinned=False) for text, sure in tokens)
    whole = ("".join(text for text, _ in tokens),) if texts is None else texts
    return Fill(whole, made, confidence, None, 1, 1, Timing(0, 0, 0), "complete")


def offered(text: str, one: Fill, floor: float = 0.2) -> tuple[str, float] | str:
    """What is offered at ¦, with its confidence, or why nothing is."""
    at = text.index("¦")
    question = Question(Document("a.py", text.replace("¦", ""), PYTHON), at, invoked=not floor)
    target = target_of(question)
    request = question.document.request(target.gaps, block=target.block)
    found = asyncio.run(judged(question.document, target, request, one, floor))
    return found.refused or (found.suggestion.text, round(found.suggestion.confidence, 3))


def test_parts_come_longest_first_with_their_own_probability() -> None:
    one = fill(("self", 0.9), (".", 0.9), ("total", 0.8), (" +", 0.9), (" 1", 0.2))
    assert [(text, round(sure, 3)) for text, sure in sure_parts(one, 0.3)] == [
        ("self.total +", 0.583),
        ("self.total", 0.648),
        ("self.", 0.81),
    ]


@pytest.mark.parametrize(
    "one",
    [
        fill(("to", 0.9), ("tal", 0.9), ("s", 0.1)),  # It would end within a word.
        fill(("total", 0.3), (" + 1", 0.9)),
        fill(("total", 0.9)),  # The whole is no part.
        fill((" ", 0.9), ("total", 0.1)),
        fill(("total", 0.9), (" + 1", 0.1), texts=("total", " + 1")),
        fill(texts=("total + 1",)),
        fill(("total", 0.9), ("+ 1", 0.1), texts=("total + 1",)),
    ],
)
def test_there_may_be_no_part(one: Fill) -> None:
    assert list(sure_parts(one, 0.3)) == []


CODE = "def f(values):\n    total = sum(values)\n    return ¦\n"


def test_a_sure_part_is_shown_while_the_user_types() -> None:
    one = fill(("total", 0.8), (" /", 0.3), (" values", 0.3))
    assert offered(CODE, one) == ("total", 0.8)


def test_a_part_keeps_the_users_floor() -> None:
    one = fill(("total", 0.8), (" /", 0.3), (" values", 0.3))
    assert offered(CODE, one, floor=0.9) == "its confidence 0.05 is below 0.90"


def test_by_hand_the_whole_is_shown() -> None:
    one = fill(("total", 0.8), (" *", 0.3), (" 2", 0.3), confidence=0.07)
    assert offered(CODE, one, floor=0.0) == ("total * 2", 0.07)


def test_a_part_is_judged_as_everything_is() -> None:
    assert offered(CODE, fill(("total", 0.8), (" *", 0.9), (" 2", 0.3))) == ("total", 0.8)  # ` *` breaks the syntax.
    assert offered(CODE, fill(("amount", 0.8), (" * 2", 0.3))) == "its confidence 0.05 is below 0.20"


def test_a_word_stands_in_for_a_fill_that_goes_wrong_after_it() -> None:
    one = fill(("al", 0.1), (" / amount", 0.1))
    text = "def f(values):\n    total = sum(values)\n    return tot¦\n"
    assert offered(text, one) == ("al", 0.9)
    assert offered(text, one, floor=0.95) == "its confidence 0.05 is below 0.95"
    assert offered(text, one, floor=0.0) == ("al", 0.9)


def test_a_word_is_completed_on_an_unfinished_line() -> None:
    text = "import sys\n\nif sys.argv:\n    print(1)\nif len(sys.ar¦\n"
    assert offered(text, fill(("gv", 0.9), (" + 1", 0.1))) == ("gv", 0.9)
    text = "def f(values, import_path):\n    return [imp¦\n"
    assert offered(text, fill(("ort", 0.9))) != ("ort", 0.9), "a keyword ends a name"


def test_a_part_stands_in_for_a_whole_that_is_refused() -> None:
    one = fill(("total", 0.8), (" + amount", 0.9), confidence=0.7)
    assert offered(CODE, one) == ("total", 0.8)
    assert SURE < 0.8
