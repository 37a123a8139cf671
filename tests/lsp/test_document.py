"""Lines, places and gaps of a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_lsp.errors import PositionError
from infill_lsp.syntax import languages
from infill_lsp.text.document import ABOVE, BELOW, Document, Gap, normalised

ENDS = ["\n", "\r\n", "\r"]
PYTHON = languages.by_id("python")
TEXTS = st.text(st.sampled_from("aé日\U0001f40d \t\n\r\x0b\x0c\u2028\x85"))


def test_places_count_code_points_from_one() -> None:
    document = Document("a.py", "é = 1\n日本 = \U0001f40d2\n")
    assert document.offset(1, 1) == 0
    assert document.offset(2, 3) == 8
    assert document.text[document.offset(2, 7)] == "2"
    assert document.offset(3, 1) == len(document.text)
    assert document.line(2) == "日本 = \U0001f40d2"
    assert document.line_count == 3


@given(TEXTS, st.data())
def test_offset_and_place_are_inverse(text: str, data: st.DataObject) -> None:
    document = Document("a.py", text)
    line = data.draw(st.integers(1, document.line_count))
    column = data.draw(st.integers(1, len(document.line(line)) + 1))
    offset = document.offset(line, column)
    assert document.place(offset) == (line, column)
    assert document.text[offset - column + 1 :].startswith(document.line(line))


@given(TEXTS)
def test_only_line_ends_end_lines(text: str) -> None:
    document = Document("a.py", text)
    lines = [document.line(number) for number in range(1, document.line_count + 1)]
    assert lines == normalised(text).split("\n")


@pytest.mark.parametrize(
    ("line", "column", "words"),
    [
        (0, 1, "line 0 does not exist; the document has 3 lines"),
        (4, 1, "line 4 does not exist"),
        (1, 0, "column 0 is outside line 1; its columns are 1 to 6"),
        (1, 7, "column 7 is outside"),
        (3, 2, "its columns are 1 to 1"),
    ],
)
def test_places_outside(line: int, column: int, words: str) -> None:
    with pytest.raises(PositionError, match=words):
        Document("a.py", "x = 1\r\ny\r\n").offset(line, column)


def test_a_gap_does_not_end_before_it_starts() -> None:
    document = Document("a.py", "x = 1\ny = 2\n", PYTHON)
    assert document.gap((1, 5), (2, 1)) == Gap(4, 6)
    assert document.gap((2, 5)) == Gap(10, 10)
    with pytest.raises(PositionError, match="ends before it starts"):
        document.gap((2, 1), (1, 5))


@given(
    st.lists(st.sampled_from(["x", "  y ", "", " ", "\x0c", "a\u2028b"]), max_size=300),
    st.sampled_from(ENDS),
    st.data(),
)
def test_lines_around_are_those_with_something_in_them_nearest_first(
    lines: list[str], end: str, data: st.DataObject
) -> None:
    document = Document("a.py", end.join(lines))
    every = [document.line(number) for number in range(1, document.line_count + 1)]
    number = data.draw(st.integers(1, document.line_count))
    assert [*document.lines_above(number)] == [it for it in reversed(every[: number - 1]) if it.strip()]
    assert [*document.lines_below(number)] == [it for it in every[number:] if it.strip()]


def test_marks_become_gaps() -> None:
    document, gaps = Document.with_marks("-", "a<gap>bé<gap>\nc<gap>")
    assert document.text == "abé\nc"
    assert gaps == (Gap(1, 1), Gap(3, 3), Gap(5, 5))
    assert document.pieces(gaps) == ["a", "bé", "\nc", ""]
    with pytest.raises(PositionError, match="contains no gap; write <gap>"):
        Document.with_marks("-", "x = 1\n")


def test_a_model_sees_newlines_and_the_file_gets_its_own() -> None:
    document = Document("a.py", "if x:\r\n    y\r\nz\r\n", PYTHON)
    gaps = [document.gap((2, 5), (2, 6))]
    request = document.request(gaps)
    assert (request.prefix, request.suffix) == ("if x:\n    ", "\nz\n")
    assert document.filled(gaps, ["a\nb\r\nc"]).text == "if x:\r\n    a\r\nb\r\nc\r\nz\r\n"


def test_lines_of_mixed_ends_stay_as_they_are() -> None:
    document = Document("a.py", "a\r\nb\nc\rd\n")
    assert document.newline == "\n"
    assert document.filled([document.gap((4, 2))], ["\ne"]).text == "a\r\nb\nc\rd\ne\n"
    assert Document("a.py", "a\r\nb\r\nc\n").newline == "\r\n"
    assert Document("a.py", "no end").newline == "\n"


@given(st.lists(TEXTS, min_size=2, max_size=4), st.data())
def test_filling_changes_nothing_but_the_gaps(pieces: list[str], data: st.DataObject) -> None:
    document, gaps = Document.with_marks("-", "<gap>".join(pieces))
    texts = [data.draw(TEXTS) for _ in gaps]
    filled = document.filled(gaps, texts).text
    assert filled.startswith(pieces[0])
    assert filled.endswith(pieces[-1])
    assert document.filled(gaps, [""] * len(gaps)).text == document.text
    own = [normalised(text).replace("\n", document.newline) for text in texts]
    assert len(filled) == len(document.text) + sum(map(len, own))
    at = 0
    for text in own:
        at = filled.index(text, at) + len(text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("def f():\n    <gap>\n", True),
        ("def f():  # why\n\n    <gap>\nx\n", True),
        ("def f():\n<gap>\n", True),
        ("def f():\n    return <gap>\n", False),
        ("def f():\n    <gap>return 1\n", False),
        ("x = 1\n<gap>\n", False),
        ("<gap>", False),
        ("x = <gap>\nif x:\n    <gap>\n", True),
    ],
)
def test_an_empty_line_in_a_new_block_wants_a_block(text: str, wanted: bool) -> None:
    document, gaps = Document.with_marks("-", text, PYTHON)
    assert document.request(gaps).block is wanted


def test_a_gap_of_several_lines_wants_a_block() -> None:
    document = Document("a.py", "x = 1\ny = 2\n", PYTHON)
    assert document.request([document.gap((1, 1), (2, 3))]).block
    assert not document.request([document.gap((1, 1), (1, 3))]).block


def test_a_placeholder_that_is_a_whole_body_wants_a_block() -> None:
    document = Document("a.py", "for x in y:\n    ...\n    x = ...\n", PYTHON)
    assert document.request([document.gap((2, 5), (2, 8))]).block
    assert not document.request([document.gap((3, 9), (3, 12))]).block


@pytest.mark.parametrize("unit", ["x = 1\n", "x", "x = 1\r\n", "\n"])
@pytest.mark.parametrize("at", [0.0, 0.3, 0.5, 1.0])
def test_a_model_is_given_what_is_near_in_a_long_document(unit: str, at: float) -> None:
    document = Document("a.py", unit * (1_000_000 // len(unit)), PYTHON)
    offset = int(at * len(document.text)) // len(unit) * len(unit)
    request = document.request([Gap(offset, offset)])
    above, below = normalised(document.text[:offset]), normalised(document.text[offset:])
    assert above.endswith(request.prefix)
    assert below.startswith(request.suffix)
    assert min(len(above), ABOVE * 0.8) <= len(request.prefix) <= 2 * ABOVE
    assert len(request.suffix) >= min(len(below), BELOW * 0.8)


def test_typing_seldom_moves_where_what_a_model_is_given_starts() -> None:
    """The lines of the context are encoded once, and again only where they change."""
    document = Document("a.py", "x = 1\n" * 200_000, PYTHON)
    starts = []
    for number in range(150_000, 150_400):
        offset = document.offset(number, 1)
        prefix = document.request([Gap(offset, offset)]).prefix
        starts.append(offset - len(prefix))
    assert len(set(starts)) <= 2
    assert all((document.place(it)[0] - 1) % 16 == 0 for it in starts), "as the model's window counts them"
