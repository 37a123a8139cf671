"""From an offer to an edit: with scripted fills, and with the engine that ships."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from edited import PYTHON, marked

from infill_lsp.edits.edit import Edit
from infill_lsp.edits.kept import keeps_words
from infill_lsp.edits.offer import Kind, Offer
from infill_lsp.edits.resolve import resolve
from infill_lsp.engine.client import Engine
from infill_lsp.engine.process import worker_command
from infill_lsp.errors import EngineDiedError, RequestRefusedError, StaleError
from infill_lsp.settings.settings import EngineSettings
from infill_lsp.syntax.errors import fault_count
from infill_lsp.text.document import Document
from infill_lsp.text.progress import Film
from infill_model.request import Fill, Options, Request, Timing, Token


def fill(*texts: str, score: float | None = None, sure: float = 0.9) -> Fill:
    tokens = tuple(Token(text, sure, 1, pinned=False) for text in texts)
    return Fill(texts, tokens, sure, score, 1, 1, Timing(0, 0, 0), "complete")


@dataclass(slots=True)
class Model:
    """Answers by the line before the first gap, and records its requests."""

    answers: Mapping[str, Sequence[Fill] | Exception] = field(default_factory=dict)
    asked: list[tuple[Request, Options]] = field(default_factory=list)

    async def __call__(self, request: Request, options: Options, *, on_draft: Film | None = None) -> Sequence[Fill]:
        self.asked.append((request, options))
        answer = self.answers.get(request.prefix.rpartition("\n")[2], ())
        if isinstance(answer, Exception):
            raise answer
        return answer


def made(text: str, kind: Kind, model: Model, budget_ms: float | None = None) -> tuple[str, Edit | None]:
    """Return the text with the edit applied."""
    document, start, end = marked(text)
    edit = asyncio.run(
        resolve(document, Offer(kind, document.name, document.version, start, end), model, budget_ms=budget_ms)
    )
    return applied(document, edit).text, edit


def applied(document: Document, edit: Edit | None) -> Document:
    for change in reversed(edit.changes if edit else ()):
        document = document.edited(change.start, change.end, change.text)
    return document


def test_a_body_gets_its_line_and_its_indentation() -> None:
    text, edit = made("def f(a):|\n\n\nx = 1\n", "fill_body", Model({"    ": [fill("    return a\n\n")]}))
    assert text == "def f(a):\n    return a\n\n\nx = 1\n"
    assert edit is not None
    assert (edit.version, edit.name, edit.label) == (3, "file:///a", "Fill this body")
    assert edit.description == "Changes line 1; the model is 90% sure."
    assert not edit.needs_confirmation


def test_a_document_keeps_its_line_ends() -> None:
    model = Model({"    ": [fill("b = a\n    return b")]})
    text, _ = made("def f(a):\r\n    pass|\r\n", "fill_body", model)
    assert text == "def f(a):\r\n    b = a\r\n    return b\r\n"
    assert "\r" not in model.asked[0][0].prefix + model.asked[0][0].suffix


def test_the_first_fill_that_parses_and_says_something_is_taken() -> None:
    answers = [fill("a b"), fill("  "), fill("a, b"), fill("c")]
    text, _ = made("a = b = 1\nx = f(|)\n", "fill_arguments", Model({"x = f(": answers}))
    assert text == "a = b = 1\nx = f(a, b)\n"
    assert made("x = f(|)\n", "fill_arguments", Model({"x = f(": answers[:2]}))[1] is None


def test_a_selection_that_stays_as_it_is_is_no_edit() -> None:
    document, start, end = marked("one = two = 1\n|total = one|\n")
    model = Model({"": [fill("total", "one"), fill("total", "two")]})
    edit = asyncio.run(resolve(document, Offer("rewrite_selection", document.name, 3, start, end), model))
    assert edit is not None
    assert [(it.text, document.text[it.start : it.end]) for it in edit.changes] == [("two", "one")]
    assert edit.needs_confirmation


def test_a_body_does_more_than_document_the_function() -> None:
    alone, more = fill('    """Say what."""\n'), fill('    """Say what."""\n    return a\n')
    assert made("def f(a):|\n\n\nx = 1\n", "fill_body", Model({"    ": [alone]}))[1] is None
    text, _ = made("def f(a):|\n\n\nx = 1\n", "fill_body", Model({"    ": [alone, more]}))
    assert text == 'def f(a):\n    """Say what."""\n    return a\n\n\nx = 1\n'


def test_a_repair_leaves_fewer_errors_or_is_none() -> None:
    broken = "x = f(1|\ny = 2\n"
    assert made(broken, "repair_syntax", Model({"x = f(1": [fill("("), fill(")")]}))[0] == "x = f(1)\ny = 2\n"
    assert made(broken, "repair_syntax", Model({"x = f(1": [fill("("), fill(",")]}))[1] is None
    model = Model({"x = f(1": [fill(")")]})
    made(broken, "repair_syntax", model)
    assert [options.start for _, options in model.asked] == [(")",)], "what is missing is where the fill starts"


@pytest.mark.parametrize(
    ("present", "texts", "kept"),
    [
        ("total + 1)", "(total + 1)", True),
        ("retrun total", "return total", True),
        ("def def f", "def f", True),
        ("print value", "print(value)", True),
        ("a = b = = c", "a = b = c", True),
        (")", "", True),
        ("total + tax", "total", False),
        ("total + tax", "total + text", False),
        ("retrun totl", "return total", False),
        ("f(a, b c)", "f(a, b)", False),
        ("a b", "b a", False),
        ("))))", "", False),
    ],
)
def test_a_repair_keeps_the_users_words(present: str, texts: str, kept: bool) -> None:
    assert keeps_words([present], [texts]) is kept


def test_a_repair_deletes_no_more_than_a_stray_bracket() -> None:
    assert made("x = (1))|\n", "repair_syntax", Model({"x = (1)": [fill("")]}))[0] == "x = (1)\n"
    assert (
        made("x = 1\nprint 'a long text'|\n", "repair_syntax", Model({"": [fill("")], "print": [fill("")]}))[1] is None
    )


def test_a_start_that_has_no_room_is_passed_over() -> None:
    text = "def f(a):\n    b = a + 1\n    return b * 2|\n"
    full = RequestRefusedError("the starting text needs 80 positions")
    model = Model({"    ": full})
    assert made(text, "suggest_edits", model)[1] is None
    assert len(model.asked) == 2
    with pytest.raises(RequestRefusedError):
        made("x = f(|)\n", "fill_arguments", Model({"x = f(": full}))


SUGGEST = "def f(a):\n    b = a + 1\n    return a * 2|\n"


@pytest.mark.parametrize(
    ("better", "expected"),
    [
        (fill("return b * 2", score=-1), "return b * 2"),
        (fill("return b * 2", score=-2.9), None),  # Hardly more probable.
        (fill("return b * 2", score=-1, sure=0.3), None),  # Probable, but the denoiser was not confident.
        (fill("return b * ", score=-1), None),  # Does not parse.
        (fill("", score=-1), None),
        (fill("return b * 2"), None),
    ],
)
def test_a_suggestion_parses_and_is_more_probable(better: Fill, expected: str | None) -> None:
    class Second(Model):
        async def __call__(self, request: Request, options: Options, *, on_draft: Film | None = None) -> Sequence[Fill]:
            self.asked.append((request, options))
            return [better, fill("return a * 2", score=-3)] if options.start == ("return a * 2",) else []

    model = Second()
    text, edit = made(SUGGEST, "suggest_edits", model)
    assert text == SUGGEST.replace("|", "").replace("return a * 2", expected or "return a * 2")
    assert {options.start for _, options in model.asked} == {("b = a + 1",), ("return a * 2",)}
    assert all(options.remask.startswith("revoke") for _, options in model.asked)
    if edit:
        assert edit.needs_confirmation
        assert "line 3" in edit.description


def test_a_model_that_scores_nothing_says_what_it_prefers_by_writing_it() -> None:
    class Endpoint(Model):
        async def __call__(self, request: Request, options: Options, *, on_draft: Film | None = None) -> Sequence[Fill]:
            present = fill(*(options.start or ()))
            return [fill("return b * 2"), present] if options.start == ("return a * 2",) else [present]

    assert made(SUGGEST, "suggest_edits", Endpoint())[0] == "def f(a):\n    b = a + 1\n    return b * 2\n"


def test_no_more_is_asked_when_time_is_up() -> None:
    model = Model()
    assert made(SUGGEST, "suggest_edits", model, budget_ms=0)[1] is None
    assert model.asked == []


def test_progress_is_told_before_each_attempt() -> None:
    document, start, end = marked(SUGGEST)
    seen: list[tuple[int, int]] = []
    offer = Offer("suggest_edits", document.name, 3, start, end)
    asyncio.run(resolve(document, offer, Model(), on_progress=lambda done, of: seen.append((done, of))))
    assert seen == [(0, 2), (1, 2)]


def test_stale_offers_are_refused_and_engine_errors_are_the_callers() -> None:
    document, start, end = marked("x = f(|)\n")
    offer = Offer("fill_arguments", document.name, 3, start, end)
    with pytest.raises(StaleError):
        asyncio.run(resolve(document.edited(0, 0, "", version=4), offer, Model()))
    with pytest.raises(EngineDiedError):
        asyncio.run(resolve(document, offer, Model({"x = f(": EngineDiedError("The engine ended.")})))


def test_an_edit_that_has_nothing_to_do_any_more_is_none() -> None:
    document = Document("a", "x = 1\n", PYTHON, 1)
    model = Model()
    for kind in ("fill_body", "fill_arguments", "repair_syntax", "rewrite_selection", "suggest_edits"):
        assert asyncio.run(resolve(document, Offer(kind, "a", 1, 2, 2), model)) is None
    assert model.asked == []


REAL: list[tuple[Kind, str, str | None]] = [
    ("repair_syntax", "def f(a):\n    x = foo(1|\n    return x\n", "x = foo(1)\n"),
    ("repair_syntax", "def f(a)|\n    return 1\n", "def f(a):\n"),
    ("fill_arguments", "def area(width):\n    return 2 * width\n\n\ndef total(width):\n    return area(|)\n", None),
    ("fill_body", "def size(self):\n    return self.size\n\n\ndef name(self):\n    pass|\n", None),
    ("fill_gap", "def size(self):\n    return self.size\n\n\ndef name(self):\n    return |\n", None),
    ("rewrite_selection", "def f(first, second):\n    |total = first + second|\n    return total\n", None),
    ("suggest_edits", "def f(first, second):\n    total = first + second\n    return self|\n", None),
]


def test_the_real_engine_makes_edits_that_parse() -> None:
    async def session() -> None:
        async with Engine(worker_command(EngineSettings(device="cpu", threads=1))) as engine:
            await engine.ready()
            for kind, text, expected in REAL:
                document, start, end = marked(text)
                tree = document.parsed()
                before = fault_count(tree) if tree else 0
                offer = Offer(kind, document.name, document.version, start, end)
                edit = await asyncio.wait_for(resolve(document, offer, engine.ask), 60)
                after = applied(document, edit)
                tree = after.parsed()
                assert tree is not None
                assert fault_count(tree) == 0 if edit else kind != "repair_syntax"
                assert before == 0 or kind == "repair_syntax"
                if edit:
                    assert after.text != document.text
                    assert 0 <= edit.confidence <= 1
                assert expected is None or expected in after.text

    asyncio.run(session())
