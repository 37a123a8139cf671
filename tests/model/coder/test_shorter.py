"""Several lines that went wrong: what they begin with is tried on its own, and improbable copies are no way out."""

import math
from collections.abc import Sequence

import pytest
from tiny_qwen2 import write_gguf

from infill_model.coder import one_gap
from infill_model.coder.drafting import Written
from infill_model.coder.infiller import CoderInfiller
from infill_model.coder.layout import RowBudget
from infill_model.packing.converted import convert, read
from infill_model.request import Fill, Options, Request, TextCritic

LINES = ("    total = 0", "    for item in items:", "        total += item", "    return (((")
TEXT = "\n".join(LINES)
ASKED = Request("def sum(items):\n", "\n\n\ndef clear(items):\n    items.clear()\n", block=True)


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory) -> CoderInfiller:
    folder = tmp_path_factory.mktemp("shorter")
    convert(write_gguf(folder / "tiny.gguf"), None, folder / "tiny.safetensors", "tiny")
    return CoderInfiller(read(folder / "tiny.safetensors"), "cpu", "float32", RowBudget(above=96, below=48))


def _objects_to(*wrong: str) -> TextCritic:
    def critic(texts: Sequence[str]) -> list[list[tuple[int, int]]]:
        return [[(0, len(it))] if any(part in it for part in wrong) else [] for it in texts]

    return critic


def _filled(model: CoderInfiller, asked: Request, *wrong: str, budget_ms: float | None = None) -> list[Fill]:
    """Fill a gap with a model that takes over any draft, and has `TEXT` as one."""
    model._written = Written(asked.prefix[:-1], (asked.suffix,), asked.prefix[-1] + TEXT)
    options = Options(n=40, retrieve=False, remask="verify:0", budget_ms=budget_ms)
    return model.fill(asked, options, critic=_objects_to(*wrong))


@pytest.fixture(autouse=True)
def _whole_drafts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A forward pass reads a whole draft, and other fills are not written."""
    monkeypatch.setattr(one_gap, "ROOM", 160)
    monkeypatch.setattr(one_gap, "LEAST_LIKELY", 2.0)


def test_lines_that_the_critic_objects_to_are_cut_where_it_does_not(exact: CoderInfiller) -> None:
    fills = _filled(exact, ASKED, "(((")
    found = {it.texts[0]: it.confidence for it in fills}
    cuts = ["\n".join(LINES[:it]) for it in (1, 2, 3)]
    assert set(cuts) <= set(found)
    for it in cuts:
        assert found[it] == pytest.approx(math.exp(exact.log_probability(ASKED, it)), rel=1e-3)
    right = [it.confidence for it in fills if "(((" not in it.texts[0]]
    assert right == sorted(right, reverse=True), "the most probable first"
    assert "(((" in fills[-1].texts[0], "with what was objected to at the end"
    assert all(it.stopped == "complete" for it in fills if it.texts[0] in cuts)


def test_lines_that_were_cut_off_are_cut_at_their_ends(exact: CoderInfiller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_gap, "LONGEST_BLOCK", len(exact.tokens.encode("\n".join(LINES[:2]))) + 3)
    first, *_, last = _filled(exact, ASKED)
    assert first.texts[0] in (LINES[0], "\n".join(LINES[:2]))
    assert (last.stopped, last.confidence) == ("steps", 0.0)


def test_without_time_for_it_nothing_is_cut(exact: CoderInfiller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_gap, "BESIDE", 10**9)
    (fill,) = _filled(exact, ASKED, "(((", budget_ms=600_000)
    assert "(((" in fill.texts[0]


@pytest.mark.parametrize("block", [True, False])
def test_lines_that_are_right_are_left_alone(exact: CoderInfiller, block: bool) -> None:
    asked = Request(ASKED.prefix, ASKED.suffix, block=block)
    wrong = () if block else ("total",)
    texts = [it.texts[0] for it in _filled(exact, asked, *wrong)]
    assert len(texts) == 1
    assert texts[0].startswith(TEXT if block else LINES[0])


def test_a_copy_that_is_far_less_probable_is_no_way_out(exact: CoderInfiller, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Request("def a(x):\n    return x.first\n\n\ndef b(x):\n    return x.", "\n\n\ndef c():\n    pass\n")
    greedy = exact.fill(asked, Options(retrieve=False))[0].texts[0]
    critic = _objects_to(greedy)
    assert not any(it.retrieved for it in exact.fill(asked, Options(n=40), critic=critic))
    monkeypatch.setattr(one_gap, "BEHIND", 1000.0)
    assert exact.fill(asked, Options(n=40), critic=critic)[0].retrieved
