"""Drafts from the n-grams of a row."""

from infill_model.coder.ngrams import MOST, Ngrams


def test_what_followed_the_last_tokens_before_is_drafted() -> None:
    assert Ngrams([1, 2, 3, 4, 9, 1, 2]).drafts([]) == [[3, 4, 9]]


def test_tokens_written_behind_the_row_count_as_its_end_and_as_a_source() -> None:
    assert Ngrams([1, 2, 3, 9]).drafts([5, 1, 2])[0][:2] == [3, 9]
    assert Ngrams([9, 9]).drafts([1, 2, 3, 7, 1, 2])[0][0] == 3


def test_the_longer_match_is_drafted_and_of_two_alike_both() -> None:
    row = [7, 1, 2, 3, 0, 8, 1, 2, 4, 0, 7, 1, 2]
    assert {it[0] for it in Ngrams(row).drafts([])} == {3}  # 7, 1, 2 matches, and not just 1, 2.
    tied = Ngrams([5, 1, 2, 3, 6, 1, 2, 4, 0, 1, 2]).drafts([])
    assert {it[0] for it in tied} == {3, 4}


def test_tokens_that_end_the_gap_are_not_drafted_and_nothing_follows_them() -> None:
    assert Ngrams([1, 2, 3, 6, 1, 2], ends={6}).drafts([]) == [[3]]
    assert Ngrams([1, 2, 6, 5, 1, 2], ends={6}).drafts([]) == []


def test_where_nothing_repeats_nothing_is_drafted() -> None:
    for row in ([], [1], [1, 2], [1, 2, 3, 4]):
        assert Ngrams(row).drafts([]) == []


def test_the_tree_stays_small() -> None:
    """The longer the match, the longer the draft, but never longer than a forward pass can gain by."""
    same = list(range(100))
    short, long_ = (Ngrams([*same, 200, *same[60 : 60 + n]]).drafts([]) for n in (2, 20))
    assert len(short[0]) < len(long_[0]) <= MOST
