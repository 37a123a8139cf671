"""Several lines that are written past their end."""

import math

import pytest
from tiny_qwen2 import write_gguf

from infill_model.coder import one_gap
from infill_model.coder.infiller import CoderInfiller
from infill_model.coder.layout import RowBudget
from infill_model.coder.one_gap import OneGap
from infill_model.coder.repeating import LinesBelow
from infill_model.denoising.stop import Limits
from infill_model.packing.converted import convert, read
from infill_model.request import Frame, Options, Request

NO_LIMITS = Limits(160)
BELOW = "\n\n    return total\n\n\ndef clear(items):\n    items.clear()\n"
LOOP = "    total = 0\n    for item in items:\n        total += item"


@pytest.mark.parametrize(
    ("suffix", "text", "kept"),
    [
        (BELOW, f"{LOOP}\n    return total\n\n\ndef clear(items):\n", LOOP),
        (BELOW, f"{LOOP}\n\n    return total  \ndef clear(items):\n    pass", LOOP),
        (BELOW, f"{LOOP}\n    return total\n\n\ndef clear(items):", None),  # The last line may go on.
        (BELOW, f"{LOOP}\n    return total\n\n\ndef other(items):\n", None),
        (BELOW, f"{LOOP}\n        return total\n\n\ndef clear(items):\n", None),  # Elsewhere in the structure.
        ("\n    return total\n", f"{LOOP}\n    return total\n", LOOP),  # Nothing else is left.
        ("\n        }\n    }\n}\n", "x();\n        }\n    }\n}\n", None),  # Brackets repeat for good reasons.
        (") + 1\n    return total\n\n\ndef clear(items):\n", "x\n    return total\n\n\ndef clear(items):\n", None),
        ("\n    return total", "    return total\n", None),  # The first line began before the gap.
        ("", f"{LOOP}\n", None),
        ("\n" + "x" * 5000 + "\n", f"{LOOP}\n" + "x" * 5000 + "\n", None),
    ],
)
def test_a_text_repeats_what_is_below_or_not(suffix: str, text: str, kept: str | None) -> None:
    cut = LinesBelow.of(suffix).repeated_from(text)
    assert (cut if cut is None else text[:cut]) == kept


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory) -> CoderInfiller:
    folder = tmp_path_factory.mktemp("repeating")
    convert(write_gguf(folder / "tiny.gguf"), None, folder / "tiny.safetensors", "tiny")
    return CoderInfiller(read(folder / "tiny.safetensors"), "cpu", "float32", RowBudget(above=96, below=48))


@pytest.fixture(autouse=True)
def _whole_drafts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A forward pass reads a whole draft."""
    monkeypatch.setattr(one_gap, "ROOM", 160)


@pytest.mark.parametrize("block", [True, False])
def test_several_lines_end_where_they_repeat_the_code_below(exact: CoderInfiller, block: bool) -> None:
    """A model that takes over any draft writes one that goes past its end."""
    asked = Request("def sum(items):\n", BELOW, block=block)
    cache = exact._opened(asked.prefix, (asked.suffix,), (), NO_LIMITS)
    assert cache is not None
    options, guess = (
        Options(retrieve=False, remask="verify:0"),
        f"{LOOP}\n    return total\n\n\ndef clear(items):\n    pass",
    )
    shown = list[str]()

    def on_draft(frame: Frame) -> None:
        shown.append("".join(it.text for it in frame.tokens))

    gap = OneGap(asked, options, NO_LIMITS, cache, exact.tokens, on_draft, None, guess)
    written = gap.write()
    assert written.stopped == "complete"
    (text,) = gap.found
    assert text == (LOOP if block else LOOP.partition("\n")[0])
    assert "".join(piece for piece, _ in gap.pieces(written)) == (text if block else text + "\n")
    if block:
        assert all("def clear(items):\n" not in it for it in shown)
        own = exact.log_probability(asked, LOOP)
        assert written.total > own, "to repeat what is below counts like an end"
        assert written.total < own + math.log(1e6)


def test_text_that_is_revised_may_repeat_what_is_below(exact: CoderInfiller) -> None:
    start = f"{LOOP}\n    return total\n\n\ndef clear(items):\n    pass"
    asked = Request("def sum(items):\n", BELOW, block=True)
    fills = exact.fill(asked, Options(start=(start,), remask="revoke:0"))
    assert fills[0].texts[0].startswith(start)
