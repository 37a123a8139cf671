"""The distances equal those of the plain definition; the intervals cover the true mean as often as claimed."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from infill_model.evaluation.judging.metrics import (
    Interval,
    bootstrap,
    edit_similarity,
    exact_match,
    levenshtein,
    parses,
)


def plain_levenshtein(a: str, b: str) -> int:
    """Compute the textbook table, row by row."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        corner, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, corner + (x != y))
    return row[-1]


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("ab", "ba", 2), ("same", "same", 0)],
)
def test_known_distances(a: str, b: str, distance: int) -> None:
    assert levenshtein(a, b) == distance


@given(st.text("abc\n", max_size=80), st.text("abc\n", max_size=80))
@example("a" * 70, "b" + "a" * 69)
@example("é\U0001f600", "e\U0001f600")
def test_the_distance_is_the_tables(a: str, b: str) -> None:
    assert levenshtein(a, b) == plain_levenshtein(a, b)


def test_similarity_is_a_share_of_the_longer_text_and_the_mean_of_the_gaps() -> None:
    assert edit_similarity(["abcd"], ["abcx"]) == 0.75
    assert edit_similarity(["abcd", "x"], ["abcd", ""]) == 0.5
    assert edit_similarity(["a \n"], ["a"]) == 1.0
    assert edit_similarity([""], [" "]) == 1.0
    with pytest.raises(ValueError, match="zip"):
        edit_similarity(["a"], ["a", "b"])


def test_exact_match_forgives_white_space_at_the_end_and_nothing_else() -> None:
    assert exact_match(["x = 1\n"], ["x = 1  "])
    assert exact_match(["a", "b"], ["a", "b"])
    assert not exact_match(["a", "b"], ["a", "c"])
    assert not exact_match([" x = 1"], ["x = 1"])
    assert not exact_match(["a"], ["a", ""])


@pytest.mark.parametrize(
    ("text", "does"),
    [("x = 1\n", True), ("", True), ("'\\d'", True), ("x = ", False), ("\x00", False), ("(" * 5000, False)],
)
def test_parses(text: str, does: bool) -> None:
    assert parses(text) is does


def test_the_interval_of_a_certain_value_is_the_value() -> None:
    assert bootstrap([0.5] * 9) == Interval(0.5, 0.5, 0.5, 9)
    assert bootstrap([]) is None


def test_the_interval_repeats_itself() -> None:
    values = [float(at % 3 == 0) for at in range(50)]
    assert bootstrap(values) == bootstrap(values)
    assert bootstrap(values) != bootstrap(values, seed=1)


def test_the_interval_agrees_with_the_normal_approximation() -> None:
    values = [1.0] * 300 + [0.0] * 700
    interval = bootstrap(values)
    assert interval is not None
    half = 1.96 * (0.3 * 0.7 / 1000) ** 0.5
    assert interval.mean == 0.3
    assert abs(interval.low - (0.3 - half)) < 0.003
    assert abs(interval.high - (0.3 + half)) < 0.003


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(7)
    covered = 0
    for seed in range(200):
        interval = bootstrap(list(rng.random(60)), resamples=300, seed=seed)
        assert interval is not None
        covered += interval.low <= 0.5 <= interval.high
    assert 180 <= covered <= 199
