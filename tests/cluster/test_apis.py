"""The APIs of a server for a team, as other clients and our own ask them."""

import json
import re
import socket
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from conftest import Server, wait_for
from recorded import REQUESTS, Recorded

from infill_lsp.cli.main import main
from infill_lsp.endpoints import infill
from infill_lsp.endpoints.api import EndpointError
from infill_lsp.endpoints.engine import Endpoint
from infill_lsp.engine.judges import critic_of
from infill_lsp.engine.worker import load_model
from infill_lsp.settings.settings import EndpointSettings, EngineSettings
from infill_model.request import Frame, Options, Request
from infill_serve import tokens

CANARY = "internal_name_of_the_company"
ADD = Request("def add(a, b):\n    return ", "\n\nprint(add(1, 2))\n")
ASKS = [
    (ADD, Options()),
    (Request("total = first(", ")\nprint(total)\n", between=(") + second(",)), Options()),
    (Request("import os\n\n\ndef names(path):\n", "\n\nprint(names('.'))\n", block=True), Options()),
    (Request("def area(width, height):\n    return width ", "\n"), Options(n=3, seed=4)),
    (Request("package main\n\nfunc add(a int, b int) int {\n\treturn ", "\n}\n", language="go"), Options()),
    (Request("name, ", "\n", language="csv"), Options()),
    (Request("for name in names:\n    ", "\n", files=("for name in names:\n    print(name.upper())\n",)), Options()),
    (Request("x = ", "\n"), Options(start=("1 +",), remask="revoke:0.05")),
]
LONG = {
    "request": {"prefix": f"{CANARY} = 1\n", "suffix": "\n", "block": True},
    "options": {"unmask": "top_k", "masks": 200, "steps": 200, "retrieve": False},
    "drafts": True,
}
"""A request that takes seconds: one token a step."""


def events(answer: httpx.Response) -> list[object]:
    lines = [it.removeprefix("data: ") for it in answer.text.split("\n\n") if it]
    return [it if it == "[DONE]" else json.loads(it) for it in lines]


@pytest.fixture
def endpoint(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EndpointSettings:
    """Return the server's settings once it is allowed as a user allows it."""
    monkeypatch.setenv("INFILL_TEST_TOKEN", server.token)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    host = server.url.removeprefix("http://")
    assert main(["endpoint", "allow", host, "--key-environment", "INFILL_TEST_TOKEN"]) == 0
    return EndpointSettings(url=server.url, api="infill", key_environment="INFILL_TEST_TOKEN")


def test_the_server_fills_what_the_engine_here_fills(endpoint: EndpointSettings) -> None:
    local, remote = load_model(EngineSettings(threads=1)), Endpoint(endpoint)
    try:
        for request, options in ASKS:
            known = local.info.knows(request.language)
            here = Options(**{**{it: getattr(options, it) for it in options.__slots__}, "copies_only": not known})
            expected = local.fill(request, here, critic=critic_of(request, here))
            frames: list[Frame] = []
            found = remote.fill(request, options, on_draft=frames.append)
            assert [it.texts for it in found] == [it.texts for it in expected], request
            assert [it.confidence for it in found] == pytest.approx([it.confidence for it in expected], rel=0.02)
            assert len(frames) > 0 or not any(it.steps for it in expected)
    finally:
        remote.close()


def test_the_command_line_shows_the_same_by_both(
    endpoint: EndpointSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "basket.py"
    file.write_text((Path(__file__).parents[2] / "examples/basket.py").read_text())
    shown = []
    for flags in ([], ["--model", "endpoint", "--url", endpoint.url, "--api", "infill"]):
        key = ["--key-environment", endpoint.key_environment] if flags else []
        capsys.readouterr()
        assert main(["fill", f"{file}:12:1", "--json", *flags, *key]) == 0
        shown.append(json.loads(capsys.readouterr().out)["text"])
    assert shown[0] == shown[1] != ""


def test_a_wrong_token_and_a_wrong_option_are_sentences(endpoint: EndpointSettings, server: Server) -> None:
    remote = Endpoint(endpoint)
    with pytest.raises(EndpointError, match="422"):
        remote.fill(ADD, Options(unmask="rubbish"))
    remote.close()
    answer = server.post("/v1/fill", {"request": {"prefix": "", "suffix": ""}, "options": {"unmask": "rubbish"}})
    assert answer.json()["error"]["message"].startswith("unknown unmask policy")
    for head in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {server.token}"}):
        refused = httpx.post(f"{server.url}/v1/fill", json={}, headers=head)
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize("recorded", REQUESTS, ids=lambda it: it.client)
def test_requests_of_other_clients_are_answered_as_they_expect(server: Server, recorded: Recorded) -> None:
    head = {**recorded.head, "authorization": f"Bearer {server.token}"}
    answer = httpx.post(server.url + recorded.path, content=json.dumps(recorded.body), headers=head, timeout=60)
    assert answer.status_code == httpx.codes.OK, answer.text
    if recorded.body.get("stream"):  # Where the text around a gap is whole, an empty fill is right.
        whole = server.post(recorded.path, {**recorded.body, "stream": False}).json()["choices"][0]
        shown = recorded.read(answer.text if recorded.raw else events(answer))
        assert shown == whole.get("text", whole.get("message", {}).get("content"))
        return
    text = recorded.read(answer.json())
    assert text == "" if recorded.empty else text.strip()


def test_a_stream_is_what_the_whole_answer_is(server: Server) -> None:
    body = {"prompt": ADD.prefix, "suffix": ADD.suffix, "n": 2, "logprobs": 1, "max_tokens": 20, "stop": ["\n"]}
    whole = server.post("/v1/completions", body).json()
    assert whole["object"] == "text_completion"
    streamed = events(server.post("/v1/completions", {**body, "stream": True}))
    assert streamed.pop() == "[DONE]"
    for choice in whole["choices"]:
        own = [it["choices"][0] for it in streamed if it["choices"][0]["index"] == choice["index"]]  # type: ignore[index]
        assert "".join(it["text"] for it in own) == choice["text"]
        assert own[-1]["finish_reason"] == choice["finish_reason"] == "stop"
    assert (
        len(whole["choices"][0]["logprobs"]["token_logprobs"]) == whole["usage"]["completion_tokens"]
        or whole["choices"][1:]
    )


def test_models_health_metrics_and_errors(server: Server) -> None:
    with httpx.Client(base_url=server.url, headers=server.head, timeout=30) as client:
        assert client.get("/health").json() == {"status": "ok", "replicas": 1}
        assert [it["id"] for it in client.get("/v1/models").json()["data"]] == ["embedded"]
        assert client.get("/v1/completions").status_code == 405
        assert client.get("/rubbish").status_code == 404
        assert client.post("/v1/completions", json={"prompt": "x", "model": "other"}).status_code == 404
        for garbage in (b"", b"\xff\xfe", b"[1]", b"{", b'{"prompt": 1}', b"[" * 5000, b'{"prompt": "x", "n": "two"}'):
            answer = client.post("/v1/completions", content=garbage)
            assert answer.status_code == 400, garbage
            assert answer.json()["error"]["type"] == "invalid_request_error"
        assert client.post("/infill", content=b"{").json()["error"]["code"] == 400
        assert client.post("/v1/fim/completions", content=b"{").json()["object"] == "error"
        assert client.post("/v1/completions", json={"prompt": "x" * 200_000}).status_code == 413
        half_a_character = b'{"prompt": "x = \\ud800", "suffix": "", "max_tokens": 8}'
        assert client.post("/v1/completions", content=half_a_character).status_code == 200
    wait_for(lambda: server.metric("requests_total", outcome="filled") > 0, "metrics", 30)
    for name in ("forwards_total", "tokens_total", "answers_total", "request_ms_count", "batch_rows_total"):
        assert server.metric(name), name


def test_every_metric_that_the_board_asks_for_is_exported(server: Server) -> None:
    board = (Path(__file__).parents[2] / "examples/serving/grafana.json").read_text()
    missing = set(re.findall(r"\bray_\w+", board))
    assert len(missing) > 8
    server.post("/v1/completions", {"prompt": "def add(a, b):\n    return ", "suffix": "\n"})
    until = time.monotonic() + 30
    while missing and time.monotonic() < until:
        missing -= set(re.findall(r"^(\w+)[{ ]", server.exported(), re.MULTILINE))
        time.sleep(0.5)
    assert not missing


def test_a_body_without_an_end_is_cut_off(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), 10) as client:
        head = f"POST /infill HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token}\r\n"
        client.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        for _ in range(4):
            client.sendall(b"c350\r\n" + b"x" * 50_000 + b"\r\n")
        assert client.recv(20).startswith(b"HTTP/1.1 413")


def test_who_hangs_up_is_cancelled(server: Server) -> None:
    before = server.metric("requests_total", outcome="cancelled")
    began = time.monotonic()
    with httpx.stream("POST", f"{server.url}/v1/fill", json=LONG, headers=server.head, timeout=60) as answer:
        next(answer.iter_lines())
    wait_for(lambda: server.metric("requests_total", outcome="cancelled") > before, "a cancellation", 30)
    assert server.post("/v1/completions", {"prompt": "x = ", "suffix": "\n"}).status_code == 200
    assert time.monotonic() - began < 30


def test_a_full_queue_is_503_and_a_greedy_user_429(server: Server) -> None:
    heads = [{"authorization": f"Bearer {tokens.add(server.folder / 'tokens', it)}"} for it in ("eve", "kay", "joe")]
    body = {**LONG, "options": {**LONG["options"], "budget_ms": 4000}, "drafts": False}  # type: ignore[dict-item]

    def ask(number: int) -> httpx.Response:
        return client.post("/v1/fill", json=body, headers=heads[number])

    def statuses(users: Sequence[int]) -> Counter[int]:
        with ThreadPoolExecutor(len(users)) as pool:
            answers = list(pool.map(ask, users))
        assert all(it.headers["retry-after"] for it in answers if it.status_code != httpx.codes.OK)
        return Counter(it.status_code for it in answers)

    with httpx.Client(base_url=server.url, timeout=120, limits=httpx.Limits(max_connections=100)) as client:
        assert statuses([0] * 40) == {200: 24, 429: 16}, "24 of one user at once; 36 may be in the server"
        found = statuses([0, 1, 2] * 24)
    assert set(found) == {200, 503}, found
    assert found[503] >= (72 - 36) // 2, "most come before any is answered"
    assert server.post("/v1/completions", {"prompt": "x = ", "suffix": "\n"}).status_code == httpx.codes.OK


def test_no_code_is_in_a_log(server: Server) -> None:
    server.post("/v1/fill", {**LONG, "options": {"steps": 2, "unmask": "rubbish"}})
    server.post("/v1/completions", {"prompt": f"{CANARY} = ", "suffix": CANARY})
    server.post("/v1/completions", {"prompt": [CANARY]})
    logs = [it for it in server.folder.rglob("*") if it.is_file() and not it.is_symlink()]
    assert [it for it in logs if it.suffix in (".log", ".out", ".err", ".json") or it.name == "log"]
    assert [it for it in logs if CANARY.encode() in it.read_bytes()] == []
    assert [it for it in logs if server.token.encode() in it.read_bytes()] == [], "nor the token"


def test_our_own_paths_are_one() -> None:
    assert infill.PATH == "/v1/fill"
