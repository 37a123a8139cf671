"""Code actions and commands as an editor sees them: offered, resolved, refused, cancelled."""

from collections.abc import Iterator
from typing import Any

import pytest
from raw_client import CAPABLE, RawClient

EDITS = {"codeAction": {"dataSupport": True, "resolveSupport": {"properties": ["edit"]}}}
NOTED = {"workspaceEdit": {"documentChanges": True, "changeAnnotationSupport": {"groupsOnLabel": True}}}
ARGUMENTS = "# fill a, 1\n'😀' + print()\n"
UNITS = {"utf-8": 15, "utf-16": 13, "utf-32": 12}
"""The position of the arguments on the second line."""

FAILED, CANCELLED, INVALID = -32803, -32800, -32602


def capable(encoding: str = "utf-16", **changes: object) -> dict[str, Any]:
    general = {"positionEncodings": [encoding]}
    return {**CAPABLE, "general": general, "textDocument": EDITS, "workspace": NOTED, **changes}


@pytest.fixture(scope="module")
def client() -> Iterator[RawClient]:
    with RawClient() as client:
        client.initialize(capabilities=capable())
        client.status("ready")
        yield client


def at(line: int, character: int) -> dict[str, Any]:
    place = {"line": line, "character": character}
    return {"start": place, "end": place}


def actions(client: RawClient, uri: str, range_: object, **context: object) -> dict[str, dict[str, Any]]:
    """Return the actions offered, by title."""
    context = {"diagnostics": [], "triggerKind": 1, **context}
    params = {"textDocument": {"uri": uri}, "range": range_, "context": context}
    return {it["title"]: it for it in client.call("textDocument/codeAction", params)["result"]}


def change(client: RawClient, uri: str, version: int, text: str) -> None:
    params = {"textDocument": {"uri": uri, "version": version}, "contentChanges": [{"text": text}]}
    client.notify("textDocument/didChange", params)


@pytest.mark.parametrize("encoding", UNITS)
def test_a_chosen_action_becomes_a_versioned_annotated_edit(encoding: str) -> None:
    with RawClient() as client:
        features = client.initialize(capabilities=capable(encoding))["capabilities"]
        assert features["codeActionProvider"]["resolveProvider"] is True
        assert "infill.fillBody" in features["executeCommandProvider"]["commands"]
        uri = client.open(ARGUMENTS)
        place = at(1, UNITS[encoding])
        action = actions(client, uri, place)["Fill the arguments"]
        assert "edit" not in action
        assert "command" not in action
        edit = client.call("codeAction/resolve", action)["result"]["edit"]
        (changes,) = edit["documentChanges"]
        assert changes["textDocument"] == {"uri": uri, "version": 1}
        (made,) = changes["edits"]
        assert (made["range"], made["newText"]) == (place, "a, 1")
        note = edit["changeAnnotations"][made["annotationId"]]
        assert note["label"] == "Fill the arguments"
        assert note["needsConfirmation"] is False
        assert "60% sure" in note["description"]


def test_an_edit_for_another_version_is_refused(client: RawClient) -> None:
    uri = client.open(ARGUMENTS, "file:///stale.py")
    action = actions(client, uri, at(1, 13))["Fill the arguments"]
    change(client, uri, 2, "\n" + ARGUMENTS)
    error = client.call("codeAction/resolve", action)["error"]
    assert (error["code"], "has changed since" in error["message"]) == (FAILED, True)
    client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    assert "is no longer open" in client.call("codeAction/resolve", action)["error"]["message"]


def test_a_change_ends_the_edit_that_is_being_made(client: RawClient) -> None:
    uri = client.open("# slow\nprint()\n", "file:///changed.py")
    id_ = client.request("codeAction/resolve", actions(client, uri, at(1, 6))["Fill the arguments"])
    client.status("busy")
    change(client, uri, 2, "x = 1\n")
    error = client.answer(id_)["error"]
    assert (error["code"], "has changed since" in error["message"]) == (FAILED, True)
    client.status("ready")


def test_a_command_makes_the_same_edit_and_applies_it(client: RawClient) -> None:
    uri = client.open(ARGUMENTS, "file:///command.py")
    arguments = [uri, at(1, 13), 1]
    id_ = client.request("workspace/executeCommand", {"command": "infill.fillArguments", "arguments": arguments})
    asked = client.until(lambda it: it.get("method") == "workspace/applyEdit")
    assert asked["params"]["label"] == "Fill the arguments"
    assert asked["params"]["edit"]["documentChanges"][0]["edits"][0]["newText"] == "a, 1"
    assert client.answer(id_)["result"] is True


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], INVALID, "takes a URI, a range"),
        (["file:///wrong.py"], INVALID, "takes a URI, a range"),
        (["file:///wrong.py", {"start": 1}], INVALID, "A range has a start and an end"),
        (["file:///wrong.py", at(0, 0), "1"], INVALID, "takes a URI, a range"),
        (["file:///wrong.py", at(0, 0), 7], FAILED, "has changed since"),
        (["file:///nowhere.py", at(0, 0)], FAILED, "is not open"),
    ],
)
def test_wrong_arguments_are_refused_in_words(
    client: RawClient, arguments: list[object], code: int, words: str
) -> None:
    client.open(ARGUMENTS, "file:///wrong.py")
    answer = client.call("workspace/executeCommand", {"command": "infill.fillGap", "arguments": arguments})
    assert answer["error"]["code"] == code
    assert words in answer["error"]["message"]


def test_what_was_never_offered_is_refused(client: RawClient) -> None:
    for data in (None, {"kind": "fill_gap"}, [1]):
        error = client.call("codeAction/resolve", {"title": "x", "data": data})["error"]
        assert "ask for code actions again" in error["message"]
    assert client.call("workspace/executeCommand", {"command": "rm"})["error"]["code"] == INVALID
    assert actions(client, "file:///nowhere.py", at(0, 0)) == {}
    outside = actions(client, client.open("x = f()", "file:///short.py"), at(90, 90))
    assert "Fill the arguments" not in outside


def test_people_are_told_that_nothing_was_found(client: RawClient) -> None:
    uri = client.open("# fill )\nprint()\n", "file:///nothing.py")
    answer = client.call("codeAction/resolve", actions(client, uri, at(1, 6))["Fill the arguments"])
    assert "edit" not in answer["result"]
    message = client.until(lambda it: it.get("method") == "window/showMessage")["params"]["message"]
    assert message == "Fill the arguments: The model found nothing that fits here and parses."


@pytest.mark.parametrize("method", ["codeAction/resolve", "workspace/executeCommand"])
def test_a_request_for_an_edit_can_be_cancelled(client: RawClient, method: str) -> None:
    uri = client.open("# slow\nprint()\n", f"file:///cancelled/{method}.py")
    action = actions(client, uri, at(1, 6))["Fill the arguments"]
    command = {"command": "infill.fillArguments", "arguments": [uri, at(1, 6)]}
    id_ = client.request(method, action if method.startswith("code") else command)
    client.status("busy")
    client.notify("$/cancelRequest", {"id": id_})
    assert client.answer(id_)["error"]["code"] == CANCELLED
    client.status("ready")


def test_what_takes_long_shows_progress_that_can_be_stopped(client: RawClient) -> None:
    uri = client.open("# slow\nprint()\n", "file:///long.py")
    id_ = client.request("codeAction/resolve", actions(client, uri, at(1, 6))["Fill the arguments"])
    begun = client.until(lambda it: it.get("method") == "$/progress" and it["params"]["value"]["kind"] == "begin")
    value = begun["params"]["value"]
    assert (value["title"], value["cancellable"]) == ("Fill the arguments", True)
    client.notify("window/workDoneProgress/cancel", {"token": begun["params"]["token"]})
    assert client.answer(id_)["error"]["code"] == CANCELLED
    client.until(lambda it: it.get("method") == "$/progress" and it["params"]["value"]["kind"] == "end")


def test_editors_get_the_kinds_they_ask_for(client: RawClient) -> None:
    uri = client.open("def f(a):\n    pass\nx = f(1\n", "file:///kinds.py")
    assert {"Fill the gap here", "Fill this body"} <= actions(client, uri, at(1, 8)).keys()
    assert "Fill the gap here" not in actions(client, uri, at(1, 8), triggerKind=2)
    assert "Fill this body" in actions(client, uri, at(1, 8), only=["refactor"])
    assert actions(client, uri, at(2, 7), only=["quickfix"]).keys() == {"Repair syntax here"}
    assert actions(client, uri, at(2, 7), only=["source"]) == {}


def test_an_editor_that_resolves_nothing_gets_commands_and_plain_edits() -> None:
    with RawClient() as client:
        client.initialize(capabilities=capable(textDocument={}, workspace={"applyEdit": True}))
        uri = client.open(ARGUMENTS)
        command = actions(client, uri, at(1, 13))["Fill the arguments"]["command"]
        assert command["command"] == "infill.fillArguments"
        id_ = client.request("workspace/executeCommand", command)
        edit = client.until(lambda it: it.get("method") == "workspace/applyEdit")["params"]["edit"]
        assert edit == {"changes": {uri: [{"range": at(1, 13), "newText": "a, 1"}]}}
        assert client.answer(id_)["result"] is True
