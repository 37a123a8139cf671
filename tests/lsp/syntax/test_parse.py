"""Parsing with the help of earlier trees: what it gives is what parsing anew gives, sooner."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tree_sitter import Parser, Tree

from infill_lsp.syntax import languages
from infill_lsp.syntax import parse as module
from infill_lsp.syntax.languages import Language
from infill_lsp.syntax.parse import parse

PYTHON = languages.by_id("python")
assert PYTHON is not None
SAMPLES = sorted(Path(__file__).with_name("samples").iterdir())


def anew(data: bytes, language: Language) -> Tree:
    assert language.grammar is not None
    return Parser(language.grammar()).parse(data)


def everything(tree: Tree) -> list[tuple[str, int, int, tuple[int, int]]]:
    """Return each node of a tree with its place."""
    found, waiting = [], [tree.root_node]
    while waiting:
        node = waiting.pop()
        found.append((node.type, node.start_byte, node.end_byte, tuple(node.end_point)))
        waiting += node.children
    return found


def keys(text: str, dice: random.Random, lines: int) -> Iterator[str]:
    """Yield a text after each key with which a few of its lines are typed once more."""
    every = text.splitlines(keepends=True)
    for number in dice.sample([n for n, line in enumerate(every) if line.strip()], lines):
        for length in range(len(every[number])):
            yield "".join([*every[:number], every[number][:length] + "\n", *every[number + 1 :]])


@pytest.fixture(autouse=True)
def nothing_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_kept", ())
    monkeypatch.setattr(module, "LEAST", 100)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda it: it.name)
def test_each_key_gives_the_tree_that_parsing_anew_gives(sample: Path) -> None:
    language = languages.of_file(sample.name)
    if language is None or language.grammar is None:
        pytest.skip(f"there is no grammar for {sample.name} here")
    text = sample.read_text(encoding="utf-8")
    for typed in keys(text, random.Random(1), 4):
        data = typed.encode()
        assert everything(parse(data, language)) == everything(anew(data, language))


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 800), st.integers(0, 12), st.text("é日\U0001f40dx1( ):\n'\"", max_size=8)), max_size=8
    )
)
def test_any_edits_give_the_tree_that_parsing_anew_gives(edits: list[tuple[int, int, str]]) -> None:
    assert PYTHON is not None
    text = "def größe(a, b):\n    if a:\n        return '日本' + b\n    return [a, b]\n\n\n" * 10
    for at, gone, new in edits:
        text = text[:at] + new + text[at + gone :]
        data = text.encode()
        assert everything(parse(data, PYTHON)) == everything(anew(data, PYTHON))


def test_a_key_in_right_code_costs_a_part_of_parsing_anew() -> None:
    assert PYTHON is not None
    function = (
        "def total(prices, count):\n    found = [it for it in prices if it.price > count]\n    return sum(found)\n\n\n"
    )
    text = function * 100
    at = text.index("    return", len(text) // 2)
    spent = [0.0, 0.0]
    for number in range(40):
        data = f"{text[:at]}    value = {'x' * number}{number}\n{text[at:]}".encode()
        for side, how in enumerate((parse, anew)):
            started = time.thread_time()
            tree = how(data, PYTHON)
            spent[side] += time.thread_time() - started
            assert not tree.root_node.has_error
    assert spent[0] < 0.6 * spent[1]  # A quarter on an idle machine; both sides are measured in turn.


def test_few_trees_are_kept_and_none_with_errors() -> None:
    assert PYTHON is not None
    for number in range(20):
        parse(f"x = {number}\n".encode() * 50, PYTHON)
        parse(f"x = ({number}\n".encode() * 50, PYTHON)
    assert len(module._kept) == module.KEPT
    assert not any(it.tree.root_node.has_error for it in module._kept)
