"""Traffic on the wire, seen by a client that shares no code with the server: framing, errors, order, ends."""

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from lsprotocol import types
from pace import slowness
from raw_client import CAPABLE, PATIENCE, RawClient, fake

FILL = "# fill a, b)\nprint(\n"


@pytest.fixture(scope="module")
def client() -> Iterator[RawClient]:
    with RawClient() as client:
        client.initialize()
        client.status("ready")
        yield client


def still_answers(client: RawClient) -> None:
    uri = client.open(FILL, "file:///still.py")
    assert [it["insertText"] for it in client.items(client.inline(uri, 1, 6))] == ["a, b)"]


def framed(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (framed(b"{"), -32700),
        (framed(b"\xff\xfe"), -32700),
        (framed(b"[" * 100_000), -32700),
        (framed(b""), -32700),
        (b"Content-Length: x\r\n\r\n{}", -32700),
        (b"Content-Length: 3\r\n\r\n{}, this is longer", -32700),
        (framed(b"[]"), -32600),
        (framed(b"3"), -32600),
        (framed(b"null"), -32600),
        (framed(b'{"jsonrpc":"1.0","id":1,"method":"x"}'), -32600),
        (framed(b'{"jsonrpc":"2.0","id":{},"method":"x"}'), -32600),
        (framed(b'{"jsonrpc":"2.0","method":5}'), None),  # It has no id, so no one waits for an answer.
    ],
)
def test_what_is_no_message_is_refused(client: RawClient, data: bytes, code: int | None) -> None:
    client.send_bytes(data)
    still_answers(client)
    errors = [it["error"]["code"] for it in client.seen if "error" in it]
    client.seen.clear()
    assert errors[:1] == ([code] if code else [])


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("infill/nothing", None, -32601),
        ("textDocument/hover", {}, -32601),
        ("textDocument/inlineCompletion", None, -32602),
        ("textDocument/inlineCompletion", {}, -32602),
        ("textDocument/inlineCompletion", [1], -32602),
        ("textDocument/inlineCompletion", {"textDocument": {"uri": "file:///a.py"}}, -32602),
        (
            "textDocument/inlineCompletion",
            {
                "textDocument": {"uri": "file:///a.py"},
                "position": {"line": -1, "character": 0},
                "context": {"triggerKind": 2},
            },
            -32602,
        ),
        ("workspace/executeCommand", {"command": "no.such"}, -32602),
        ("initialize", {"capabilities": {}, "processId": None, "rootUri": None}, -32600),
    ],
)
def test_a_request_that_makes_no_sense_gets_an_error(client: RawClient, method: str, params: object, code: int) -> None:
    answer = client.call(method, params)
    assert answer["error"]["code"] == code
    assert answer["error"]["message"]
    still_answers(client)


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("textDocument/didChange", {}),
        ("textDocument/didChange", {"textDocument": {"uri": "no", "version": 1}, "contentChanges": [{"text": "x"}]}),
        ("textDocument/didClose", {"textDocument": {"uri": "file:///never-opened.py"}}),
        ("textDocument/didOpen", {"textDocument": {"uri": 5}}),
        ("notebookDocument/didChange", {"notebookDocument": {"uri": "no", "version": 1}, "change": {}}),
        ("notebookDocument/didClose", {"notebookDocument": {"uri": "no"}, "cellTextDocuments": []}),
        ("workspace/didChangeConfiguration", {"settings": 7}),
        ("workspace/didChangeConfiguration", {"settings": {"enable": "perhaps"}}),
        ("window/workDoneProgress/cancel", {"token": "none"}),
        ("$/cancelRequest", {"id": 123456}),
        ("$/cancelRequest", None),
        ("$/setTrace", {"value": "verbose"}),
        ("$/nothing", None),
    ],
)
def test_a_notification_that_makes_no_sense_changes_nothing(client: RawClient, method: str, params: object) -> None:
    client.notify(method, params)
    still_answers(client)


@pytest.mark.parametrize("answer", [{"result": 1}, {"error": {"code": 1, "message": "no"}}, {}, {"error": 5}])
@pytest.mark.parametrize("id_", [99, "unknown", None, [1]])
def test_answers_to_no_question_are_dropped(client: RawClient, id_: object, answer: dict[str, Any]) -> None:
    client.send({"jsonrpc": "2.0", "id": id_, **answer})
    still_answers(client)


NOTIFICATIONS = [it for it, kinds in types.METHOD_TO_TYPES.items() if kinds[1] is None and it != "exit"]


@pytest.mark.parametrize("method", [*NOTIFICATIONS, "infill/watch"])
@pytest.mark.parametrize("params", [None, {}, [1]], ids=str)
def test_a_notification_with_an_id_is_answered(client: RawClient, method: str, params: object) -> None:
    answer = client.call(method, params)
    assert "error" in answer or method == "infill/watch"
    still_answers(client)


def test_leaving_with_an_id_is_answered_and_leaves() -> None:
    with RawClient() as client:
        client.initialize()
        client.call("shutdown")
        assert "notification" in client.call("exit")["error"]["message"]
        assert client.process.wait(PATIENCE) == 0


@pytest.mark.parametrize("uri", ["http://[", "file://[x/a.py", "file:///a%00b.py", "\ud800"])
def test_what_is_no_uri_is_refused_in_words(client: RawClient, uri: str) -> None:
    place = {"line": 0, "character": 0}
    document = {"textDocument": {"uri": uri}}
    range_ = {"start": place, "end": place}
    for method, params in (
        ("textDocument/inlineCompletion", {**document, "position": place, "context": {"triggerKind": 1}}),
        ("textDocument/codeAction", {**document, "range": range_, "context": {"diagnostics": []}}),
        ("workspace/executeCommand", {"command": "infill.fillGap", "arguments": [uri, range_]}),
    ):
        error = client.call(method, params)["error"]
        assert (error["code"], "is not a URI" in error["message"]) == (-32602, True)
        assert "data" not in error
    client.open("x = ", uri)
    still_answers(client)
    assert not any("internal error" in str(it.get("params")) for it in client.seen)


@pytest.mark.parametrize("root", [{"rootUri": "http://["}, {"workspaceFolders": [{"uri": "file://[", "name": "x"}]}])
def test_a_workspace_that_is_no_uri_is_refused_in_words(root: dict[str, Any]) -> None:
    with RawClient() as client:
        error = client.call("initialize", {"processId": None, "rootUri": None, "capabilities": {}, **root})["error"]
        assert (error["code"], "is not a URI" in error["message"]) == (-32602, True)
        assert client.initialize()["capabilities"], "it can be tried again"


def test_two_spellings_of_a_uri_are_one_document(client: RawClient) -> None:
    client.open(FILL, "file:///c%3A/a%28b%29.py")
    other = "file:///C:/a(b).py"
    assert [it["insertText"] for it in client.items(client.inline(other, 1, 6))] == ["a, b)"]
    change = {"textDocument": {"uri": other, "version": 2}, "contentChanges": [{"text": "# fill c)\nprint(\n"}]}
    client.notify("textDocument/didChange", change)
    assert [it["insertText"] for it in client.items(client.inline("file:///c%3a/a(b%29.py", 1, 6))] == ["c)"]
    client.notify("textDocument/didClose", {"textDocument": {"uri": other}})
    assert client.items(client.inline("file:///c%3A/a%28b%29.py", 1, 6)) == []


@pytest.mark.parametrize(("line", "character"), [(99, 0), (2**31 - 1, 0), (3, 5)])
def test_a_place_outside_gets_an_empty_list(client: RawClient, line: int, character: int) -> None:
    assert client.items(client.inline(client.open(FILL), line, character)) == []


def test_a_place_behind_the_end_of_its_line_is_its_end(client: RawClient) -> None:
    (item,) = client.items(client.inline(client.open(FILL), 1, 99))
    assert item["range"]["start"] == {"line": 1, "character": 6}


def test_a_document_that_is_not_open_gets_an_empty_list(client: RawClient) -> None:
    assert client.items(client.inline("file:///unknown.py", 0, 0)) == []


def test_random_bytes_never_end_it(client: RawClient) -> None:
    dice = random.Random(3)
    valid = framed(json.dumps({"jsonrpc": "2.0", "method": "$/x", "params": {"a": [1, "é"]}}).encode())
    for _ in range(200):
        data = bytearray(valid)
        for _ in range(dice.randrange(1, 6)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        client.send_bytes(bytes(data))
    client.send_bytes(b"\r\n\r\n" + framed(b"{}"))
    still_answers(client)


def test_what_it_can_do_and_in_which_encoding() -> None:
    with RawClient() as client:
        too_early = client.call("textDocument/inlineCompletion", {})
        assert too_early["error"]["code"] == -32002
        client.notify("textDocument/didOpen", {})
        preferred = {"general": {"positionEncodings": ["utf-7", "utf-32", "utf-8"]}}
        result = client.initialize(capabilities=CAPABLE | preferred)
        capabilities = result["capabilities"]
        assert capabilities["positionEncoding"] == "utf-32"
        assert capabilities["textDocumentSync"]["change"] == 2
        assert capabilities["inlineCompletionProvider"] == {"workDoneProgress": True}
        assert "completionProvider" not in capabilities
        assert result["serverInfo"]["name"] == "infill-lsp"
        assert client.call("shutdown")["result"] is None
        late = client.call("textDocument/inlineCompletion", {})
        assert late["error"]["code"] == -32600
        client.notify("exit")
        assert client.process.wait(PATIENCE) == 0


def test_a_client_without_preferences_gets_utf16() -> None:
    with RawClient() as client:
        assert client.initialize(capabilities={})["capabilities"]["positionEncoding"] == "utf-16"
        client.notify("exit")
        assert client.process.wait(PATIENCE) == 1, "it did not ask to shut down first"


def engine_of(client: RawClient) -> psutil.Process:
    (engine,) = psutil.Process(client.process.pid).children()
    return engine


def test_the_end_of_standard_input_ends_server_and_engine() -> None:
    with RawClient() as client:
        client.initialize()
        client.status("ready")
        engine = engine_of(client)
        client.inline(client.open("# slow\nx = "), 1, 4, kind=1)
        client.status("busy")
        assert client.process.stdin
        client.process.stdin.close()
        client.process.wait(PATIENCE)
        psutil.wait_procs([engine], PATIENCE)
        assert not engine.is_running()


def test_the_end_of_the_parent_ends_server_and_engine() -> None:
    with RawClient() as client, subprocess.Popen(["sleep", "1000"]) as parent:
        client.initialize(processId=parent.pid)
        client.status("ready")
        engine = engine_of(client)
        parent.kill()
        parent.wait()
        client.process.wait(PATIENCE)
        psutil.wait_procs([engine], PATIENCE)
        assert not engine.is_running()


def test_a_server_that_is_killed_takes_its_engine_along() -> None:
    with RawClient() as client:
        client.initialize()
        client.status("ready")
        engine = engine_of(client)
        client.process.kill()
        psutil.wait_procs([engine], PATIENCE)
        assert not engine.is_running()


def test_a_newer_request_cancels_the_one_before(client: RawClient) -> None:
    uri = client.open("# slow\nx = ", "file:///slow.py")
    first = client.inline(uri, 1, 4, kind=1)
    client.status("busy")
    second = client.inline(uri, 1, 4, kind=2)
    start = time.monotonic()
    assert client.items(first) == []
    assert time.monotonic() - start < 1.0 * slowness(), "by itself it would have taken its budget of two seconds"
    assert client.items(second) == []


def test_a_cancelled_request_says_so_and_the_engine_is_idle(client: RawClient) -> None:
    uri = client.open("# slow\nx = ", "file:///slow.py")
    client.seen.clear()
    id_ = client.inline(uri, 1, 4, kind=1)
    client.status("busy")
    client.notify("$/cancelRequest", {"id": id_})
    assert client.answer(id_)["error"]["code"] == -32800
    client.status("ready")


def test_a_request_cancelled_before_it_is_read_is_never_begun(client: RawClient) -> None:
    uri = client.open("# slow\nx = ", "file:///slow.py")
    client.seen.clear()
    position = {"textDocument": {"uri": uri}, "position": {"line": 1, "character": 4}}
    request = {"jsonrpc": "2.0", "id": "x", "method": "textDocument/inlineCompletion"}
    params = {"params": position | {"context": {"triggerKind": 1}}}
    cancel = {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": "x"}}
    client.send_bytes(b"".join(framed(json.dumps(it).encode()) for it in (request | params, cancel)))
    assert client.answer("x")["error"]["code"] == -32800
    still_answers(client)
    busy = [it for it in client.seen if it.get("method") == "infill/status" and it["params"]["state"] == "busy"]
    assert len(busy) <= 1, "only the one that still_answers asked for"


def test_a_storm_of_cancels_leaves_nothing_behind(client: RawClient) -> None:
    uri = client.open("# slow\nx = ", "file:///slow.py")
    server, dice = psutil.Process(client.process.pid), random.Random(4)
    sizes = []
    for _ in range(4):
        ids = []
        for _ in range(500):
            ids.append(client.inline(uri, 1, 4, kind=dice.choice((1, 2))))
            if dice.random() < 0.8:
                client.notify("$/cancelRequest", {"id": dice.choice(ids[-3:])})
        client.notify("$/cancelRequest", {"id": ids[-1]})
        answers = [client.answer(id_) for id_ in ids]
        assert all(it.get("error", {}).get("code") == -32800 or it["result"] == {"items": []} for it in answers)
        client.seen.clear()
        sizes.append(server.memory_info().rss)
    still_answers(client)
    assert sizes[-1] - sizes[1] < 2_000_000, f"1,000 more requests cost memory: {sizes}"


def test_an_engine_that_dies_costs_one_request() -> None:
    with RawClient() as client:
        client.initialize()
        client.status("ready")
        before = engine_of(client).pid
        assert client.items(client.inline(client.open("# die\nx = "), 1, 4)) == []
        assert "was killed by SIGKILL" in client.status("degraded")["reason"]
        client.until(lambda it: "was killed by SIGKILL" in it.get("params", {}).get("message", ""))
        client.status("ready")
        still_answers(client)
        assert engine_of(client).pid != before


def test_an_engine_killed_in_the_middle_of_a_request() -> None:
    with RawClient() as client:
        client.initialize()
        client.status("ready")
        id_ = client.inline(client.open("# slow\nx = "), 1, 4, kind=1)
        client.status("busy")
        os.kill(engine_of(client).pid, signal.SIGKILL)
        assert client.items(id_) == []
        client.status("degraded")
        client.status("ready")
        still_answers(client)


def test_an_engine_that_cannot_load_is_said_once_and_is_no_error() -> None:
    with RawClient(fake("--refuse-to-load", "model.safetensors: damaged")) as client:
        client.initialize()
        again = "It will be tried again when a setting of infill changes."
        assert client.status("degraded")["reason"] == f"model.safetensors: damaged. {again}"
        uri = client.open(FILL)
        assert [client.items(client.inline(uri, 1, 6)) for _ in range(5)] == [[]] * 5
        said = [it for it in client.seen if "damaged" in it.get("params", {}).get("message", "")]
        assert len(said) == 1


def test_an_engine_that_loads_for_long_means_an_empty_list_and_progress() -> None:
    with RawClient(fake("--hang")) as client:
        client.initialize()
        start = time.monotonic()
        assert client.items(client.inline(client.open(FILL), 1, 6)) == []
        assert 0.1 < time.monotonic() - start < 1.0 * slowness()
        shown = client.until(lambda it: it.get("method") == "$/progress")["params"]["value"]
        assert (shown["kind"], shown["title"]) == ("begin", "Loading the model")
        client.status("starting")


def test_a_request_by_hand_that_takes_long_shows_progress(client: RawClient) -> None:
    uri = client.open("# slow\nx = ", "file:///slow.py")
    position = {"textDocument": {"uri": uri}, "position": {"line": 1, "character": 4}}
    params = position | {"context": {"triggerKind": 1}, "workDoneToken": "mine"}
    id_ = client.request("textDocument/inlineCompletion", params)

    def value(message: dict[str, Any]) -> dict[str, Any]:
        params: dict[str, Any] = message.get("params") or {}
        shown: dict[str, Any] = params.get("value", {}) if params.get("token") == "mine" else {}
        return shown

    assert client.until(lambda it: value(it).get("kind") == "begin")["params"]["value"]["title"] == "Filling the gap"
    assert client.items(id_) == []
    client.until(lambda it: value(it).get("kind") == "end")


def test_a_request_by_hand_can_be_stopped_where_its_progress_is_shown(client: RawClient) -> None:
    """The server's own token is used here; a token that a client gives with its request works as well."""
    uri = client.open("# slow\nx = ", "file:///slow.py")
    client.seen.clear()
    id_ = client.inline(uri, 1, 4, kind=1)
    begin = client.until(lambda it: it.get("method") == "$/progress" and it["params"]["value"]["kind"] == "begin")
    assert begin["params"]["value"]["cancellable"] is True
    start = time.monotonic()
    client.notify("window/workDoneProgress/cancel", {"token": begin["params"]["token"]})
    answer = client.answer(id_)
    assert answer.get("error", {}).get("code") == -32800 or answer["result"] == {"items": []}
    assert time.monotonic() - start < 0.7 * slowness(), "by itself it would have taken another second"
    client.status("ready")
    still_answers(client)


@pytest.mark.parametrize("trace", ["off", "messages", "verbose"])
def test_why_nothing_is_filled_reaches_the_trace_of_those_who_want_one(trace: str) -> None:
    with RawClient() as client:
        client.initialize(trace=trace)
        client.status("ready")
        uri = client.open("# fill z\nxy = \n")

        def traced() -> list[str]:
            """Return the trace of two places where nothing is suggested."""
            assert client.items(client.inline(uri, 1, 1)) == client.items(client.inline(uri, 1, 5)) == []
            said = [it["params"]["message"] for it in client.seen if it.get("method") == "$/logTrace"]
            client.seen.clear()
            return said

        expected = [
            "file:///a.py:2:2: The cursor is in the middle of a word.",
            "file:///a.py:2:6: A fill is not shown: it is too short.",
        ]
        assert traced() == ([] if trace == "off" else expected)
        client.notify("$/setTrace", {"value": "messages" if trace == "off" else "off"})
        assert traced() == (expected if trace == "off" else [])


def test_a_candidate_when_automatic_and_several_by_hand(client: RawClient) -> None:
    uri = client.open("# fill abc\nx = \nabc1 = abc2 = abc3 = 0", "file:///several.py")
    assert len(client.items(client.inline(uri, 1, 4, kind=2))) == 1
    assert [it["insertText"] for it in client.items(client.inline(uri, 1, 4, kind=1))] == [
        "abc",
        "abc1",
        "abc2",
        "abc3",
    ]


def test_a_client_whose_kinds_count_from_zero() -> None:
    with RawClient() as client:
        client.initialize()
        client.status("ready")
        uri = client.open("# fill nt_it\npri\nprint_it1 = print_it2 = print_it3 = print_it = printnt_it = 0\n")
        assert len(client.items(client.inline(uri, 1, 3, kind=0))) == 4
        assert len(client.items(client.inline(uri, 1, 3, kind=1))) == 1
        start, end = {"line": 1, "character": 0}, {"line": 1, "character": 3}
        selected = {"range": [start, end], "text": "print"}
        (item,) = client.items(client.inline(uri, 1, 3, kind=1, selectedCompletionInfo=selected))
        assert item["range"] == {"start": start, "end": end}
        assert item["insertText"] == "printnt_it"


def asked_and_typed(client: RawClient, typed: str) -> list[dict[str, Any]]:
    """Return the answer to a request that is followed, in the same bytes, by a keystroke."""
    uri = client.open(FILL, "file:///typed.py")
    place = {"line": 1, "character": 6}
    document: dict[str, Any] = {"uri": uri, "version": 2}
    inline = {"textDocument": {"uri": uri}, "position": place, "context": {"triggerKind": 2}}
    changes = [{"range": {"start": place, "end": place}, "text": typed}]
    both = (
        {"id": f"typed {typed}", "method": "textDocument/inlineCompletion", "params": inline},
        {"method": "textDocument/didChange", "params": {"textDocument": document, "contentChanges": changes}},
    )
    client.send_bytes(b"".join(framed(json.dumps({"jsonrpc": "2.0", **it}).encode()) for it in both))
    items: list[dict[str, Any]] = client.answer(f"typed {typed}")["result"]["items"]
    return items


def test_what_is_typed_meanwhile_stays_if_it_agrees(client: RawClient) -> None:
    (item,) = asked_and_typed(client, "a")
    assert item["insertText"] == "a, b)"
    assert item["range"] == {"start": {"line": 1, "character": 6}, "end": {"line": 1, "character": 7}}


def test_what_is_typed_meanwhile_and_does_not_agree_drops_the_answer(client: RawClient) -> None:
    assert asked_and_typed(client, "z") == []


def test_in_a_language_the_model_does_not_know_it_is_asked_for_copies_only_and_that_is_said(client: RawClient) -> None:
    still_answers(client)
    client.seen.clear()
    uri = client.open("package main\n\nvar x = \n", "file:///a.go", "go")
    assert client.items(client.inline(uri, 2, 8)) == [], "there is nothing to copy"
    status = client.until(lambda it: (it.get("params") or {}).get("limited"))["params"]
    sentence = "The model was not trained on Go: only copies from this file and nearby files are suggested."
    assert sentence in status["message"]
    assert status["limited"] == {"uri": uri, "reason": sentence}
    assert status["inactive"] is None
    still_answers(client)
    client.until(lambda it: it.get("method") == "infill/status" and it["params"]["limited"] is None)


def test_printing_into_standard_output_does_no_harm(client: RawClient) -> None:
    assert client.items(client.inline(client.open("# print filled\nx = "), 1, 4))
    still_answers(client)
