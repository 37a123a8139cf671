"""Text in, fills out: layout, growth, blocks, several gaps, candidates, and the autoregressive control."""

import math
import time
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pace import slowness

from infill_model.denoising.canvas import Canvas, Piece
from infill_model.embedded.autoregressive import token_log_probs
from infill_model.errors import StartError
from infill_model.infill.critic import Judge
from infill_model.infill.infiller import Infiller
from infill_model.infill.job import MORE_MASKS, FinalToken, Job, JobProgress
from infill_model.infill.layout import FIRST_MASKS
from infill_model.infill.structure import is_structural
from infill_model.request import Frame, Options, Request
from infill_model.vocabulary import DEL, END, LINE, MASK, MIDDLE, RESERVED, REST, SPECIAL_TOKENS, Vocabulary

REQUEST = Request("def load(path):\n    with open(", ") as file:\n        return json.load(file)\n")
TWO = Request("total = first(", ")\nprint(total)\n", between=(") + second(",))
QUICK = Options(unmask="threshold:0.001")


def test_the_same_seed_and_request_give_the_same_fill(infiller: Infiller) -> None:
    options = Options(n=3, seed=5)
    assert [it.texts for it in infiller.fill(REQUEST, options)] == [it.texts for it in infiller.fill(REQUEST, options)]


def test_structure_is_known_from_the_text_of_the_tokens(infiller: Infiller, vocabulary: Vocabulary) -> None:
    (name,) = vocabulary.encode("self")
    assert [is_structural(vocabulary, it) for it in (*vocabulary.encode("(\n"), DEL)] == [True, True, True]
    assert [is_structural(vocabulary, it) for it in (name, MASK, END)] == [False, False, False]
    assert any(is_structural(vocabulary, it) for it in vocabulary.encode("return") if it >= RESERVED)
    fill = infiller.fill(REQUEST, Options(unmask="structure:0.001:0.001", trace=True, retrieve=False))[0]
    first = [it.text for it in fill.trace[0].tokens if it.state == "committed"]
    assert all(is_structural(vocabulary, i) for text in first for i in vocabulary.encode(text))


def test_a_fill_does_not_depend_on_what_was_filled_before(infiller: Infiller, model_folder: object) -> None:
    first = infiller.fill(REQUEST, QUICK)[0].texts
    infiller.fill(TWO, QUICK)
    infiller.fill(replace(REQUEST, prefix=REQUEST.prefix + "pa"), QUICK)
    assert infiller.fill(REQUEST, QUICK)[0].texts == first


def test_batched_fills_equal_single_ones(infiller: Infiller) -> None:
    requests = [REQUEST, TWO, Request("x = ", "\n"), Request("", ""), Request("if x:\n    ", "\n", block=True)]
    together = infiller.fill_batch(requests, QUICK)
    assert [it.texts for it in together] == [infiller.fill(it, QUICK)[0].texts for it in requests]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prefix=st.text(max_size=60), suffix=st.text(max_size=60), block=st.booleans())
def test_nothing_but_text_reaches_the_text(infiller: Infiller, prefix: str, suffix: str, block: bool) -> None:
    fill = infiller.fill(Request(prefix, suffix, block=block), QUICK)[0]
    assert "".join(it.text for it in fill.tokens if not it.pinned) == fill.texts[0]
    assert "\ufffd" not in fill.texts[0]
    assert not any(token in fill.texts[0] for token in SPECIAL_TOKENS)
    assert 0 <= fill.confidence <= 1
    assert fill.stopped == "complete"


def test_how_sure_a_fill_is_is_how_probably_all_of_it_is_right(infiller: Infiller) -> None:
    fill = infiller.fill(REQUEST, replace(QUICK, retrieve=False))[0]
    assert len(fill.tokens) > 1
    assert fill.confidence == pytest.approx(math.prod(it.confidence for it in fill.tokens))


def test_two_gaps_are_filled_at_once_around_what_is_pinned(infiller: Infiller) -> None:
    fill = infiller.fill(TWO, QUICK)[0]
    assert len(fill.texts) == 2
    pinned = "".join(it.text for it in fill.tokens if it.pinned)
    assert pinned in (") + second(", "")  # Nothing pinned is shown when the last gap stays empty.
    whole = "".join(it.text for it in fill.tokens)
    assert whole == fill.texts[0] + pinned + fill.texts[1]


def test_gaps_too_far_apart_for_one_canvas_are_filled_in_turn(infiller: Infiller) -> None:
    between = ")\n" + "".join(f"value_{n} = compute({n})\n" for n in range(30)) + "y = ("
    apart = Request("x = (", ")\n", between=(between,))
    fill = infiller.fill(apart, QUICK)[0]
    first = infiller.fill(Request(apart.prefix, between + apart.suffix), QUICK)[0]
    second = infiller.fill(Request(apart.prefix + first.texts[0] + between, apart.suffix), QUICK)[0]
    assert fill.texts == (first.texts[0], second.texts[0])
    assert fill.steps == first.steps + second.steps
    assert "".join(it.text for it in fill.tokens) == first.texts[0] + between + second.texts[0]
    assert infiller.fill_batch([apart, REQUEST], QUICK)[0].texts == fill.texts


def written(ids: list[int], hole: int = 0) -> tuple[FinalToken, ...]:
    return tuple(FinalToken(i, 0.5, 1, hole) for i in ids)


def test_a_full_gap_grows_and_then_goes_on_in_a_next_block(infiller: Infiller) -> None:
    canvas = infiller.config.shape.canvas
    rest = infiller.vocabulary.encode(")")
    full = [RESERVED + 3] * (canvas - MORE_MASKS - len(rest))
    job = Job([20, 21], [Piece([MASK] * len(full), False), Piece(rest, True)])
    now = JobProgress(job, row=written(full) + written(rest, -1)).grown(8 * canvas, canvas)
    assert now is not None
    assert list(now.job.pieces[0].ids) == full + [MASK] * MORE_MASKS
    assert now.job.context == [20, 21]
    now = replace(now, row=written(full + [RESERVED + 4] * MORE_MASKS) + written(rest, -1)).grown(8 * canvas, canvas)
    assert now is not None
    assert now.job.context == [20, 21, *full, *[RESERVED + 4] * MORE_MASKS]
    assert list(now.job.pieces[0].ids) == [MASK] * (canvas - len(rest))
    assert list(now.job.pieces[1].ids) == rest
    assert now.blocks == 2
    now = replace(now, row=written([DEL] * (canvas - len(rest))) + written(rest, -1))
    assert now.grown(8 * canvas, canvas) is None


@pytest.mark.parametrize("block", [False, True])
def test_a_gap_starts_small_and_grows(infiller: Infiller, block: bool) -> None:
    job = infiller.layout.job(Request("x = ", "\n", block=block))
    assert len(job.pieces[0].ids) == FIRST_MASKS


def test_candidates_differ_and_are_ranked(infiller: Infiller) -> None:
    fills = infiller.fill(REQUEST, Options(n=4, unmask="threshold:0.001", temperature=1.0, retrieve=False))
    assert 1 < len(fills) <= 4
    assert len({it.texts for it in fills}) == len(fills)
    scores = [infiller.score(REQUEST, it.texts) for it in fills]
    assert [it.score for it in fills] == pytest.approx(scores)
    totals = [s * (len(infiller.vocabulary.encode(it.texts[0])) + 1) for s, it in zip(scores, fills, strict=True)]
    assert totals == sorted(totals, reverse=True)


def test_a_copy_wins_unless_the_model_is_surer_of_its_own(infiller: Infiller) -> None:
    line = "    result = transform(value, strict=True)\n"
    request = Request(f"def first(value):\n{line}\n\ndef second(value):\n    result = transform(", "\n")
    copied = infiller.fill(request, QUICK)[0]
    assert copied.retrieved
    assert copied.texts == ("value, strict=True)",)
    assert copied.forwards > 1
    long = Request(request.prefix.replace("value", "value_of_the_first_argument") + "value_of_the_first_argument", "\n")
    assert infiller.fill(long, QUICK)[0].forwards == 0  # Nothing else is tried beside a copy this probable.
    own = infiller.fill(request, replace(QUICK, retrieve=False))[0]
    assert not own.retrieved
    ranked = infiller.fill(request, replace(QUICK, n=2))
    # Random weights give no text of several tokens a probability near that of a copy matching over forty characters.
    assert [it.retrieved for it in ranked] == [True, False]
    assert ranked[1].texts != copied.texts


def test_several_gaps_start_from_copies_too(infiller: Infiller) -> None:
    line = "    total_of_the_invoice = the_first_part_of_it(order) + the_second_part_of_it(order)\n"
    request = Request(
        f"{line}    print()\n    total_of_the_invoice = the_first_part_of_it(",
        "\n",
        between=(" + the_second_part_of_",),
    )
    copied = infiller.fill(request, QUICK)[0]
    assert copied.retrieved
    assert copied.texts == ("order)", "it(order)")
    assert infiller.fill_batch([request, TWO], QUICK)[0].texts == copied.texts


def test_cancelled_fills_stop_within_a_step(infiller: Infiller) -> None:
    asked = []
    frames: list[Frame] = []

    def cancelled() -> bool:
        asked.append(None)
        return len(asked) > 2

    fill = infiller.fill(REQUEST, Options(unmask="top_k", retrieve=False), cancelled=cancelled, on_draft=frames.append)[
        0
    ]
    assert fill.stopped == "cancelled"
    assert fill.steps == 2


def test_the_budget_ends_a_fill_with_a_whole_draft(infiller: Infiller) -> None:
    fill = infiller.fill(REQUEST, Options(budget_ms=0.001, unmask="top_k", retrieve=False))[0]
    assert fill.stopped == "deadline"
    assert fill.steps == 1
    trace = infiller.fill(REQUEST, Options(budget_ms=0.001, unmask="top_k", trace=True, retrieve=False))[0].trace
    assert all(it.state != "masked" for it in trace[-1].tokens)


def test_the_trace_tells_every_step(infiller: Infiller) -> None:
    seen: list[Frame] = []
    fill = infiller.fill(REQUEST, Options(unmask="top_k", trace=True, retrieve=False), on_draft=seen.append)[0]
    assert len(fill.trace) == len(seen) == fill.steps == fill.forwards
    assert [it.step for it in fill.trace] == list(range(1, fill.steps + 1))
    last = fill.trace[-1].tokens
    assert "".join(it.text for it in last if it.state == "committed") == fill.texts[0]
    assert "".join(it.text for it in last if it.state == "pinned") == ") as file:"


def test_the_critic_judges_whole_texts_and_its_spans_come_back_as_positions(infiller: Infiller) -> None:
    encode = infiller.vocabulary.encode
    before = tuple(FinalToken(i, 0.9, 1, 0) for i in encode("a, "))  # An earlier block of the first gap.
    now = JobProgress(infiller.layout.job(TWO), before)
    left, right = encode("b"), encode("(c")
    pieces = [Piece([*left, DEL], False), Piece(encode(") + second("), True), Piece([*right, DEL, DEL], False)]
    canvas = Canvas.of([[*pieces, Piece(encode(")"), True)]])
    seen: list[list[str]] = []

    def critic(texts: list[str]) -> list[list[tuple[int, int]]]:
        seen.append(list(texts))
        return [[], [(0, 1)]]

    wrong = Judge(infiller.vocabulary, critic, [now])(canvas, 0)
    assert seen == [["a, b", "(c"]]
    first = canvas.hole[0].tolist().index(1)
    assert wrong.nonzero().flatten().tolist() == [first]
    full = Canvas.of([[Piece(left, False), *pieces[1:]]])
    assert not Judge(infiller.vocabulary, critic, [now])(full, 0).any()
    assert len(seen) == 1  # A gap that will still grow is not judged.


def totals(*asked: Any) -> list[float]:
    return [sum(it) for it in token_log_probs(*asked)]


def test_the_score_is_the_sum_of_what_the_encoder_says(infiller: Infiller) -> None:
    denoiser = infiller.denoiser
    context, rest, middle = [20, 21, 22], [30], [40, 41]
    row = [*context, REST, *rest, MIDDLE, *middle]
    states = denoiser.network.encode(torch.tensor([row]))[0]
    logs = denoiser.network.logits(states).log_softmax(-1)
    expected = logs[5, 40] + logs[6, 41] + logs[7, END]
    one = [float(expected.detach())]
    assert totals(denoiser, context, rest, [middle]) == pytest.approx(one, abs=1e-4)
    # It is the same beside others, and an empty gap has only its end.
    several = totals(denoiser, context, rest, [[50, 51, 52], middle, []])
    assert several[1:] == pytest.approx([*one, float(logs[4 + 1, END].detach())], abs=1e-4)
    assert totals(denoiser, context, rest, [[]]) == pytest.approx(several[2:], abs=1e-4)


def test_the_autoregressive_control_is_the_plain_greedy_loop(infiller: Infiller) -> None:
    fill = infiller.fill_autoregressively(REQUEST, Options(steps=6))
    network, vocabulary = infiller.denoiser.network, infiller.vocabulary
    below = "\n        return json.load(file)\n"
    row = [*infiller.layout.window.context(REQUEST.prefix, below), REST, *vocabulary.encode(") as file:"), LINE, MIDDLE]
    ids: list[int] = []
    while len(ids) < 6:
        logits = network.logits(network.encode(torch.tensor([row + ids]))[0, -1])
        logits[[i for i in range(RESERVED) if i != END]] = float("-inf")
        if int(logits.argmax()) == END:
            break
        ids.append(int(logits.argmax()))
    assert fill.texts[0] == vocabulary.decode(ids)


def test_a_huge_document_costs_no_more_than_its_window(infiller: Infiller) -> None:
    huge = Request("x = 1\n" * 200_000 + "y = ", "\n" + "z = 2\n" * 200_000)
    infiller.fill(huge, QUICK)
    started = time.perf_counter()
    infiller.fill(huge, QUICK)
    assert time.perf_counter() - started < 5 * slowness()


def test_a_fill_can_start_from_what_stands_there(infiller: Infiller) -> None:
    start = ("path, mode='r'",)
    options = Options(n=2, start=start, remask="revoke:1", unmask="threshold:0.001")
    fills = infiller.fill(REQUEST, options)
    assert {it.texts for it in fills} > {start}, "noise finds every token improbable, so the text is written anew"
    present = next(it for it in fills if it.texts == start)
    assert present.score == pytest.approx(infiller.score(REQUEST, start), abs=1e-4)
    assert 0 < present.confidence < 0.5
    assert all(it.step == 0 for it in present.tokens)
    assert [it.texts for it in infiller.fill(REQUEST, replace(options, n=1))] == [fills[0].texts]


def test_a_start_that_nothing_revises_is_the_one_fill(infiller: Infiller) -> None:
    fills = infiller.fill(TWO, Options(n=3, start=("a, b", "c"), remask="none"))
    assert [it.texts for it in fills] == [("a, b", "c")]
    assert infiller.fill_batch([TWO], Options(start=("a, b", "c")))[0].texts == ("a, b", "c")


@pytest.mark.parametrize(("start", "words"), [(("a", "b"), "per gap: 1, not 2"), (("word " * 200,), "the canvas has")])
def test_a_start_that_does_not_fit_is_refused(infiller: Infiller, start: tuple[str, ...], words: str) -> None:
    with pytest.raises(StartError, match=words):
        infiller.fill(REQUEST, Options(start=start))
