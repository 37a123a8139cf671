"""Ordinary typing calls for nothing, and looking for edits is quick."""

import random
import time
from pathlib import Path

import pytest
from pace import slowness

from infill_lsp.edits.next_edits.find import next_edits
from infill_lsp.edits.next_edits.history import History
from infill_lsp.syntax import languages
from infill_lsp.text.document import Document

ROOT = Path(__file__).parents[3]
PYTHON = languages.by_id("python")
SOURCES = sorted(it for it in (ROOT / "infill_lsp").glob("*/*.py") if it.stat().st_size > 2_000)
EACH = 7
"""Keys after which the person who types is taken to rest; at every key it would take minutes."""


def typed(text: str, start: int, end: int, chance: random.Random) -> list[str]:
    """Type a range of a text that lacks it, key by key, and return what is offered on the way, and after it."""
    document = Document("a.py", text[:start] + text[end:], PYTHON)
    history, offered = History(), []
    for at in range(start, end):
        after = document.edited(at, at, text[at])
        history, document = history.changed(document, after), after
        if at == end - 1 or chance.randrange(EACH) == 0:
            found = history.next_edits(document)
            offered += [f"{document.line(document.place(at)[0])!r}: {it.label}" for it in found]
            history = history.offering(document, found)
    return offered


@pytest.mark.parametrize("seed", range(8))
def test_typing_what_people_wrote_calls_for_nothing(seed: int) -> None:
    chance = random.Random(seed)
    for source in chance.sample(SOURCES, 6):
        text = source.read_text(encoding="utf-8")
        lines = text.splitlines(keepends=True)
        first = chance.randrange(len(lines) - 3)
        start = sum(map(len, lines[:first]))
        end = start + sum(map(len, lines[first : first + chance.randint(1, 3)]))
        assert typed(text, max(0, start - 1), max(0, end - 1), chance) == [], f"{source}:{first + 1}"


@pytest.mark.parametrize("seed", range(4))
def test_typing_the_rest_of_a_line_calls_for_nothing(seed: int) -> None:
    chance = random.Random(100 + seed)
    for source in chance.sample(SOURCES, 8):
        text = source.read_text(encoding="utf-8")
        line_end = text.find("\n", chance.randrange(len(text) - 200))
        start = chance.randint(text.rfind("\n", 0, line_end) + 1, line_end)
        assert typed(text, start, line_end, chance) == [], f"{source}:{text.count(chr(10), 0, start) + 1}"


FORMATTING = [("(", "(\n        "), (", ", ",\n    "), ("\n\n\n", "\n\n"), ("'", '"'), (" = ", "="), ("    ", "  ")]


@pytest.mark.parametrize(("old", "new"), FORMATTING)
def test_formatting_calls_for_nothing(old: str, new: str) -> None:
    chance = random.Random(old)
    for source in chance.sample(SOURCES, 8):
        text = source.read_text(encoding="utf-8")
        at = text.find(old, chance.randrange(len(text) // 2))
        before = Document("a.py", text, PYTHON)
        if at >= 0:
            assert next_edits(before, before.edited(at, at + len(old), new)) == (), f"{source}:{at}"


def long_text() -> str:
    """Return 2,000 lines of this project."""
    texts = (it.read_text(encoding="utf-8") for it in SOURCES)
    return "".join("\n\n".join(texts).splitlines(keepends=True)[:2_000])


def test_looking_is_quick_in_a_long_document() -> None:
    text, chance = long_text(), random.Random(1)
    starts = [it for it in range(len(text) - 9) if text.startswith(("self._", "document", "tree", "node"), it)]
    times = []
    for at in chance.sample(starts, 40):
        before = Document("a.py", text, PYTHON)
        after = before.edited(at, at + 4, "renamed")
        began = time.thread_time()
        next_edits(before, after)
        times.append((time.thread_time() - began) / slowness(1))
    assert sorted(times)[int(len(times) * 0.95)] < 0.1, "30 ms on an idle machine"


def test_a_key_in_a_long_document_costs_little() -> None:
    document, history = Document("a.py", long_text(), PYTHON), History()
    at = len(document.text) // 2
    times = []
    for number in range(200):
        after = document.edited(at + number, at + number, "x")
        began = time.thread_time()
        history, document = history.changed(document, after), after
        times.append(time.thread_time() - began)
    assert sorted(times)[100] / slowness() < 0.002


def test_nothing_is_looked_for_in_huge_documents() -> None:
    text = "x = 1\n" * 50_000
    before = Document("a.py", text, PYTHON)
    after = before.edited(0, 1, "y")
    began = time.thread_time()
    assert next_edits(before, after) == ()
    assert History().changed(before, after) == History()
    assert (time.thread_time() - began) / slowness() < 0.02
