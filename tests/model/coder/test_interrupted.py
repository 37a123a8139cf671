"""What was written before the last key is a draft after it: the same text in fewer forward passes."""

import pytest
from tiny_qwen2 import write_gguf

from infill_model.coder.drafting import Written
from infill_model.coder.infiller import CoderInfiller
from infill_model.coder.layout import RowBudget
from infill_model.packing.converted import convert, read
from infill_model.request import Options, Request

CODE = "def add(first, second):\n    result = first + second\n    return result\n\n\nvalue = add("
PLAIN = Options(retrieve=False)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> CoderInfiller:
    folder = tmp_path_factory.mktemp("keys")
    convert(write_gguf(folder / "tiny.gguf"), None, folder / "tiny.safetensors", "tiny")
    return CoderInfiller(read(folder / "tiny.safetensors"), "cpu", "float32", RowBudget(above=96, below=48))


def test_a_right_draft_takes_fewer_forwards_and_a_wrong_one_changes_nothing(model: CoderInfiller) -> None:
    alone, along = 0, 0
    for cursor in range(len(CODE) - 12, len(CODE), 2):
        asked, found = Request(CODE[:cursor], "\n"), []
        for text in ("", None, "nothing of the kind"):
            before = found[0].texts[0] if text is None else text
            model._written = Written(CODE[: cursor - 1], ("\n",), CODE[cursor - 1] + before if before else "")
            found.append(model.fill(asked, PLAIN)[0])
        assert len({it.texts for it in found}) == 1
        alone, along = alone + found[0].forwards, along + found[1].forwards
    assert along < 0.8 * alone


def test_a_fill_that_a_key_ended_is_a_draft_too(model: CoderInfiller) -> None:
    model._written = Written()
    calls = iter([False] * 12)
    ended = model.fill(Request(CODE, "\n"), PLAIN, cancelled=lambda: next(calls, True))[0]
    assert ended.stopped == "cancelled"
    assert model._written.at(CODE + ended.texts[0][0], ("\n",)) == ended.texts[0][1:]


def test_what_was_written_is_a_draft_only_along_its_way() -> None:
    written = Written("a = ", ("\n",), "first + 1")
    assert written.at("a = fir", ("\n",)) == "st + 1"
    assert written.at("a =", ("\n",)) == " first + 1"
    assert written.at("a = ", ("\n",)) == "", "the same question is measured as it was the first time"
    assert written.at("a = sec", ("\n",)) == ""
    assert written.at("a = fir", (")\n",)) == ""
    assert written.at("b = fir", ("\n",)) == ""
    assert Written("x\na = ", ("\n",), "1").at("x", ("\n",)) == ""
    assert Written().at("a", ()) == ""
