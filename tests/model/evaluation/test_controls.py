"""The controls, each compared with the model in the one thing in which they differ."""

from dataclasses import replace

from infill_model.evaluation.filling.baselines import Autoregressive
from infill_model.evaluation.filling.controls import InTurn, OracleLength, PlainLoop
from infill_model.infill.infiller import Infiller
from infill_model.request import Options, Request

REQUEST = Request("def load(path):\n    with open(", ") as file:\n        return json.load(file)\n")
TWO = Request("total = first(", ")\nprint(total)\n", between=(") + second(",))
QUICK = Options(unmask="threshold:0.001", retrieve=False)


def test_the_plain_loop_commits_one_token_a_step(infiller: Infiller) -> None:
    fill = PlainLoop(infiller).fill(REQUEST, QUICK)
    assert sorted(it.step for it in fill.tokens if not it.pinned) == sorted({it.step for it in fill.tokens})
    assert fill.steps >= len(fill.tokens)


def test_the_plain_loop_and_ours_agree_where_they_commit_alike(infiller: Infiller) -> None:
    one_by_one = replace(QUICK, unmask="top_k")
    assert PlainLoop(infiller).fill(REQUEST, one_by_one).texts == infiller.fill(REQUEST, one_by_one)[0].texts


def test_who_is_told_the_length_writes_just_that(infiller: Infiller) -> None:
    golds = {REQUEST: ("path, mode",), replace(REQUEST, block=True): ("path",)}
    for request, fill in zip(golds, OracleLength(infiller, golds).fill_batch(list(golds), QUICK), strict=True):
        wanted = len(infiller.vocabulary.encode(golds[request][0]))
        assert len([it for it in fill.tokens if not it.pinned]) == wanted


def test_what_has_no_room_is_filled_as_ever(infiller: Infiller) -> None:
    (fill,) = OracleLength(infiller, {REQUEST: ("x y " * 500,)}).fill_batch([REQUEST], QUICK)
    assert fill.texts == infiller.fill(REQUEST, QUICK)[0].texts


def test_gaps_in_turn_see_what_was_written_before(infiller: Infiller) -> None:
    (fill,) = InTurn(infiller.fill).fill_batch([TWO], QUICK)
    first = infiller.fill(replace(TWO, between=(), suffix=TWO.between[0] + TWO.suffix), QUICK)[0].texts[0]
    assert fill.texts[0] == first
    after = replace(TWO, prefix=TWO.prefix + first + TWO.between[0], between=())
    assert fill.texts[1] == infiller.fill(after, QUICK)[0].texts[0]


def test_left_to_right_fills_every_gap(infiller: Infiller) -> None:
    (fill,) = Autoregressive(infiller).fill_batch([TWO], QUICK)
    assert len(fill.texts) == 2
    after = replace(TWO, prefix=TWO.prefix + fill.texts[0] + TWO.between[0], between=())
    assert fill.texts[1] == infiller.fill_autoregressively(after, QUICK).texts[0]
