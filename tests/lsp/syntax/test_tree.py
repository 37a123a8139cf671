"""The tree of a text, or of the part of a long text around a place."""

import argparse
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pace import slowness

from infill_lsp.syntax import languages
from infill_lsp.syntax.part import FAR, LONGEST, NEAR, WHOLE, last_match, part_around, parts
from infill_lsp.syntax.tree import SyntaxTree
from infill_lsp.text.document import Document

PYTHON = languages.by_id("python")
SOURCE = Path(argparse.__file__).read_text(encoding="utf-8")
LONG = Document("x", SOURCE.replace("parser", "pårser"), PYTHON)


def test_the_tree_of_an_edited_document_leaves_the_old_one_alone() -> None:
    before = Document("a.py", "é = '🐍'\nprint(é)\n", PYTHON, 1)
    old_tree = before.tree_at(0)
    assert old_tree is not None
    old = str(old_tree.root)
    after = before.edited(8, 8, "if é:\n    ", 2)
    assert after.text == "é = '🐍'\nif é:\n    print(é)\n"
    assert (after.version, after.language) == (2, PYTHON)
    tree = after.tree_at(20)
    assert tree is not None
    assert PYTHON is not None
    assert str(tree.root) == str(SyntaxTree.parse(after.text, PYTHON).root)
    assert str(old_tree.root) == old
    call = tree.smallest(20, 23)
    assert [after.text[a:b] for a, b in [tree.span(call)]] == ["print"]


def test_a_language_without_grammar_has_no_tree() -> None:
    assert Document("a.sql", "select 1", languages.by_id("sql")).tree_at(0) is None
    assert Document("a", "text").edited(0, 1, "n").tree_at(0) is None


@settings(deadline=None)  # A slow machine is not a fault of the code.
@given(st.integers(0, len(LONG.text)))
def test_the_part_around_a_place_counts_as_the_whole_does(offset: int) -> None:
    """Offsets are those of the document, and a token has the same place as in the tree of the whole."""
    part, whole = LONG.tree_at(offset), LONG.parsed()
    assert part is not None
    assert whole is not None
    assert part.part[1] - part.part[0] < len(LONG.text) / 3
    assert part.has(offset)
    node, same = part.smallest(offset, offset), whole.smallest(offset, offset)
    if node.child_count == same.child_count == 0:
        assert (node.type, part.span(node)) == (same.type, whole.span(same))
    assert LONG.text[slice(*part.span(node))].encode() == node.text


def test_a_part_begins_and_ends_at_outermost_definitions() -> None:
    for number in range(200, LONG.line_count - 200, 100):
        start, end = LONG.part_at(LONG.offset(number, 1))
        tree = LONG.parsed((start, end))
        assert tree is not None
        assert not tree.root.has_error, "nothing is open where it is cut"
        assert LONG.place(start)[1] == LONG.place(end)[1] == 1


@pytest.mark.parametrize("unit", ["x = 1\n", "    x = 1\n", "\n", "x", "é = '🐍'\r\n", "def f():\n    return 1\n"])
def test_a_part_is_never_large(unit: str) -> None:
    assert PYTHON is not None
    text = unit * (1_000_000 // len(unit))
    document = Document("x", text, PYTHON)
    for offset in (0, 1, len(text) // 2, len(text) - 1, len(text)):
        start, end = document.part_at(offset)
        assert 0 <= start <= offset <= end <= len(text)
        assert end - start <= 2 * FAR
        assert min(offset, NEAR) <= offset - start
        assert min(len(text) - offset, NEAR - 1_000) <= end - offset


def test_a_text_comes_in_parts_that_are_all_of_it() -> None:
    assert PYTHON is not None
    for text in ("", "x", SOURCE, "x" * 50_000, "\n" * 50_000):
        found = [*parts(text, PYTHON.definition)]
        assert "".join(text[start:end] for start, end in found) == text
        assert all(end - start <= LONGEST for start, end in found)


def test_all_places_of_a_line_have_the_same_part() -> None:
    for number in range(1, LONG.line_count, 37):
        start = LONG.offset(number, 1)
        assert LONG.part_at(start) == LONG.part_at(start + len(LONG.line(number)))


def test_a_short_text_is_parsed_whole() -> None:
    assert PYTHON is not None
    text = SOURCE[:WHOLE]
    assert part_around(text, 0, PYTHON.definition) == (0, len(text))
    assert part_around(text + "x", WHOLE, PYTHON.definition)[0] > 0


def test_a_tree_of_a_place_in_a_megabyte_takes_milliseconds() -> None:
    document = Document("x", "x = 1\n" * 170_000, PYTHON)
    assert document.place(len(document.text) // 2)[0] == 85_001
    took = []
    for at in range(500_000, 500_040, 6):
        started = time.thread_time()
        assert document.edited(at, at, "y").tree_at(at)
        took.append(time.thread_time() - started)
    assert sorted(took)[3] < 0.02 * slowness()


@given(st.integers(0, len(LONG.text)), st.integers(0, len(LONG.text)))
def test_the_last_match_is_the_last_of_all(first: int, last: int) -> None:
    assert PYTHON is not None
    starts = [it.start() for it in PYTHON.definition.finditer(LONG.text, first, last)]
    assert last_match(PYTHON.definition, LONG.text, first, last) == (starts[-1] if starts else None)
