"""An engine that hangs, dies during loading, or loads slowly, as an editor sees it; and how often it is reported."""

import os
import signal
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest
from raw_client import RawClient, fake

CODE = "# fill a, b)\nprint(\n"
ONCE: dict[str, Any] = {"budget": {"automatic": 5000, "invoked": 10}}
"""Requests by hand get 10 ms once the engine is up: enough for a scripted model, too little to wait for its start."""


def by_hand(client: RawClient, code: str = CODE, uri: str = "file:///a.py", language: str = "python") -> int:
    client.open(code, uri, language)
    return client.inline(uri, code.count("\n") - 1, len(code.split("\n")[-2]), kind=1)


def arguments_filled(client: RawClient) -> int:
    """Request a fill of the arguments of a call, without waiting for it."""
    uri, place = client.open("# fill a, 1\nprint()\n", "file:///edited.py"), {"line": 1, "character": 6}
    arguments = [uri, {"start": place, "end": place}]
    return client.request("workspace/executeCommand", {"command": "infill.fillArguments", "arguments": arguments})


def texts(client: RawClient, id_: int) -> list[str]:
    return [it["insertText"] for it in client.items(id_)]


def words(client: RawClient) -> str:
    """Return the messages shown to the user."""
    message = client.until(lambda it: it.get("method") == "window/showMessage")
    told: str = message["params"]["message"]
    return told


def statuses(client: RawClient) -> list[dict[str, Any]]:
    return [it["params"] for it in client.seen if it.get("method") == "infill/status"]


def logged(client: RawClient) -> list[str]:
    return [it["params"]["message"] for it in client.seen if it.get("method") == "window/logMessage"]


def until_there_is_another_engine(client: RawClient, than: int | None) -> int:
    """Return the process id of the engine, once it differs from this one."""
    while (pids := [it.pid for it in psutil.Process(client.process.pid).children()]) in ([], [than]):
        pass
    return pids[0]


def engine_of(client: RawClient) -> psutil.Process:
    (engine,) = psutil.Process(client.process.pid).children()
    return engine


def test_a_stopped_engine_is_replaced_after_ten_seconds_and_the_status_says_so() -> None:
    with RawClient() as client:
        client.initialize()
        client.status("ready")
        engine = engine_of(client)
        engine.send_signal(signal.SIGSTOP)
        edit = arguments_filled(client)
        assert texts(client, by_hand(client)) == []
        assert words(client) == "No suggestion: The engine found nothing in time."
        status = client.status("degraded")
        assert "gave no sign of life for 10 s and was ended. It will be restarted in" in status["reason"]
        assert "no sign of life" in client.answer(edit)["error"]["message"]
        client.status("ready")
        assert texts(client, by_hand(client, uri="file:///c.py"))[0] == "a, b)"
        assert client.end() == 0


def test_an_engine_that_dies_while_it_loads_is_tried_until_it_loads(tmp_path: Path) -> None:
    there = tmp_path / "there"
    with RawClient(fake("--die-until", str(there))) as client:
        client.initialize()
        for _ in range(5):  # It was given up after four.
            assert "will be restarted in" in client.status("degraded")["reason"]
        there.touch()
        client.status("ready")
        assert texts(client, by_hand(client))[0] == "a, b)"


def test_a_setting_that_changes_starts_an_engine_that_waits_to_be_started_again(tmp_path: Path) -> None:
    there = tmp_path / "there"
    with RawClient(fake("--die-until", str(there))) as client:
        client.initialize()
        while "in 2 s" not in client.status("degraded")["reason"]:
            pass
        there.touch()
        client.notify("workspace/didChangeConfiguration", {"settings": {"infill": {"candidates": 2}}})
        client.status("ready")


def test_a_model_that_cannot_be_loaded_is_tried_again_when_a_setting_changes(tmp_path: Path) -> None:
    there = tmp_path / "there"
    with RawClient(fake("--refuse-until", str(there))) as client:
        client.initialize()
        sentence = f"{there} is not there. It will be tried again when a setting of infill changes."
        assert client.status("degraded")["reason"] == sentence
        assert texts(client, by_hand(client)) == []
        assert words(client) == f"No suggestion: {there} is not there."
        there.touch()
        client.notify("workspace/didChangeConfiguration", {"settings": {"infill": {"candidates": 2}}})
        client.status("ready")
        assert texts(client, by_hand(client, "# fill aha\n# aha1\nx = \n", "file:///b.py")) == ["aha", "aha1"]


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """Return a named pipe; an engine with `--load-when` loads when it is written to."""
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


def test_what_is_asked_by_hand_while_the_engine_loads_is_held_with_progress_and_answered(gate: Path) -> None:
    with RawClient(fake("--load-when", str(gate))) as client:
        client.initialize(initializationOptions=ONCE)
        asked = by_hand(client)
        begun = client.until(lambda it: it.get("method") == "$/progress" and "gap" in str(it["params"]["value"]))
        assert begun["params"]["value"]["title"] == "Filling the gap"
        assert not any("id" in it and "method" not in it for it in client.seen), "it is not answered yet"
        gate.write_text("go")
        assert texts(client, asked)[0] == "a, b)"


def test_what_is_held_while_settings_replace_the_engine_is_answered_by_the_new_one(gate: Path) -> None:
    with RawClient(fake("--load-when", str(gate))) as client:
        client.initialize(initializationOptions=ONCE)
        asked = by_hand(client)
        first = until_there_is_another_engine(client, None)
        client.notify("workspace/didChangeConfiguration", {"settings": {"infill": {**ONCE, "threads": 1}}})
        until_there_is_another_engine(client, first)
        gate.write_text("go")
        assert texts(client, asked)[0] == "a, b)"


def test_what_is_asked_by_hand_of_an_engine_that_dies_while_it_loads_ends_in_words(tmp_path: Path) -> None:
    with RawClient(fake("--die-until", str(tmp_path / "never"))) as client:
        client.initialize()
        assert texts(client, by_hand(client)) == []
        assert "No suggestion: The engine was killed by SIGKILL" in words(client)


def test_an_edit_that_is_asked_for_while_the_engine_loads_is_held(gate: Path) -> None:
    with RawClient(fake("--load-when", str(gate))) as client:
        client.initialize()
        edit = arguments_filled(client)
        gate.write_text("go")
        assert client.answer(edit)["result"] is True


@pytest.mark.parametrize(
    ("code", "uri", "language", "why"),
    [
        ("# fill )))\nx = \n", "file:///a.py", "python", "A fill is not shown"),
        ("# refuse\nprint(\n", "file:///a.py", "python", "unknown unmask policy"),
        ("# raise\nprint(\n", "file:///a.py", "python", "An error occurred in the engine"),
        ("# fill x\nprint(\n", "file:///home/.env", "python", ".env may hold secrets"),
        ("# fill x\nprint(\n", "file:///a.zig", "zig", "The model was not trained on"),
    ],
)
def test_who_asks_by_hand_and_gets_nothing_is_told_why(code: str, uri: str, language: str, why: str) -> None:
    with RawClient() as client:
        client.initialize()
        client.status("ready")
        assert texts(client, by_hand(client, code, uri, language)) == []
        assert why in words(client)
        client.open(code, uri, language)
        client.items(client.inline(uri, 1, 6))
        assert not any(it.get("method") == "window/showMessage" for it in client.seen), "who types is left alone"


def test_the_status_is_told_once_a_change_and_not_at_each_key() -> None:
    with RawClient() as client:
        client.initialize()
        client.status("ready")
        client.call("shutdown-is-not-yet")
        client.seen.clear()
        for count in range(10):
            code = f"# fill a, b)\n{'x' * count} = print(\n"
            uri = client.open(code)
            assert client.items(client.inline(uri, 1, count + 9))
        assert statuses(client) == []
        assert logged(client) == []


def test_languages_that_alternate_are_logged_once_each() -> None:
    with RawClient() as client:
        client.initialize()
        client.status("ready")
        client.call("shutdown-is-not-yet")
        client.seen.clear()
        for _ in range(5):
            client.open(CODE, "file:///a.py")
            client.items(client.inline("file:///a.py", 1, 6))
            client.open("// a\nf(\n", "file:///b.go", "go")
            client.items(client.inline("file:///b.go", 1, 2))
        (line,) = logged(client)
        assert line.startswith("The model was not trained on Go")
        assert all(before != after for before, after in pairwise(statuses(client))), "told at a change and only then"
        assert {it["limited"] is None for it in statuses(client)} == {True, False}
