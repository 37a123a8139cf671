"""Lines of a text in chunks: equal to those of the text after any edits, at a cost that does not grow with its size."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pace import slowness

from infill_lsp.text import lines as module
from infill_lsp.text.lines import Lines

TEXTS = st.text(st.sampled_from("ab é日\U0001f40d\n\r\x0b\x0c\u2028\x85"), max_size=60)
EDITS = st.lists(st.tuples(st.integers(0, 80), st.integers(0, 30), TEXTS), max_size=6)


@pytest.fixture(params=[1, 2, 5, 4_096])
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use chunks so small that everything happens at their borders, and chunks of the usual size."""
    monkeypatch.setattr(module, "CHUNK", request.param)


def expected(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


@pytest.mark.usefixtures("chunk")
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS, EDITS)
def test_edited_lines_are_those_of_the_edited_text(text: str, edits: list[tuple[int, int, str]]) -> None:
    first = lines = Lines(text)
    before = text
    for at, gone, new in edits:
        start = min(at, len(text))
        end = min(start + gone, len(text))
        text = text[:start] + new + text[end:]
        lines = lines.edited(start, end, new)
        assert lines.length == len(text)
        assert [lines.line(it) for it in range(1, lines.count + 1)] == expected(text)
        assert lines.slice(start, len(text)) == text[start:]
    assert lines.text == text
    assert lines == Lines(text)
    assert first.text == before
    starts = [lines.start(it) for it in range(1, lines.count + 1)]
    assert [lines.number(it) for it in starts] == [*range(1, lines.count + 1)]
    assert all(lines.number(it) == sum(start <= it for start in starts) for it in range(len(text) + 1))
    ends = text.replace("\r\n", "2")
    counts = {"\n": ends.count("\n"), "\r\n": ends.count("2"), "\r": ends.count("\r")}
    assert counts[lines.newline] == max(counts.values())


@pytest.mark.usefixtures("chunk")
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS, st.integers(0, 60), st.integers(0, 10), TEXTS, st.booleans(), EDITS)
def test_what_has_changed_is_told(
    text: str, start: int, gone: int, new: str, shared: bool, edits: list[tuple[int, int, str]]
) -> None:
    start = min(start, len(text))
    end = min(start + gone, len(text))
    before = Lines(text)
    now = before.edited(start, end, new) if shared else Lines(text[:start] + new + text[end:])
    assert now.is_around(before, start, end)
    for at, count, other in edits:
        now = now.edited(min(at, now.length), min(at + count, now.length), other)
    longer = now.length >= len(text) - (end - start)
    same = now.text[:start] == text[:start] and now.text[now.length - len(text) + end :] == text[end:]
    assert now.is_around(before, start, end) == (longer and same)


def test_a_thousand_edits_of_a_megabyte_at_once_take_a_moment() -> None:
    """Editors that replace a word everywhere send edits this way."""
    lines = Lines("name = 1\n" * 110_000)
    started = time.thread_time()
    for number in range(100_000, 0, -100):
        start = lines.start(number)
        lines = lines.edited(start, start + 4, "other")
    assert lines.text.count("other") == 1_000
    assert time.thread_time() - started < 0.5 * slowness(), "0.1 s on an idle machine"
