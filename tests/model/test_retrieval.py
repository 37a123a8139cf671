"""Copies: their content, their source, and where they end."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pace import slowness

from infill_model.infill.retrieval import (
    LONGEST_MATCH,
    MOST_COPIES,
    Copy,
    copy_all,
    copy_continuation,
    different_copies,
)

CODE = "def area(shape):\n    return shape.width * shape.height\n\n"


def copied(text: str, *, block: bool = False, min_match: int = 4) -> str | None:
    """Return the copy for a text with `$0` at its gap."""
    prefix, suffix = text.split("$0")
    found = copy_continuation(prefix, suffix, block=block, min_match=min_match)
    return found.text if found else None


def test_the_rest_of_a_line_comes_from_the_same_line_above() -> None:
    assert copied(CODE + "def again(shape):\n    return shape.wid$0\n") == "th * shape.height"


def test_a_match_below_the_gap_serves_when_there_is_none_above() -> None:
    assert copied("def again(shape):\n    return shape.wid$0\n\n" + CODE) == "th * shape.height"


def test_the_longest_match_wins_over_the_nearest() -> None:
    assert copied("left = first.name\nright = second.name\nx.name = 1\nleft = first.$0\n") == "name"
    assert copied("a = alpha.one\nb = beta.two\nb = beta.two\na = alpha.$0\n") == "one"


def test_the_nearest_before_the_gap_wins_over_equally_long_ones() -> None:
    assert copied("call(1)\ncall(2)\ncall($0\ncall(3)\n", min_match=2) == "2)"


def test_a_match_above_wins_over_an_equally_long_one_below() -> None:
    assert copied("call(1)\n;call($0\ncall(3)\n") == "1)"


def test_the_copy_ends_where_the_line_goes_on_behind_the_gap() -> None:
    assert copied("print(first, second)\nprint(fir$0)\n") == "st, second"


def test_a_beginning_of_what_follows_is_enough_to_end_the_copy() -> None:
    assert copied("total = add(one, two) + 1\ntotal = add(o$0) * 7\n") == "ne, two"


def test_the_copy_ends_with_its_line_when_what_follows_never_occurs() -> None:
    assert copied("total = one, two\ntotal = o$0]\n") == "ne, two"


def test_one_line_unless_a_block_is_wanted() -> None:
    text = "if left:\n    a()\n    b()\nreturn 1\n\nif left:\n    $0\nreturn 1\n"
    assert copied(text) == "a()"
    assert copied(text, block=True) == "a()\n    b()"


def test_a_block_that_never_resumes_is_one_line() -> None:
    assert copied("if left:\n    a()\n    b()\n\nif left:\n    $0\nelse:\n", block=True) == "a()"


def test_the_next_line_of_a_block_is_found_as_a_whole_line_and_behind_blank_ones() -> None:
    text = "if left:\n    a()\n    return 12\n    return 1\n\nif left:\n    $0\n\n    return 1\n"
    assert copied(text, block=True) == "a()\n    return 12"


@pytest.mark.parametrize("text", ["$0", "x = $0\n", "\n\n$0\n\n", "abc$0", "value = 1\nother = 2\nabc$0\n"])
def test_nothing_to_copy(text: str) -> None:
    assert copied(text) is None


def test_a_copy_of_blanks_is_no_copy() -> None:
    assert copied("return\n\nreturn$0\n") is None


def test_matches_shorter_than_asked_for_are_none() -> None:
    assert copied("xy = 1\nzy$0\n", min_match=2) is None
    assert copied("xy = 1\nzy$0\n", min_match=1) == " = 1"


def test_a_copy_goes_no_further_than_max_chars() -> None:
    line = "values = [" + "1, " * 200 + "]\n"
    found = copy_continuation(line + "values = ", "\n", max_chars=7)
    assert found is not None
    assert found.text == "[1, 1, "


def slow_match(prefix: str, suffix: str) -> int:
    """Return the length of the longest match, found by trying each."""
    for length in range(min(LONGEST_MATCH, len(prefix)), 0, -1):
        key = prefix[-length:]
        before = any(prefix.startswith(key, at) for at in range(len(prefix) - length))
        if before or any(suffix.startswith(key, at) for at in range(len(suffix))):
            return length
    return 0


@given(st.text("ab\n ", max_size=90), st.text("ab\n ", max_size=60))
@example("a", "a")
@example("aa", "")
def test_the_longest_match_is_the_one_that_trying_all_lengths_finds(prefix: str, suffix: str) -> None:
    longest = slow_match(prefix, suffix)
    copy = copy_continuation(prefix, suffix, min_match=1)
    assert copy_continuation(prefix, suffix, min_match=longest + 1) is None
    assert copy == copy_continuation(prefix, suffix, min_match=max(1, longest))
    if copy is not None:
        key = prefix[-longest:]
        assert copy.match == len(key)
        assert key + copy.text in prefix or key + copy.text in suffix


@pytest.mark.parametrize("line", ["    value_{0} = compute(value_{1}, {0})\n", "    x = 1\n", " " * 39 + "\n"])
def test_two_thousand_lines_take_less_than_two_milliseconds(line: str) -> None:
    lines = [line.format(at, at * 7) for at in range(2000)]
    prefix, suffix = "".join(lines[:1000]) + "    value_77 = com", "\n" + "".join(lines[1000:])
    seconds = []
    for _ in range(9):
        start = time.perf_counter()
        copy_continuation(prefix, suffix)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.002 * slowness()


def test_the_chance_grows_with_the_match_and_depends_on_where_the_gap_is() -> None:
    within = [Copy("x", n).probability("    y = ", block=False) for n in (1, 20, 39, 40)]
    alone = [Copy("x", n).probability("a\n    ", block=False) for n in (1, 20, 39, 40)]
    assert within == sorted(within)
    assert alone == sorted(alone)
    assert all(a < b < 1 for a, b in zip(alone, within, strict=True))
    assert Copy("x", 40).probability("    y = ", block=True) < alone[1]


def test_the_match_is_counted() -> None:
    found = copy_continuation("value = first(1)\nother = first(", "\n", min_match=1)
    assert found == Copy("1)", len(" = first("))


def test_a_later_gap_may_continue_what_was_copied_into_an_earlier_one() -> None:
    line = "total = price.before + price.after\n"
    copies = copy_all([f"{line}print()\ntotal = price.", " + ", "\n"])
    assert [found.text for found, _ in copies if found] == ["before", "price.after"]
    assert [chance for _, chance in copies] == sorted(chance for _, chance in copies)  # The second match is longer.


def test_a_gap_without_a_copy_has_no_chance() -> None:
    assert copy_all(["abcdefgh", "!", ""])[0] == (None, 0.0)


def test_different_copies_come_with_longer_matches_first() -> None:
    text = "x.left = a1\nmax.left = a2\nx.left = a1\nself.x.left = a3\nnew.x.left = "
    found = different_copies(text, "\n")
    assert [(it.text, it.match, it.rank) for it in found] == [("a3", 10, 0), ("a1", 9, 1), ("a2", 9, 2)]
    chances = [it.probability(text, block=False) for it in found]
    assert chances == sorted(chances, reverse=True)


@given(prefix=st.text("ab =\n", max_size=40), suffix=st.text("ab =\n", max_size=20), block=st.booleans())
def test_the_first_of_different_copies_is_the_copy(prefix: str, suffix: str, block: bool) -> None:
    first = copy_continuation(prefix, suffix, block=block, min_match=1)
    found = different_copies(prefix, suffix, block=block)
    assert len({it.text.rstrip() for it in found}) == len(found) <= MOST_COPIES
    if first is not None:
        assert found[0] == first


def test_many_places_in_a_large_document_take_no_time() -> None:
    started = time.perf_counter()
    different_copies("    x = 1\n" * 400_000 + "    ", "\n")
    assert time.perf_counter() - started < 2 * slowness()
