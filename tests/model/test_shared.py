"""Several requests at once: the same fills as alone, forwards that are shared, a cache for each document."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch

from infill_model.checkpoints.loading import shared
from infill_model.denoising.canvas import Canvas, Piece
from infill_model.embedded.denoiser import EmbeddedDenoiser
from infill_model.embedded.step_batch import ENCODINGS, SharedDenoiser, StepBatcher
from infill_model.infill.infiller import Infiller
from infill_model.infill.shared import SerialFiller, SharedInfiller
from infill_model.request import Fill, Options, Request
from infill_model.vocabulary import MASK, PAD

QUICK = Options(unmask="threshold:0.001")
REQUESTS = [
    Request("def load(path):\n    with open(", ") as file:\n        return json.load(file)\n"),
    Request("total = first(", ")\nprint(total)\n", between=(") + second(",)),
    Request("x = ", "\n"),
    Request("", ""),
    Request("if x:\n    ", "\n", block=True),
]


@pytest.fixture
def several(infiller: Infiller) -> Iterator[SharedInfiller]:
    it = SharedInfiller(infiller, documents=3)
    yield it
    it.close()


def without_times(fills: list[Fill]) -> list[tuple[object, ...]]:
    return [(it.texts, it.steps, it.stopped, pytest.approx(it.confidence, rel=1e-3)) for it in fills]


@pytest.mark.parametrize("options", [QUICK, Options(n=3, seed=5), Options(remask="revoke:0.05")], ids=str)
def test_together_each_gets_the_fills_it_gets_alone(
    infiller: Infiller, several: SharedInfiller, options: Options
) -> None:
    alone = [infiller.fill(it, options) for it in REQUESTS]
    with ThreadPoolExecutor(10) as pool:
        work = [pool.submit(several.fill, f"{n}", it, options) for n, it in enumerate(REQUESTS * 2)]
        together = [it.result() for it in work]
    assert [without_times(it) for it in together] == [without_times(it) for it in alone * 2]


def test_a_shared_forward_gives_the_logits_of_one_alone(infiller: Infiller) -> None:
    plain, batcher = EmbeddedDenoiser(infiller.denoiser.network), StepBatcher(infiller.denoiser.network)
    contexts = [[[300, 301, 302]], [[], [305] * 40], [[310] * 9]]
    canvases = [
        Canvas.of([[Piece([MASK] * width, pinned=False), Piece([320], pinned=True)] for width in widths])
        for widths in ([3], [2, 5], [1])
    ]
    wheres = [(it.ids != PAD) & ~it.pinned for it in canvases]
    expected = [
        plain.logits(plain.encode(own), canvas, where)
        for own, canvas, where in zip(contexts, canvases, wheres, strict=True)
    ]
    denoisers = [SharedDenoiser(batcher) for _ in contexts]
    encoded = [it.encode(own) for it, own in zip(denoisers, contexts, strict=True)]

    holds = threading.Event()

    def all_wait() -> None:
        """Keep the thread from its next step until each request waits for it: no machine is too slow for that."""
        holds.set()
        deadline = time.monotonic() + 60
        while len(batcher._steps) < 3 and time.monotonic() < deadline:
            time.sleep(0.001)

    with ThreadPoolExecutor(4) as pool:
        held = pool.submit(batcher.run, all_wait)
        assert holds.wait(60)
        found = list(pool.map(lambda n: denoisers[n].logits(encoded[n], canvases[n], wheres[n]), range(3)))
        held.result()
    batcher.close()
    for own, alone in zip(found, expected, strict=True):
        torch.testing.assert_close(own, alone, rtol=0, atol=1e-4)
    assert batcher.sizes[-1] == 4, "the rows of all three in one forward"


def test_a_step_waits_for_a_few_encodings_only(infiller: Infiller) -> None:
    batcher = StepBatcher(infiller.denoiser.network)
    denoiser = SharedDenoiser(batcher)
    context, canvas = denoiser.encode([[300]]), Canvas.of([[Piece([MASK] * 3, pinned=False)]])
    holds = threading.Event()

    def all_wait() -> None:
        holds.set()
        deadline = time.monotonic() + 60
        while (len(batcher._steps), len(batcher._work)) != (1, 10) and time.monotonic() < deadline:
            time.sleep(0.001)

    with ThreadPoolExecutor(12) as pool:
        held = pool.submit(batcher.run, all_wait)
        assert holds.wait(60)
        step = pool.submit(denoiser.logits, context, canvas, canvas.ids == MASK)
        forwards = sorted(pool.map(lambda _: batcher.run(lambda: batcher.forwards), range(10)))
        held.result()
        assert step.result().shape[0] == 3
    batcher.close()
    before = ENCODINGS - 1  # The first of them was `all_wait`.
    assert forwards == [0] * before + [1] * (10 - before)


def test_a_failure_in_a_shared_forward_is_that_request_alone(infiller: Infiller) -> None:
    batcher = StepBatcher(infiller.denoiser.network)
    denoiser = SharedDenoiser(batcher)
    with pytest.raises(ValueError, match="do not fit"):
        denoiser.encode([[300] * 10_000])
    assert denoiser.encode([[300]]).batch == 1
    batcher.close()


def test_a_document_keeps_what_was_encoded_of_it_and_the_oldest_is_dropped(several: SharedInfiller) -> None:
    request = REQUESTS[0]
    for name in "abcd":
        several.fill(name, request, QUICK)
    assert list(several._idle) == ["b", "c", "d"]
    several.fill("b", replace(request, prefix=request.prefix + "p"), QUICK)
    assert list(several._idle) == ["c", "d", "b"]
    cache = several._idle["b"][1]._caches[-1]
    assert cache.reused > 10, "the tokens before the one that was typed"


def test_a_request_waits_for_the_cancelled_one_before_it_and_uses_its_cache(several: SharedInfiller) -> None:
    several.fill("a", REQUESTS[0], QUICK)
    (_, denoiser) = several._idle["a"]
    holds, given_up = threading.Event(), threading.Event()

    def both_wait() -> None:
        holds.set()
        assert given_up.wait(60)

    with ThreadPoolExecutor(3) as pool:
        held = pool.submit(several._batcher.run, both_wait)
        assert holds.wait(60)
        old = pool.submit(several.fill, "a", REQUESTS[1], QUICK, cancelled=given_up.is_set)
        deadline = time.monotonic() + 60
        while not several._batcher._work and time.monotonic() < deadline:
            time.sleep(0.001)
        given_up.set()
        new = pool.submit(several.fill, "a", replace(REQUESTS[0], prefix=REQUESTS[0].prefix + "p"), QUICK)
        held.result()
        assert old.result() == [], "it was not even encoded"
        assert new.result()[0].stopped == "complete"
    assert several._idle["a"][1] is denoiser
    assert denoiser._caches[-1].reused > 10, "the tokens before the one that was typed"


def test_two_requests_of_one_document_do_not_wait_for_each_other(several: SharedInfiller) -> None:
    holds = threading.Event()

    def inner(_: object) -> None:
        holds.set()
        assert several.fill("a", REQUESTS[2], QUICK)[0].stopped == "complete"

    assert several.fill("a", REQUESTS[0], QUICK, on_draft=inner)
    assert holds.is_set()


def test_cancelled_fills_end_and_free_their_document(several: SharedInfiller) -> None:
    assert several.fill("a", REQUESTS[0], Options(), cancelled=lambda: True) == []
    drafts: list[object] = []
    options = Options(unmask="top_k", masks=16, steps=16, retrieve=False)
    several.fill("a", REQUESTS[0], options, cancelled=lambda: len(drafts) > 1, on_draft=drafts.append)
    assert len(drafts) == 3, "two, and one that says so"
    assert several.fill("a", REQUESTS[0], QUICK)[0].stopped == "complete"


def test_other_models_answer_one_request_after_the_other(infiller: Infiller) -> None:
    assert isinstance(shared(infiller), SharedInfiller)
    serial = SerialFiller(infiller)
    assert serial.fill("a", REQUESTS[0], QUICK, cancelled=lambda: True) == []
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda it: serial.fill("a", it, QUICK), REQUESTS))
    assert [it[0].texts for it in found] == [infiller.fill(it, QUICK)[0].texts for it in REQUESTS]
