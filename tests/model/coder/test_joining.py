import math

import pytest

from infill_model.coder import joining


@pytest.mark.parametrize(
    ("suffix", "rest"),
    [("l)\nx", "l)"), ("\nx", ""), ("  \nx", ""), ("", ""), ("a" * 40 + "\n", "a" * joining.LOOK)],
)
def test_the_rest_of_the_line(suffix: str, rest: str) -> None:
    assert joining.rest_of_line(suffix) == rest


def test_what_a_fill_repeats_of_the_rest_is_cut_in_one_more() -> None:
    assert joining.cut_back(["curl)", "x"], "l)") == ["curl)", "x", "cur"]
    assert joining.cut_back(["aa"], "aab") == ["aa", "a", ""]
    assert joining.cut_back(["x"], "") == ["x"]


def test_the_joined_text_decides_between_fills_and_not_whether_any_is_right() -> None:
    own = {"cu": math.log(0.33), "cur": math.log(0.26)}
    found = joining.weighed(own, {"cu": -14.7, "cur": -8.0})
    assert list(found) == ["cur", "cu"]
    assert sum(found.values()) == pytest.approx(0.59)
    assert joining.weighed({}, {}) == {}
