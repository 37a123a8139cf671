"""The transport of requests: over real sockets, against a server that can fail in every way."""

import subprocess
import sys
import threading
import time
from base64 import b64encode
from email.utils import formatdate

import pytest
from asking import BLOCK, LINE, QUICK, ask
from pace import slowness
from stub import JSON, Asked, Reply, Stub, events, said

from infill_lsp.cli.main import main
from infill_lsp.endpoints import permissions
from infill_lsp.endpoints.api import EndpointError
from infill_lsp.endpoints.engine import Endpoint
from infill_lsp.endpoints.permissions import Permission
from infill_lsp.endpoints.transport import Retry
from infill_lsp.settings.settings import EndpointSettings
from infill_model.request import Frame, Options, Request

KEY = "sk-Zx9Qw7Er5Ty3Ui1Op0As2Df4Gh6"


def at(stub: Stub, **settings: object) -> EndpointSettings:
    return EndpointSettings(url=stub.url, **settings)  # type: ignore[arg-type]


def failure(settings: EndpointSettings, **how: object) -> str:
    with pytest.raises(EndpointError) as error:
        ask(settings, **how)  # type: ignore[arg-type]
    return str(error.value)


def test_a_line_is_written() -> None:
    with Stub(said("a +", " b")) as stub:
        (fill,) = ask(at(stub))
    assert (fill.texts, fill.stopped, fill.confidence) == (("a + b",), "complete", pytest.approx(0.5))
    assert [it.text for it in fill.tokens] == ["a +", " b"]


def test_a_line_ends_at_its_break_and_the_connection_is_closed() -> None:
    with Stub(said("a + b\n\nprint", then="wait")) as stub:
        (fill,) = ask(at(stub))
        assert stub.left.wait(10), "the server still waits for somebody who has what they want"
    assert fill.texts == ("a + b",)
    assert fill.stopped == "complete"


def test_cancelling_closes_the_connection_within_a_step() -> None:
    with Stub(said("a", finish=None, then="wait")) as stub:
        when: list[float] = []

        def cancelled() -> bool:
            if stub.arrived.is_set():
                when.append(time.monotonic())
            return bool(when)

        assert ask(at(stub), cancelled=cancelled) == []
        assert stub.left.wait(10)
        assert time.monotonic() - when[0] < 0.5 * slowness()


def test_cancelling_ends_the_wait_before_it_is_tried_again() -> None:
    with Stub(Reply(("{}",), JSON, 503)) as stub:
        patient = Retry(first=60.0, longest=120.0)
        assert ask(at(stub), cancelled=stub.arrived.is_set, retry=patient) == []


def test_at_the_deadline_it_is_what_has_come() -> None:
    with Stub(said("a +", finish=None, then="wait")) as stub:
        (fill,) = ask(at(stub), options=Options(budget_ms=300))
        assert stub.left.wait(10)
    assert (fill.texts, fill.stopped) == (("a +",), "deadline")


def test_at_the_deadline_the_line_of_a_block_that_is_only_begun_is_dropped() -> None:
    with Stub(said("c = a + b\n    ret", finish=None, then="wait")) as stub:
        (fill,) = ask(at(stub), BLOCK, Options(budget_ms=300))
    assert (fill.texts, fill.stopped) == (("c = a + b",), "deadline")


def test_nothing_in_time_is_an_empty_fill() -> None:
    with Stub(Reply(then="wait")) as stub:
        (fill,) = ask(at(stub), options=Options(budget_ms=100))
    assert (fill.texts, fill.stopped) == (("",), "deadline")


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 529])
def test_what_passes_is_tried_again(status: int) -> None:
    with Stub(Reply(("{}",), JSON, status), Reply(then="break"), said("a + b")) as stub:
        (fill,) = ask(at(stub))
        assert len(stub.asked) == 3
    assert fill.texts == ("a + b",)


def test_it_is_not_tried_for_ever() -> None:
    with Stub(Reply(('{"error": {"message": "too many"}}',), JSON, 429)) as stub:
        sentence = failure(at(stub))
        assert len(stub.asked) == 4
    assert sentence.endswith("cannot answer now (429 Too Many Requests)")


@pytest.mark.parametrize("after", [lambda: "0", lambda: formatdate(time.time() - 5, usegmt=True)])
def test_the_endpoint_says_when_to_try_again(after: object) -> None:
    head = {"retry-after": after()}  # type: ignore[operator]
    with Stub(Reply(("{}",), JSON, 429, head), said("b")) as stub:
        slow = Retry(first=60.0, longest=120.0)  # Its own schedule would wait a minute.
        assert ask(at(stub), retry=slow)[0].texts == ("b",)


@pytest.mark.parametrize("budget", [None, 500.0])
def test_nobody_waits_for_what_the_endpoint_wants_if_that_is_too_long(budget: float | None) -> None:
    with Stub(Reply(("{}",), JSON, 429, {"retry-after": "3600"})) as stub:
        start = time.monotonic()
        assert "cannot answer now (429 Too Many Requests)" in failure(at(stub), options=Options(budget_ms=budget))
        assert time.monotonic() - start < 5
        assert len(stub.asked) == 1


def test_waits_grow_and_are_not_all_the_same() -> None:
    retry = Retry(first=1.0, longest=8.0)
    for attempt, most in enumerate((1.0, 2.0, 4.0, 8.0, 8.0)):
        waits = {retry.delay(attempt) for _ in range(20)}
        assert len(waits) > 1
        assert all(most / 2 <= it <= most for it in waits)


def test_half_a_stream_is_no_fill() -> None:
    with Stub(said("return a", finish=None, then="break")) as stub:
        assert "closed the connection in the middle of its answer" in failure(at(stub))
    with Stub(said("return a", finish=None)) as stub:
        assert "ended its answer early" in failure(at(stub))


@pytest.mark.parametrize(
    "reply",
    [
        Reply(("<html>hello</html>",), "text/html"),
        Reply(("data: {nonsense\n\n",)),
        Reply(("\xff\xfe",), JSON),
        Reply((f"data: {'[' * 100_000}\n\n",)),
        Reply(("42",), JSON),
        events({"choices": "none"}, {"choices": [{"text": 5}]}, 17, None),
        events({"choices": [{"text": "a", "index": 99, "finish_reason": "stop"}]}),
        Reply(tuple("data: " + "x" * 1_000_000 + "\n" for _ in range(6))),
    ],
)
def test_garbage_is_a_sentence(reply: Reply) -> None:
    with Stub(reply) as stub:
        sentence = failure(at(stub))
    assert sentence.startswith(("The endpoint's answer", stub.url.removeprefix("http://")))
    assert len(sentence) < 200


def test_an_error_in_the_stream_is_a_sentence() -> None:
    with Stub(events({"error": {"message": "out of\nmemory"}})) as stub:
        assert failure(at(stub)).endswith("reported an error while it was writing")


def test_a_stream_may_be_answered_by_one_json() -> None:
    body = '{"choices": [{"text": "a + b", "index": 0, "finish_reason": "stop"}]}'
    with Stub(Reply((body[:20], body[20:]), JSON)) as stub:
        assert ask(at(stub))[0].texts == ("a + b",)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (
            401,
            "rejects the key (401 Unauthorized); "
            "say where the key is with infill.endpoint.keyEnvironment or keyCommand",
        ),
        (404, "has no /v1/completions, or no such model (404 Not Found); see infill.endpoint.api and model"),
        (400, "refuses the request (400 Bad Request); see infill.endpoint.api and model"),
        (499, "refuses the request (499); see infill.endpoint.api and model"),
        (307, "redirects, and code is never sent on; is infill.endpoint.url right?"),
    ],
)
def test_what_will_not_pass_is_a_sentence_at_once(status: int, sentence: str) -> None:
    with Stub() as other, Stub(Reply(('{"error": "why"}',), JSON, status, {"location": other.url})) as stub:
        assert failure(at(stub)) == f"{stub.url.removeprefix('http://')} {sentence}"
        assert len(stub.asked) == 1
        assert other.asked == [], "a redirect was followed"


def test_nobody_there_is_a_sentence() -> None:
    with Stub() as stub:
        settings = at(stub)
    assert failure(settings).endswith("cannot be reached; is the endpoint running?")


def test_connections_are_used_again_and_one_that_was_closed_meanwhile_is_made_anew() -> None:
    with Stub(said("a"), said("b"), said("c", then="break"), said("d")) as stub:
        endpoint = Endpoint(at(stub), QUICK)
        for expected in ("a", "b", "c", "d"):
            (fill,) = endpoint.fill(LINE, Options(), cancelled=lambda: False, critic=None, on_draft=None)
            assert fill.texts == (expected,)
        endpoint.close()


def test_drafts_are_told_as_they_come() -> None:
    frames: list[Frame] = []
    with Stub(said("a", " +", " b")) as stub:
        (fill,) = ask(at(stub), options=Options(trace=True), on_draft=frames.append)
    assert ["".join(it.text for it in frame.tokens) for frame in frames[:3]] == ["a", "a +", "a + b"]
    assert fill.trace == tuple(frames)


def test_text_that_is_no_text_travels() -> None:
    with Stub(said("a")) as stub:
        ask(at(stub), Request("x = '\ud800", "'"))
        assert stub.asked[0].body["prompt"] == "x = '\ud800"


def everything(stub: Stub, settings: EndpointSettings) -> str:
    """Return all output of a request: fills with their traces, or the error with its causes."""
    try:
        return repr(ask(settings, options=Options(trace=True)))
    except EndpointError as error:
        return f"{error!r} {error.__cause__!r} {error.__context__!r}"


def with_key(stub: Stub, monkeypatch: pytest.MonkeyPatch, key: str = KEY) -> EndpointSettings:
    monkeypatch.setenv("SOME_KEY", key)
    settings = at(stub, key_environment="SOME_KEY")
    permission = permissions.needed(settings)
    assert permission == Permission(stub.url.removeprefix("http://"), "in SOME_KEY")
    permissions.allow(permission)
    return settings


@pytest.mark.parametrize(
    "reply",
    [
        said("a + b"),
        Reply((f'{{"error": {{"message": "Incorrect API key provided: {KEY}"}}}}',), JSON, 401),
        Reply((f'{{"error": {{"message": "no {KEY[:8]}**** here"}}}}',), JSON, 400),
        Reply((f'{{"detail": "{KEY}"}}',), JSON, 404),
        Reply((f'{{"detail": "{KEY}"}}',), JSON, 503),
        events({"error": {"message": f"the key {KEY} is used up"}}),
        Reply((f"{KEY}",), JSON),
        Reply(then="break"),
    ],
)
def test_a_key_goes_into_the_head_and_nowhere_else(
    reply: Reply, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with Stub(reply) as stub:
        out = everything(stub, with_key(stub, monkeypatch))
        asked: Asked = stub.asked[0]
    assert asked.head["authorization"] == f"Bearer {KEY}"
    assert KEY not in repr(asked.body)
    captured = capfd.readouterr()
    for text in (out, caplog.text, captured.out, captured.err):
        assert KEY[:8] not in text


SPELLINGS = {
    "first characters": KEY[:5],
    "last characters": KEY[-4:],
    "middle": KEY[9:20],
    "other case": KEY.swapcase(),
    "reversed": KEY[::-1],
    "base64": b64encode(KEY.encode()).decode(),
    "hexadecimal": KEY.encode().hex(),
    "apart": " ".join(KEY),
    "the code": LINE.prefix.splitlines()[0],
}


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500, 503])
@pytest.mark.parametrize("shape", ['{{"error": {{"message": "{}"}}}}', '{{"detail": "{}"}}', "{}"])
def test_nothing_of_an_error_is_repeated_beyond_its_status(
    status: int, shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    echo = " ".join(SPELLINGS.values())
    reply = Reply((shape.format(echo),), JSON, status, {"x-error": echo})
    with Stub(reply, phrase=echo) as stub:
        out = failure(with_key(stub, monkeypatch))
    assert [how for how, spelling in SPELLINGS.items() if spelling in out] == []


@pytest.mark.parametrize("key", [f"{KEY}\n{KEY}", f"{KEY} é", f"{KEY} {KEY}", "\x01" + KEY])
def test_a_key_that_is_none_is_not_repeated(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Stub(said("a")) as stub:
        out = everything(stub, with_key(stub, monkeypatch, key))
        assert stub.asked == []
    assert "SOME_KEY gives no valid key" in out
    assert KEY[:8] not in out


def test_an_endpoint_is_served_without_torch() -> None:
    code = "import sys, infill_lsp.engine.worker, infill_lsp.endpoints.engine; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_doctor_tells_of_an_endpoint_what_it_knows(capfd: pytest.CaptureFixture[str]) -> None:
    with Stub(said("a + b")) as stub:
        assert main(["doctor", "--model", "endpoint", "--url", stub.url, "--endpoint-model", "tiny"]) == 0
        out = capfd.readouterr().out
        host = stub.url.removeprefix("http://")
    lines = {it.partition(" ")[0]: it.partition(" ")[2].strip() for it in out.splitlines()}
    assert lines["model"].startswith("tiny, for python")
    assert lines["endpoint"] == f"{host}, 16,000 characters around the gap"
    assert "parameters" not in out
    assert "trained on" not in out
    assert "device" not in lines
    assert "'a + b'" in lines["self-test"]
    assert "All is well." in out


def test_nothing_runs_on_after_a_fill() -> None:
    before = threading.active_count()
    with Stub(said("a")) as stub:
        ask(at(stub))
    assert threading.active_count() <= before + 1
