"""What the APIs read and write, without a server."""

import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infill_lsp.endpoints import infill
from infill_model.request import Fill, Options, Request, Timing, Token
from infill_serve.wires import llama_cpp, openai, own
from infill_serve.wires.refused import RefusedError
from infill_serve.wires.wire import MOST_TOKENS, Wire

WIRES: list[Wire] = [openai.COMPLETIONS, openai.FIM, llama_cpp.INFILL, own.FILL]


def fill(*pieces: str) -> Fill:
    tokens = tuple(Token(it, 0.5, 1, pinned=False) for it in pieces)
    return Fill(("".join(pieces),), tokens, 0.5, None, 1, 1, Timing(1.0, 2.0, 3.0), "complete")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda it: st.lists(it, max_size=3) | st.dictionaries(st.text(max_size=5), it, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(
    [
        "prompt",
        "suffix",
        "n",
        "seed",
        "stop",
        "max_tokens",
        "model",
        "user",
        "temperature",
        "stream",
        "language",
        "n_predict",
        "input_prefix",
        "input_suffix",
        "input_extra",
        "t_max_predict_ms",
        "request",
        "options",
        "drafts",
    ]
)


@pytest.mark.parametrize("wire", WIRES, ids=lambda it: it.name)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(body=st.dictionaries(NAMES, JSON, max_size=5))
def test_any_body_is_read_or_refused_with_a_status(wire: Wire, body: dict[str, object]) -> None:
    refused = None
    try:
        ask = wire.read(body)
    except RefusedError as error:
        refused = error
    if refused is not None:
        assert refused.status in (400, 422)
        assert json.dumps(wire.error(refused))
        return
    assert 0 <= ask.tokens <= MOST_TOKENS
    assert 1 <= ask.options.n <= 16
    fills = (fill("a", " +", " b"),) * (1 if ask.tokens else 0)
    json.dumps(wire.whole(ask, fills, "model"))
    assert list(wire.events(ask, fills, "model"))


def test_a_stop_text_and_a_number_of_tokens_end_a_fill() -> None:
    ask = openai.read({"prompt": "x", "stop": "b\n", "max_tokens": 2, "logprobs": 1})
    (choice,) = openai.whole(ask, (fill("a", " + b", "\nc"),), "m")["choices"]  # type: ignore[misc, attr-defined]
    assert (choice["text"], choice["finish_reason"]) == ("a + ", "stop")
    assert choice["logprobs"]["token_logprobs"] == [math.log(0.5)] * 2
    (cut,) = openai.whole(ask, (fill("a", " ", "+"),), "m")["choices"]  # type: ignore[misc, attr-defined]
    assert (cut["text"], cut["finish_reason"]) == ("a ", "length")


@pytest.mark.parametrize(
    ("prompt", "files"),
    [
        ("<|fim_prefix|>a = <|fim_suffix|>\nb\n<|fim_middle|>", ()),
        ("<|file_sep|># c.py\nc = 1\n\n<|file_sep|>here<|fim_prefix|>a = <|fim_suffix|>\nb\n<|fim_middle|>", 2),
        ("<fim_prefix>a = <fim_suffix>\nb\n<fim_middle>", ()),
        ("<PRE>a = <SUF> \nb\n <MID>", ()),
        ("<PRE> a = <SUF>\nb\n <MID>", ()),
        ("<｜fim▁begin｜>a = <｜fim▁hole｜>\nb\n<｜fim▁end｜>", ()),
        ("[SUFFIX]\nb\n[PREFIX]a = ", ()),
    ],
)
def test_a_prompt_with_markers_is_a_gap(prompt: str, files: tuple[()] | int) -> None:
    request = openai.read({"prompt": prompt}).request
    assert (request.prefix.rstrip(" "), request.suffix) == ("a =", "\nb\n")
    assert len(request.files) == (files or 0)


@pytest.mark.parametrize(
    "prompt",
    ["a = <fim_prefix>", "<fim_prefix>a<fim_middle>", "<fim_prefix>a<fim_suffix>b", "<fim_suffix><fim_middle>"],
)
def test_a_prompt_without_all_markers_is_text(prompt: str) -> None:
    assert openai.read({"prompt": prompt}).request.prefix == prompt
    whole = "<fim_prefix>a<fim_suffix>b<fim_middle>"
    assert openai.read({"prompt": whole, "suffix": "\n"}).request.prefix == whole, "a suffix says where the gap is"


def test_a_stop_at_the_end_of_a_line_asks_for_a_line() -> None:
    assert openai.read({"prompt": "x", "stop": ["\n"]}).request.block is False
    assert openai.read({"prompt": "x"}).request.block is True


def test_our_own_requests_and_answers_survive_the_way() -> None:
    request = Request("a\ud800", "b", between=("c",), files=("d",), language=None)
    ask = infill.FillAsk(request, Options(n=3, start=("x", "y")), document="here", drafts=True, model="m")
    assert infill.read_ask(json.loads(json.dumps(infill.body(ask)))) == ask
    fills = (fill("a", "b"),)
    assert infill.read_event(json.loads(json.dumps(infill.fills_event(fills)))) == fills
