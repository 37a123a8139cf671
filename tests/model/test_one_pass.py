"""A fill is one pass: a request is laid out, encoded and run once, wherever its drafts come from."""

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from passes import counted

from infill_model.embedded.denoiser import CACHES
from infill_model.infill import job
from infill_model.infill.infiller import Infiller
from infill_model.request import Options, Request

QUICK = Options(unmask="threshold:0.001")
LINE = "    result = transform(value, strict=True)\n"
COPIED = Request(f"def first(value):\n{LINE}\n\ndef second(value):\n    result = transform(", "\n")
"""A copy is more likely here than what random weights write, but not so likely that nothing else is tried."""


@pytest.fixture(autouse=True)
def one_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow one block: random weights fill every canvas, and encoding a finished block would count as a pass."""
    monkeypatch.setattr(job, "MOST_BLOCKS", 1)


def objects(texts: Sequence[str]) -> list[list[tuple[int, int]]]:
    return [[(0, len(it))] for it in texts]


@pytest.mark.parametrize("n", [1, 4])
def test_a_request_is_laid_out_and_encoded_once(infiller: Infiller, n: int) -> None:
    with counted() as counts:
        fill = infiller.fill(COPIED, replace(QUICK, n=n, temperature=1.0))[0]
    assert fill.retrieved
    assert (counts["layouts"], counts["encodes"], counts["readings"]) == (1, 1, 1)
    assert counts["tokens"] == len(infiller.layout.job(COPIED).context)
    assert counts["steps"] >= fill.forwards  # Drafts side by side share their steps, and may end one after the other.
    assert n > 1 or counts["steps"] == fill.forwards


def test_a_copy_costs_no_step_but_those_of_the_draft_beside_it(infiller: Infiller) -> None:
    own = infiller.fill(COPIED, replace(QUICK, retrieve=False))[0]
    copied = infiller.fill(COPIED, QUICK)[0]
    assert (copied.retrieved, copied.steps, copied.forwards) == (True, 0, own.forwards)
    assert "".join(it.text for it in copied.tokens) == copied.texts[0]
    read = math.prod(it.confidence for it in copied.tokens)
    ended = infiller.score(COPIED, copied.texts) * (len(copied.tokens) + 1)
    assert math.exp(ended) < read < 1, "its tokens are as probable as the encoder read them, without the end"


def test_a_copy_that_nothing_outweighs_costs_nothing(infiller: Infiller) -> None:
    long = Request(COPIED.prefix.replace("value", "value_of_the_first_argument") + "value_of_the_first_argument", "\n")
    with counted() as counts:
        fill = infiller.fill(long, QUICK)[0]
    assert fill.retrieved
    assert (counts["layouts"], counts["encodes"], counts["readings"], counts["steps"]) == (1, 0, 0, 0)
    assert [it.confidence for it in fill.tokens] == [fill.confidence]


def test_a_copy_is_repaired_where_the_critic_objects_to_everything(infiller: Infiller) -> None:
    drafted = infiller.fill(COPIED, replace(QUICK, retrieve=False), critic=objects)[0]
    fill = infiller.fill(COPIED, QUICK, critic=objects)[0]
    assert fill.retrieved
    assert fill.steps > 1
    assert fill.forwards == drafted.forwards + fill.steps


def test_a_copy_goes_on_where_a_policy_may_revise_it(infiller: Infiller) -> None:
    fill = infiller.fill(COPIED, replace(QUICK, remask="revoke:0.0001"))[0]
    assert fill.retrieved
    assert fill.steps > 0


def test_each_context_of_a_batch_is_encoded_once(infiller: Infiller) -> None:
    requests = [Request(f"value_{n} = {n}\n{LINE}" * 4 + "    result = tr", "\n") for n in range(CACHES + 3)]
    requests += [replace(requests[0], prefix=requests[0].prefix + "a")]  # It shares what it can with the first.
    with counted() as counts:
        infiller.fill_batch(requests, QUICK)
    contexts = [infiller.layout.job(it).context for it in requests]
    assert counts["encodes"] == counts["layouts"] == len(requests)
    assert counts["tokens"] < sum(map(len, contexts))
    assert counts["readings"] == len(requests)


def test_a_gap_that_grows_is_not_encoded_again(infiller: Infiller) -> None:
    request = Request("x = ", "\n")
    with counted() as counts:
        fill = infiller.fill(request, replace(QUICK, retrieve=False, masks=1))[0]
    assert len(fill.tokens) > 1, "noise fills its only mask, so the gap grows"
    assert counts["look-ups"] == counts["encodes"] == 1


def test_what_stands_in_a_gap_is_read_beside_what_comes_of_it(infiller: Infiller) -> None:
    options = Options(n=2, start=("path, mode='r'",), remask="revoke:1", unmask="threshold:0.001")
    with counted() as counts:
        fills = infiller.fill(COPIED, options)
    assert (counts["layouts"], counts["encodes"], counts["readings"]) == (1, 1, 1)
    assert [it.forwards for it in fills] == [counts["steps"]] * 2


def test_how_sure_several_gaps_are_is_how_probably_all_of_them_are_right(infiller: Infiller) -> None:
    between = ")\n" + "".join(f"value_{n} = compute({n})\n" for n in range(30)) + "y = ("
    apart = Request("x = (", ")\n", between=(between,))
    options = replace(QUICK, retrieve=False)
    fill = infiller.fill(apart, options)[0]
    first = infiller.fill(Request(apart.prefix, between + apart.suffix), options)[0]
    second = infiller.fill(Request(apart.prefix + first.texts[0] + between, apart.suffix), options)[0]
    assert fill.confidence == pytest.approx(first.confidence * second.confidence)
