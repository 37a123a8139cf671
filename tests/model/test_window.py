"""The context of a gap fits, and does not move while a user types."""

from infill_model.infill.window import ContextWindow
from infill_model.vocabulary import ABOVE, BELOW, Vocabulary

TOKENS = 120


def test_the_context_begins_with_a_mark_and_fits(vocabulary: Vocabulary) -> None:
    window = ContextWindow(vocabulary, TOKENS)
    for lines in (0, 1, 10, 100):
        context = window.context("value = compute(1)\n" * lines, "\nprint(value)" * lines)
        assert context[0] == BELOW
        assert len(context) <= TOKENS
        assert ABOVE in context


def test_typing_does_not_move_what_stands_below(vocabulary: Vocabulary) -> None:
    window = ContextWindow(vocabulary, TOKENS)
    typed = "".join(f"value_{n} = compute({n})\n" for n in range(60))
    contexts = [window.context(typed[:end], "\nprint(1)\n" * 9) for end in range(0, len(typed), 7)]
    heads = {tuple(it[: it.index(ABOVE)]) for it in contexts}
    assert len(heads) == 1
