"""A scripted typist before a suggestion: after any typing, undo or acceptance, the rest is shown or nothing."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infill_lsp.completion.shown import AHEAD, Shown, Suggestions, may_replace
from infill_lsp.suggestions.suggestion import Suggestion
from infill_lsp.text.document import Document, normalised

LEFT, RIGHT = "def f():\n    total = ", "\n    return total\n"
SUGGESTIONS = st.text(st.sampled_from("ab (),.\n\U0001f40d"), min_size=1, max_size=12)
ACTIONS = st.lists(st.sampled_from(["type", "wrong", "back", "word", "line", "all"]), max_size=40)


def act(action: str, typed: str, rest: str) -> str:
    """Return the text after the prefix once the typist, or the editor for them, has acted."""
    if action == "back":
        return typed[:-1]
    if action == "wrong":
        return typed + "~"
    if action == "type":
        return typed + (rest[:1] or "a")
    word = re.match(r"\s*\w+|\s*\W", rest)
    return typed + {"word": word[0] if word else rest, "line": rest.split("\n", 1)[0], "all": rest}[action]


@settings(max_examples=200, deadline=None)
@given(SUGGESTIONS, ACTIONS)
def test_a_typist(text: str, actions: list[str]) -> None:
    document = Document("a.py", LEFT + RIGHT)
    shown = Shown(document, Suggestion(len(LEFT), len(LEFT), text, 0.8))
    suggestions = Suggestions()
    suggestions.add(document, len(LEFT), [shown.suggestion])
    typed = ""
    for action in actions:
        left = shown.remaining(document, len(LEFT) + len(typed))
        new = act(action, typed, left.text if left else "")
        document = document.edited(len(LEFT), len(LEFT) + len(typed), new)
        typed, cursor = new, len(LEFT) + len(new)
        left = shown.remaining(document, cursor)
        assert (left is not None) == (text.startswith(typed) and text != typed)
        if left:
            assert document.edited(left.start, left.end, left.text).text == LEFT + text + RIGHT
            assert suggestions.find(document, cursor) == (left,)


def test_an_edit_elsewhere_ends_it_and_its_taking_back_restores_it() -> None:
    document = Document("a.py", LEFT + RIGHT)
    shown = Shown(document, Suggestion(len(LEFT), len(LEFT), "a + b", 0.8))
    assert shown.remaining(document.edited(0, 3, "class"), len(LEFT) + 2) is None
    assert shown.remaining(document.edited(len(document.text), len(document.text), "x"), len(LEFT)) is None
    assert shown.remaining(document, len(LEFT) - 1) is None
    assert shown.remaining(document, len(LEFT)) == shown.suggestion


def test_indentation_stays_to_be_replaced_while_the_line_is_typed() -> None:
    document = Document("a.py", "    if x:\n        y()\n        ")
    shown = Shown(document, Suggestion(22, 30, "    else:", 0.8))
    assert shown.remaining(document, 30) == shown.suggestion
    typed = document.edited(30, 30, "el")
    assert shown.remaining(typed, 32) == Suggestion(22, 32, "    else:", 0.8)
    assert shown.remaining(document.edited(30, 30, "x"), 31) is None


def test_brackets_that_the_editor_closes_become_a_part_of_the_range() -> None:
    document = Document("a.py", "x = \n")
    shown = Shown(document, Suggestion(4, 4, "f(a)", 0.8))
    assert shown.remaining(document.edited(4, 4, "f()"), 6) == Suggestion(6, 7, "a)", 0.8)
    assert shown.remaining(document.edited(4, 4, "f(]"), 6) is None


def test_the_text_between_two_gaps_stays_in_the_range() -> None:
    document = Document("a.py", "for  in :\n")
    shown = Shown(document, Suggestion(4, 8, "a in b", 0.8))
    assert shown.remaining(document.edited(4, 4, "a"), 5) == Suggestion(5, 9, " in b", 0.8)


def test_typed_line_ends_of_the_document() -> None:
    document = Document("a.py", "x\r\n")
    shown = Shown(document, Suggestion(3, 3, "y\nz", 0.8))
    typed = document.edited(3, 3, "y\r\n")
    left = shown.remaining(typed, 6)
    assert left == Suggestion(6, 6, "z", 0.8)
    assert normalised(typed.edited(left.start, left.end, left.text).text) == "x\ny\nz"


@pytest.mark.parametrize(
    ("new", "may"),
    [
        (Suggestion(4, 4, "a + b", 0.1), True),
        (Suggestion(4, 4, "a + b + c", 0.1), True),
        (Suggestion(4, 4, "a", 0.9), False),
        (Suggestion(4, 4, "b + c", 0.9), False),
        (Suggestion(3, 4, "a + b + c", 0.9), False),
    ],
)
def test_a_shown_suggestion_only_grows(new: Suggestion, may: bool) -> None:
    assert may_replace(Suggestion(4, 4, "a + b", 0.5), new) is may


def test_suggestions_are_found_where_the_same_text_stands() -> None:
    suggestions = Suggestions()
    document = Document("a.py", LEFT + RIGHT)
    suggestions.add(document, len(LEFT), [Suggestion(len(LEFT), len(LEFT), "a + b", 0.8)])
    far = Document("a.py", "#" * 5 + document.text)
    assert suggestions.find(far, len(LEFT) + 5) is None  # The text before it is shorter than the compared text.
    assert suggestions.find(Document("b.py", document.text), len(LEFT)) is None
    long = Document("a.py", "#" * 600 + document.text)
    suggestions.add(long, 600 + len(LEFT), [Suggestion(600 + len(LEFT), 600 + len(LEFT), "a + b", 0.8)])
    longer = Document("a.py", "#" * 5 + long.text)
    at = 605 + len(LEFT)
    assert suggestions.find(longer, at) == (Suggestion(at, at, "a + b", 0.8),)


def test_several_suggestions_those_that_go_on_as_typed_are_left() -> None:
    suggestions = Suggestions()
    document = Document("a.py", "x = \n")
    suggestions.add(document, 4, [Suggestion(4, 4, text, 0.8) for text in ("foo", "bar", "fuse")])
    assert suggestions.find(document.edited(4, 4, "f"), 5) == (
        Suggestion(5, 5, "oo", 0.8),
        Suggestion(5, 5, "use", 0.8),
    )
    assert suggestions.find(document.edited(4, 4, "z"), 5) is None
    suggestions.add(document.edited(4, 4, "z"), 5, [])
    assert suggestions.find(document.edited(4, 4, "z"), 5) == ()


def test_only_the_latest_are_remembered() -> None:
    suggestions = Suggestions(size=3)
    documents = [Document("a.py", f"{number}") for number in range(5)]
    for document in documents:
        suggestions.add(document, 1, [Suggestion(1, 1, "x" * (AHEAD + 1), 0.8)])
    assert [suggestions.find(it, 1) is not None for it in documents] == [False, False, True, True, True]
    assert len(suggestions) == 3
