"""Where an excerpt of another file stands in the context, and that it stays there."""

import pytest

from infill_model.vocabulary import ABOVE, BELOW, FILE, Vocabulary
from infill_model.window import Window

TOKENS = 120
FILES = ("def far():\n    pass\n", "def load(path):\n    return json.load(path)\n" * 20)


@pytest.fixture
def window(vocabulary: Vocabulary) -> Window:
    return Window(vocabulary, TOKENS, other_file=0.25)


def test_the_start_of_the_most_relevant_excerpt_comes_first(window: Window, vocabulary: Vocabulary) -> None:
    context = window.context("x = ", "\ny = 2\n", FILES)
    other = context[: context.index(BELOW)]
    assert other[0] == FILE
    assert context.count(FILE) == 1
    assert len(other) == TOKENS // 4
    assert FILES[-1].startswith(vocabulary.decode(other))
    assert context[len(other) :] == window.context("x = ", "\ny = 2\n")


def test_a_short_excerpt_takes_no_more_than_it_needs(window: Window, vocabulary: Vocabulary) -> None:
    context = window.context("x = ", "\n", ("pass\n",))
    assert vocabulary.decode(context[: context.index(BELOW)]) == "pass\n"


def test_the_context_begins_with_a_mark_and_fits(window: Window) -> None:
    for lines in (0, 1, 10, 100):
        for files in ((), FILES, ("",)):
            context = window.context("value = compute(1)\n" * lines, "\nprint(value)" * lines, files)
            assert context[0] in (FILE, BELOW)
            assert len(context) <= TOKENS
            assert ABOVE in context


def test_typing_does_not_move_the_excerpt(window: Window) -> None:
    typed = "".join(f"value_{n} = compute({n})\n" for n in range(60))
    contexts = [window.context(typed[:end], "\nprint(1)\n" * 9, FILES) for end in range(0, len(typed), 7)]
    heads = {tuple(it[: it.index(ABOVE)]) for it in contexts}
    assert len(heads) == 1


def test_without_a_share_there_is_no_excerpt(vocabulary: Vocabulary) -> None:
    assert Window(vocabulary, TOKENS, 0.0).context("x", "", FILES) == Window(vocabulary, TOKENS).context("x", "")
