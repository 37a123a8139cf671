"""Several gaps filled together, with probabilities worked out by hand; with the real model in test_fill.py."""

from collections.abc import Mapping, Sequence

import pytest

from infill_model.infill.beam import Hypothesis, Scored, beam_search
from infill_model.infill.infiller import Infiller
from infill_model.request import Options, Request

TWO = Request("for ", "\n", between=(" in rows: use(",))
FIRST = {"row": 0.4, "it": 0.6}
SECOND = {"row": {"row": 0.9, "x": 0.1}, "it": {"x": 0.5, "it": 0.3}}


def hypotheses(probabilities: Mapping[str, float], log_prob: float = 0.0) -> list[Hypothesis]:
    scored = (Scored((), (log_prob,)),)
    return [Hypothesis((text,), probability, scored) for text, probability in probabilities.items()]


def asked(request: Request, number: int) -> Sequence[Hypothesis]:
    if number == 0:
        assert (request.prefix, request.suffix, request.between) == ("for ", " in rows: use(\n", ())
        return hypotheses(FIRST)
    name = request.prefix.removeprefix("for ").removesuffix(" in rows: use(")
    assert request.suffix == "\n"
    return hypotheses(SECOND[name])


def test_what_a_later_gap_says_counts_for_an_earlier_one() -> None:
    best, *others = beam_search(TWO, asked, 3)
    assert best.texts == ("row", "row")  # 0.4 x 0.9 = 0.36; the likelier "it" comes to 0.6 x 0.5.
    assert best.probability == pytest.approx(0.36)
    assert best.scored == (Scored((), (0.0,)),) * 2
    assert [it.texts for it in others] == [("it", "x"), ("it", "it")]


def test_with_one_way_kept_each_gap_decides_for_itself() -> None:
    assert [it.texts for it in beam_search(TWO, asked, 1)] == [("it", "x")]


def test_texts_too_long_for_a_probability_are_told_apart() -> None:
    long = hypotheses({"a": 0.0}, -900.0) + hypotheses({"b": 0.0}, -800.0)
    assert beam_search(Request("x", "y"), lambda *_: long, 1)[0].texts == ("b",)


def test_a_gap_takes_a_copy_where_the_other_has_none(infiller: Infiller) -> None:
    request = Request("total = rate * hours\nleft = zq", "\n", between=(" + 1\ntotal = rate *",))
    texts = {it.texts[1] for it in infiller.fill(request, Options(n=8, unmask="threshold:0.001"))}
    assert " hours" in texts
