"""Positions in three encodings, and edits: against a client that computes them in another way."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lsprotocol import types

from infill_lsp.errors import PositionError
from infill_lsp.server import convert
from infill_lsp.suggestions.suggestion import Suggestion
from infill_lsp.syntax import languages
from infill_lsp.syntax.tree import SyntaxTree
from infill_lsp.text.document import Document

ENCODINGS = ("utf-8", "utf-16", "utf-32")
BYTES = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}
PIECES = (
    "a",
    " ",
    "\n",
    "\r\n",
    "\r",
    "é",
    "e\u0301",
    "😀",
    "\u2028",
    "\x0b",
    "\x0c",
    "\x85",
    "def f():\n    ",
    "(",
    "'",
)

texts = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


def lines_with_ends(text: str) -> list[str]:
    """Return the lines as the protocol defines them: only `\\n`, `\\r\\n` and `\\r` end a line."""
    lines, line = [], ""
    for character, following in zip(text, [*text[1:], ""], strict=False):
        line += character
        if character == "\n" or (character == "\r" and following != "\n"):
            lines.append(line)
            line = ""
    return [*lines, line]


def expected_position(text: str, offset: int, encoding: str) -> types.Position:
    codec, width = BYTES[encoding]
    for number, line in enumerate(lines := lines_with_ends(text)):
        if offset < len(line) or number == len(lines) - 1:
            return types.Position(number, len(line[:offset].encode(codec)) // width)
        offset -= len(line)
    raise AssertionError


def offsets(text: str) -> list[int]:
    """Return all offsets a client may name: all except those between the two halves of a line end."""
    return [it for it in range(len(text) + 1) if text[it - 1 : it + 1] != "\r\n" or it == 0]


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(text=texts, data=st.data())
def test_there_and_back(encoding: str, text: str, data: st.DataObject) -> None:
    document = Document("a", text)
    offset = data.draw(st.sampled_from(offsets(text)))
    position = convert.position_of(document, offset, encoding)
    assert position == expected_position(text, offset, encoding)
    assert convert.offset_of(document, position, encoding) == offset


@pytest.mark.parametrize(
    ("encoding", "character", "offset"),
    [("utf-8", 1, 0), ("utf-8", 3, 0), ("utf-8", 4, 1), ("utf-16", 1, 0), ("utf-16", 2, 1), ("utf-32", 1, 1)],
)
def test_within_a_character_is_before_it(encoding: str, character: int, offset: int) -> None:
    assert convert.offset_of(Document("a", "😀x"), types.Position(0, character), encoding) == offset


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_outside_is_the_nearest_place_or_refused(encoding: str) -> None:
    document = Document("a", "é1\r\n22")
    assert convert.offset_of(document, types.Position(0, 99), encoding) == 2
    assert convert.offset_of(document, types.Position(9, 1), encoding) == 6
    assert convert.checked_offset(document, types.Position(1, 99), encoding) == 6
    with pytest.raises(PositionError, match="line 10 does not exist"):
        convert.checked_offset(document, types.Position(9, 1), encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_empty_document_has_one_place(encoding: str) -> None:
    document = Document("a", "")
    assert convert.offset_of(document, types.Position(0, 0), encoding) == 0
    assert convert.position_of(document, 0, encoding) == types.Position(0, 0)


@settings(max_examples=300, deadline=None)
@given(text=texts, seed=st.integers(0, 2**32), encoding=st.sampled_from(ENCODINGS), count=st.integers(1, 8))
def test_changes_keep_text_and_tree(text: str, seed: int, encoding: str, count: int) -> None:
    dice = random.Random(seed)
    document = Document("a", text, languages.by_id("python"))
    changes: list[types.TextDocumentContentChangeEvent] = []
    for _ in range(count):
        if dice.random() < 0.1:
            text = "".join(dice.choices(PIECES, k=5))
            changes.append(types.TextDocumentContentChangeWholeDocument(text))
            continue
        start, end = sorted(dice.choices(offsets(text), k=2))
        new = "".join(dice.choices(PIECES, k=dice.randrange(4)))
        range_ = types.Range(expected_position(text, start, encoding), expected_position(text, end, encoding))
        changes.append(types.TextDocumentContentChangePartial(range_, new))
        text = text[:start] + new + text[end:]
    document = convert.changed(document, changes, 2, encoding)
    assert (document.text, document.version) == (text, 2)
    tree = document.parsed()
    assert tree
    assert document.language
    assert str(tree.root) == str(SyntaxTree.parse(text, document.language).root)


def test_the_ends_of_a_range_that_ends_before_it_starts_are_swapped() -> None:
    change = types.TextDocumentContentChangePartial(types.Range(types.Position(0, 2), types.Position(0, 1)), "x")
    assert convert.changed(Document("a", "abc"), [change], 2, "utf-8").text == "axc"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_item_says_what_it_replaces(encoding: str) -> None:
    document = Document("a", "é = f(😀)\n")
    item = convert.inline_item(document, Suggestion(6, 8, "😀, 2)", 0.5), encoding)
    assert item.insert_text == "😀, 2)"
    assert item.filter_text is None
    assert item.range == types.Range(
        expected_position(document.text, 6, encoding), expected_position(document.text, 8, encoding)
    )


def test_replaced_indentation_begins_the_text_to_compare_with() -> None:
    document = Document("a", "if a:\n        ")
    item = convert.inline_item(document, Suggestion(6, 14, "    return", 0.5), "utf-16")
    assert item.range == types.Range(types.Position(1, 0), types.Position(1, 8))
    assert item.filter_text == "        return"


def request(**context: object) -> convert.Message:
    return {"method": "textDocument/inlineCompletion", "params": {"context": context}}


def test_kinds_that_count_from_zero() -> None:
    assert convert.old_dialect(request(triggerKind=0))
    assert not convert.old_dialect(request(triggerKind=1))
    assert convert.in_new_dialect(request(triggerKind=0)) == request(triggerKind=1)
    assert convert.in_new_dialect(request(triggerKind=1)) == request(triggerKind=2)


def test_a_range_that_is_an_array() -> None:
    start, end = {"line": 1, "character": 2}, {"line": 1, "character": 4}
    old = request(triggerKind=1, selectedCompletionInfo={"range": [start, end], "text": "ab"})
    assert convert.old_dialect(old)
    new = request(triggerKind=2, selectedCompletionInfo={"range": {"start": start, "end": end}, "text": "ab"})
    assert convert.in_new_dialect(old) == new


@pytest.mark.parametrize("params", [None, 3, [], {}, {"context": None}, {"context": {"selectedCompletionInfo": 3}}])
def test_what_makes_no_sense_stays_as_it_is(params: object) -> None:
    message = {"method": "textDocument/inlineCompletion", "params": params}
    assert not convert.old_dialect(message)
    assert convert.in_new_dialect(message) == message


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_item_of_the_list_begins_with_the_word_at_the_cursor(encoding: str) -> None:
    document = Document("a.py", "é = 1\nprint(é_naïve.tot)\n")
    item = convert.completion_item(document, Suggestion(23, 23, "al()", 0.5), encoding)
    assert (item.label, item.filter_text) == ("total()", "total()")
    assert isinstance(item.text_edit, types.TextEdit)
    assert item.text_edit.new_text == "total()"
    start, end = (expected_position(document.text, it, encoding) for it in (20, 23))
    assert item.text_edit.range == types.Range(start, end)
