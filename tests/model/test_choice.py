"""The choice among different fills, against cases worked out by hand."""

import math

import pytest

from infill_model.infill.mixture import rank_by_mixture


def logs(**chances: float) -> dict[tuple[str, ...], float]:
    return {(text,): math.log(chance) for text, chance in chances.items()}


def test_without_copies_the_model_decides() -> None:
    assert list(rank_by_mixture(logs(a=0.1, b=0.3, c=0.2), {})) == [("b",), ("c",), ("a",)]


def test_a_copy_weighs_as_much_as_copies_like_it_are_right() -> None:
    said = logs(own=0.4, copy=0.0001)
    # 0.6 x 0.4 = 0.24 for the model's own text.
    assert list(rank_by_mixture(said, {("copy",): 0.4})) == [("copy",), ("own",)]
    assert rank_by_mixture(said, {("copy",): 0.4})[("copy",)] == pytest.approx(0.4, abs=1e-3)
    assert list(rank_by_mixture(said, {("copy",): 0.2})) == [("own",), ("copy",)]  # 0.8 x 0.4 = 0.32 beside 0.2.


def test_among_copies_the_model_has_a_say() -> None:
    said = logs(near=0.0001, other=0.16, own=0.1)
    # near 0.3 x 0.1 = 0.03 and other 0.2 x 0.63 = 0.13 share the 0.5 probability that one of them is right.
    assert list(rank_by_mixture(said, {("near",): 0.3, ("other",): 0.2})) == [("other",), ("near",), ("own",)]


def test_texts_too_long_for_a_probability_are_still_told_apart() -> None:
    assert list(rank_by_mixture({("a",): -900.0, ("b",): -800.0}, {})) == [("b",), ("a",)]
    assert next(iter(rank_by_mixture({("a",): -9000.0, ("b",): -8000.0}, {("a",): 0.1, ("b",): 0.1}))) == ("b",)
