"""What an edit makes improbable is found and written again: with a scripted model, and with the 0.5B where it is."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from marked_edits import documents

sys.path.insert(0, str(Path(__file__).parents[1]))
from fake_engine import read

from infill_lsp.edits.next_edits.edit import NextEdit
from infill_lsp.edits.remasking.drops import Edited, Readings, read_tokens
from infill_lsp.edits.remasking.remask import lost_ends, remasked
from infill_lsp.engine.client import Engine
from infill_lsp.engine.process import worker_command
from infill_lsp.settings.settings import EngineSettings
from infill_lsp.text.document import Document
from infill_model.catalogue import published
from infill_model.request import Fill, Options, Request, Timing, Token

PAINT = 'KIND = "⟦red→blue⟧"\n\n\ndef paint(wall):\n    wall.cover("red")\n    return wall\n'
ABOVE = 'def paint(wall):\n    wall.cover("red")\n    return wall\n\n\nKIND = "⟦red→blue⟧"\n'


class Scripted:
    """Reads as the scripted engine does, and writes one text; keeps what it was asked."""

    def __init__(self, text: str) -> None:
        self.text, self.sure = text, ""
        self.asked: list[tuple[Request, Options]] = []

    async def __call__(self, request: Request, options: Options) -> Sequence[Fill]:
        self.asked.append((request, options))
        if options.steps == 0 and options.start:
            fill = read(request, options.start[0])
            return [replace(fill, tokens=_sure(fill)) if self.sure and self.sure in fill.texts[0] else fill]
        return [Fill((self.text,), (), 0.5, None, 1, 1, Timing(0.0, 0.0, 0.0), "complete")]


def _sure(fill: Fill) -> tuple[Token, ...]:
    return tuple(replace(it, confidence=0.99) for it in fill.tokens)


def found(marked: str, text: str, language: str = "python") -> tuple[NextEdit, ...]:
    return asyncio.run(remasked(*documents(marked, language), Scripted(text)))


@pytest.mark.parametrize("marked", [PAINT, ABOVE], ids=["below", "above"])
def test_a_line_that_lost_a_word_is_written_again_from_there(marked: str) -> None:
    after = documents(marked)[1].text
    (edit,) = found(marked, 'blue")')
    assert (edit.change.start, edit.change.end) == (after.index('red")'), after.index('red")') + 5)
    assert (edit.change.text, edit.kind) == ('blue")', "model")
    assert edit.label.endswith('to `wall.cover("blue")`')


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('red")', "it is the old text"),
        ('green")', "it is no likelier"),
        ('blue"', "it breaks the syntax"),
        ("blue)", "it breaks the syntax"),
        ("blue + wall", "it leaves a bracket open"),
        ('blue", wall.undefined, nowhere)', "it is improbable"),
    ],
)
def test_nothing_worse_is_offered(text: str, why: str) -> None:
    assert found(PAINT, text) == (), why


def test_lines_that_lost_nothing_are_not_written() -> None:
    ask = Scripted("never")
    assert asyncio.run(remasked(*documents("x = ⟦1→2⟧\n\n\ndef paint(wall):\n    return wall\n"), ask)) == ()
    assert all(options.steps == 0 for _, options in ask.asked)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_tokens_have_their_places_whatever_the_line_ends_are(newline: str) -> None:
    states = [
        Document("a", it.text.replace("\n", newline), it.language)
        for it in documents(ABOVE + PAINT[PAINT.index("def") :])
    ]
    edited = Edited.of(*states)
    assert edited is not None
    tokens = asyncio.run(read_tokens(edited, Scripted("")))
    text = states[1].text
    assert tokens
    for it in tokens:
        assert text.startswith(it.text.split("\n")[0].rstrip("\r"), it.start)
        assert states[1].lines.number(it.start) == it.line


def test_an_edit_of_many_lines_is_left_alone() -> None:
    many = "x = 1\n" * 1_000
    assert found(f"⟦→{many}⟧y = 2\n", "z") == ()


def test_a_document_that_the_edit_fills_is_left_alone() -> None:
    assert found("⟦a→b⟧", "z") == ()


def test_a_file_of_long_lines_is_read_in_part() -> None:
    ask = Scripted("z")
    asyncio.run(remasked(*documents("x = '⟦a→b⟧'\n" + f"y = '{'word ' * 20_000}'\n"), ask))
    assert all(len(it.prefix) + len(it.suffix) + len((o.start or ("",))[0]) < 10_000 for it, o in ask.asked)


def test_at_most_two_lines_are_written() -> None:
    edited = Edited.of(*documents('KIND = "⟦red→blue⟧"\n' + 'cover("red")\n' * 5))
    assert edited is not None
    tokens = asyncio.run(read_tokens(edited, Scripted("")))
    assert len(lost_ends(edited.after, tokens)) == 2


def test_a_new_line_before_an_improbable_one_is_an_insertion() -> None:
    marked = "def ⟦red→blue⟧(it):\n    return it\n\n\nif True:\n    red(1)\n"
    before, after = documents(marked)
    ask = Scripted("print(1)")
    ask.sure = "print(1)\n    red"
    (edit,) = asyncio.run(remasked(before, after, ask))
    assert (edit.change.text, edit.change.start) == ("print(1)\n    ", edit.change.end)
    assert after.text[edit.change.start :].startswith("red(1)")


def test_the_larger_model_follows_an_annotation(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is used where the user's cache has it; tests see another cache and no published models."""
    monkeypatch.delenv("INFILL_PUBLISHED")
    monkeypatch.setenv("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    if not published.is_here("base-0.5b"):
        pytest.skip("base-0.5b is not in the cache: infill-lsp models use base-0.5b")
    marked = (
        "import tomllib\n\n\ndef load(path) -> ⟦dict→tuple[dict, list[str]]⟧:\n"
        '    with path.open("rb") as stream:\n        settings = tomllib.load(stream)\n'
        '    unknown = sorted(settings.keys() - {"host", "port", "debug"})\n    return settings\n'
    )

    async def session() -> tuple[NextEdit, ...]:
        async with Engine(worker_command(EngineSettings(model="base-0.5b"))) as engine:
            assert (await engine.ready()).reads
            return await remasked(*documents(marked), engine.ask)

    (edit,) = asyncio.run(session())
    assert edit.label.endswith("to `return settings, unknown`")


def test_what_stood_before_an_edit_is_read_once_while_one_types_on() -> None:
    ask, readings = Scripted("never"), Readings()
    before, begun, done = (Document("a", PAINT.replace("⟦red→blue⟧", it), None) for it in ("red", "bl", "blue"))
    assert asyncio.run(remasked(before, begun, ask, readings)) == ()
    read_at_first = [it for it, options in ask.asked if (options.start or ("",))[0].startswith("\n\ndef")]
    ask.asked.clear()
    ask.text = 'blue")'
    (edit,) = asyncio.run(remasked(before, done, ask, readings))
    assert edit.change.text == 'blue")'
    assert [it.prefix for it in read_at_first] == ['KIND = "red"\n', 'KIND = "bl"\n']
    assert ask.asked[0][0].prefix == 'KIND = "blue"\n'
    assert not any('KIND = "red"' in it.prefix for it, _ in ask.asked)


def test_readings_do_not_pile_up() -> None:
    ask, readings = Scripted("never"), Readings()
    states = [Document("a", PAINT.replace("⟦red→blue⟧", f"red, {it}")) for it in range(8)]
    for before, after in pairwise(states):
        asyncio.run(remasked(before, after, ask, readings))
    for states_asked, count in ((states[-2:], 0), (states[:2], 2)):
        ask.asked.clear()
        asyncio.run(remasked(*states_asked, ask, readings))
        assert len(ask.asked) == count


@pytest.mark.parametrize(
    ("marked", "edited"),
    [
        ("def fun(\n    a,\n⟦→    b,\n⟧    c,\n):\n", "    b,\n"),
        ("def fun(\n    a,\n⟦    b,\n→⟧    c,\n):\n", ""),
        ("a = 1\n⟦→b = 1\n⟧c = 1\n", "b = 1\n"),
        ("a = 1\nb = ⟦1→⟧\nc = 1\n", "b = \n"),
        ("a = 1\nb = ⟦1\nb = ⟧2\nc = 1\n".replace("⟧", "→⟧"), ""),
        ("a = 1\nb⟦ = 1\nc→⟧ = 1\nd = 1\n", ""),
        ("a = 1⟦→\nb = 1⟧", "a = 1\nb = 1"),
    ],
)
def test_a_line_beside_whole_lines_that_come_or_go_is_not_edited(marked: str, edited: str) -> None:
    found = Edited.of(*documents(marked))
    assert found is not None
    assert found.after.text[found.start : found.end].strip() == edited.strip()
    assert found.before.text[found.old_end :] == found.after.text[found.end :]
    assert found.before.text[: found.start] == found.after.text[: found.start]


@pytest.mark.parametrize(
    ("marked", "above", "below"),
    [
        (
            "x = 1\n\n\ndef f(total⟦→, rate⟧):\n    return a\n\n\nx = total\ny = 2\n",
            "",
            "    return a\n\n\nx = total\n",
        ),
        ("a = 1\nnet(1)\nb = 1\n\n\ndef net():\n    if b:\n        return ⟦1→2⟧\n\n\nc = 1\n", "net(1)…", ""),
        ("class Wall:\n    red: int\n⟦→    blue: int\n⟧\n\npaint = 1\nWall(1)\nb = 1\n", "class Wall:…", "…Wall(1)\n"),
        ("a = 1\nreturn_ = ⟦1→2⟧\nb = 1\n", "", ""),
        ("def fun() -> ⟦int→str⟧:\n    if a:\n\n        b()\n    return c\n\n\nd = 1\n", "", "    return c\n…"),
        ("def fun():\n    if a:\n⟦        total = 1\n→⟧    return total\ny = 1\n", "def fun():…", "…return total\n"),
        ("func 加(甲子⟦→, 乙丑⟧ int)\r\nb\r\nx = 甲子\r\ny = 1\r\n", "", "b\r\nx = 甲子\r\n"),
    ],
)
def test_only_lines_up_to_the_last_that_shares_a_name_are_read(marked: str, above: str, below: str) -> None:
    edited = Edited.of(*documents(marked))
    assert edited is not None
    read_above = edited.after.text[edited.low : edited.start]
    read_below = edited.after.text[edited.end : edited.high]
    assert read_above.startswith(above.removesuffix("…"))
    assert read_below.endswith(below.removeprefix("…")) or read_below.rstrip("\n").endswith(below.strip("\n…"))
    assert bool(read_above) is bool(above)
    assert bool(read_below) is bool(below)
