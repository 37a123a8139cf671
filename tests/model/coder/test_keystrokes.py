"""The controls of a larger model, timed at one gap after another: they write what they must, and keep what they may."""

import pytest
from tiny_qwen2 import write_gguf

from infill_model.coder.infiller import CoderInfiller
from infill_model.coder.layout import RowBudget
from infill_model.evaluation.studies.keystrokes import WAYS, Ways, _token_by_token
from infill_model.packing.converted import convert, read
from infill_model.request import Request

CODE = "def add(first, second):\n    result = first + second\n    return result\n\n\nvalue = add("


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> CoderInfiller:
    folder = tmp_path_factory.mktemp("keystrokes")
    convert(write_gguf(folder / "tiny.gguf"), None, folder / "tiny.safetensors", "tiny")
    return CoderInfiller(read(folder / "tiny.safetensors"), "cpu", "float32", RowBudget(above=96, below=48))


@pytest.mark.parametrize("keep", [True, False])
def test_a_control_takes_a_forward_for_each_token(model: CoderInfiller, keep: bool) -> None:
    request = Request(CODE, "\n")
    model.encoder.forget()
    tokens, forwards = _token_by_token(model, request, keep=keep)
    assert tokens <= forwards <= tokens + 1
    model.encoder.forget()
    assert _token_by_token(model, request, keep=not keep)[0] == tokens, "kept or not, the same is written"


def test_every_way_is_timed(model: CoderInfiller) -> None:
    for way in WAYS:
        found = Ways(model).timed(way, Request(CODE, "\n"))
        assert found.ms > 0
        assert found.forwards > 0
    with pytest.raises(KeyError):
        Ways(model).timed("no way", Request(CODE, "\n"))
