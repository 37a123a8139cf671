"""The next edit as an editor sees it: told at rest, applied, dismissed, and nothing where it is not wanted."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pace import slowness
from raw_client import CAPABLE, RawClient, fake

SHOWS = {**CAPABLE, "experimental": {"infill": {"nextEdit": True}}}
TEXT = "def f(total):\n    print('😀', total)\n    print(total)\n    print(total)\n    return total\n"


class Editor:
    """A document of a client."""

    def __init__(self, client: RawClient, name: str, text: str = TEXT, language: str = "python") -> None:
        self.client, self.text, self.version = client, text, 1
        self.uri = client.open(text, f"file:///{name}", language)

    def put(self, range_: dict[str, Any], text: str) -> None:
        """Send a change; lines are ASCII where the tests put anything."""
        lines = self.text.split("\n")
        start, end = (sum(len(it) + 1 for it in lines[: at["line"]]) + at["character"] for at in range_.values())
        self.text = self.text[:start] + text + self.text[end:]
        self.version += 1
        document = {"uri": self.uri, "version": self.version}
        changes = [{"range": range_, "text": text}]
        self.client.notify("textDocument/didChange", {"textDocument": document, "contentChanges": changes})

    def rename(self) -> None:
        self.put(span(0, 6, 11), "amount")

    def told(self) -> dict[str, Any]:
        """Wait for the edits that wait in this document."""
        wanted = lambda it: it.get("method") == "infill/nextEdit" and it["params"]["uri"] == self.uri  # noqa: E731
        params: dict[str, Any] = self.client.until(wanted)["params"]
        return params

    def actions(self, **context: object) -> list[dict[str, Any]]:
        params = {"textDocument": {"uri": self.uri}, "range": span(0, 0, 0), "context": {"diagnostics": [], **context}}
        found = self.client.call("textDocument/codeAction", params)["result"]
        return [it for it in found if it["title"].startswith("Next edit")]

    def apply(self, *arguments: object) -> Any:
        params = {"command": "infill.applyNextEdit", "arguments": [self.uri, *arguments]}
        return self.client.call("workspace/executeCommand", params)

    def said(self) -> list[dict[str, Any]]:
        """Return what was told so far without having been waited for; the answer to a request comes behind it."""
        self.actions()
        return [
            it for it in self.client.seen if it.get("method") == "infill/nextEdit" and it["params"]["uri"] == self.uri
        ]


def span(line: int, start: int, end: int) -> dict[str, Any]:
    return {"start": {"line": line, "character": start}, "end": {"line": line, "character": end}}


@pytest.fixture(scope="module")
def client() -> Iterator[RawClient]:
    with RawClient() as client:
        client.initialize(capabilities=SHOWS)
        client.status("ready")
        yield client


def test_a_rename_is_followed_one_place_after_the_other(client: RawClient) -> None:
    editor = Editor(client, "rename.py")
    editor.rename()
    told = editor.told()
    assert told["version"] == 2
    assert [it["range"] for it in told["edits"]] == [span(1, 16, 21), span(2, 10, 15), span(3, 10, 15)]
    assert {(it["newText"], it["kind"], it["label"]) for it in told["edits"]} == {
        ("amount", "rename", "Rename `total` to `amount`")
    }
    for left in (3, 2, 1, 0):
        at = told["edits"][0]["range"]
        version = {"uri": editor.uri, "version": told["version"] + 1}
        change = {"textDocument": version, "contentChanges": [{"range": at, "text": "amount"}]}
        client.notify("textDocument/didChange", change)
        told = editor.told()
        assert len(told["edits"]) == left


@pytest.mark.parametrize(("encoding", "start"), [("utf-8", 18), ("utf-16", 16), ("utf-32", 15)])
def test_places_are_in_the_encoding_agreed_upon(encoding: str, start: int) -> None:
    with RawClient() as client:
        client.initialize(capabilities={**SHOWS, "general": {"positionEncodings": [encoding]}})
        editor = Editor(client, "encoded.py")
        editor.rename()
        assert editor.told()["edits"][0]["range"] == span(1, start, start + 5)


def test_it_is_told_once_the_user_rests(client: RawClient) -> None:
    editor = Editor(client, "typed.py")
    editor.put(span(0, 6, 11), "")
    for number, letter in enumerate("amount"):
        editor.put(span(0, 6 + number, 6 + number), letter)
    began = time.monotonic()
    told = editor.told()
    assert time.monotonic() - began > 0.3
    assert (told["version"], told["edits"][0]["newText"]) == (8, "amount")
    assert editor.said() == []


def test_it_is_told_soon_in_a_long_document(client: RawClient) -> None:
    sources = sorted((Path(__file__).parents[3] / "infill_lsp").glob("*/*.py"))
    filler = "".join(it.read_text(encoding="utf-8") for it in sources).splitlines(keepends=True)[:2_000]
    editor = Editor(client, "long.py", TEXT + "\n\n" + "".join(filler))
    times = []
    for number in range(8):
        old, new = ("total", "amount") if number % 2 == 0 else ("amount", "total")
        began = time.monotonic()
        editor.put(span(0, 6, 6 + len(old)), new)
        told = editor.told() if number % 2 == 0 else {"edits": []}
        times += [time.monotonic() - began] if told["edits"] else []
    assert min(times) < 0.15 + 0.6 * slowness(), "0.15 s of rest, and 0.05 s on an idle machine"


def test_what_no_longer_holds_is_taken_back_once(client: RawClient) -> None:
    editor = Editor(client, "back.py")
    editor.rename()
    assert editor.told()["edits"]
    editor.put(span(0, 6, 12), "total")
    assert editor.told() == {"uri": editor.uri, "version": 3, "edits": []}
    editor.put(span(0, 0, 0), "x = 1\n")
    editor.put(span(1, 6, 11), "amount")
    assert editor.told()["version"] == 5


def test_what_was_dismissed_does_not_come_again(client: RawClient) -> None:
    editor = Editor(client, "dismissed.py")
    editor.rename()
    for _ in range(4):
        told = editor.told()
        client.notify("infill/nextEdit/dismiss", {"uri": editor.uri, "id": told["edits"][0]["id"]})
    assert editor.told()["edits"] == []
    for wrong in ({}, {"uri": 1}, {"uri": editor.uri}, {"uri": "file:///none.py", "id": "1"}, None, []):
        client.notify("infill/nextEdit/dismiss", wrong)
    assert editor.actions() == []


def test_each_is_a_code_action_anywhere(client: RawClient) -> None:
    editor = Editor(client, "action.py")
    editor.rename()
    editor.told()
    found = editor.actions()
    assert [it["title"] for it in found] == ["Next edit: Rename `total` to `amount`"] * 3
    assert found[0]["kind"] == "quickfix"
    assert found[0]["edit"]["changes"][editor.uri] == [{"range": span(1, 16, 21), "newText": "amount"}]
    assert len(editor.actions(only=["quickfix"])) == 3
    assert editor.actions(only=["refactor"]) == []
    editor.put(span(0, 0, 0), "#\n")
    assert editor.actions() == []


def test_a_command_applies_the_nearest_and_shows_it() -> None:
    with RawClient() as client:
        capable = {
            "window": {"showDocument": {"support": True}},
            "workspace": {"workspaceEdit": {"documentChanges": True}},
        }
        client.initialize(capabilities={**CAPABLE, **capable})
        editor = Editor(client, "command.py")
        assert editor.apply()["result"] is False
        editor.rename()
        while not editor.actions():
            pass
        assert editor.apply(1)["result"] is False
        assert editor.apply(2)["result"] is True
        asked = client.until(lambda it: it.get("method") == "workspace/applyEdit")["params"]
        (change,) = asked["edit"]["documentChanges"]
        assert change["textDocument"]["version"] == 2
        assert change["edits"] == [{"range": span(1, 16, 21), "newText": "amount"}]
        shown = client.until(lambda it: it.get("method") == "window/showDocument")["params"]
        assert (shown["uri"], shown["selection"]) == (editor.uri, span(1, 16, 16))
        assert editor.said() == [], "this client shows nothing"
        assert editor.apply("two")["error"]["code"] == -32602
        other = {"command": "infill.applyNextEdit", "arguments": ["file:///none.py"]}
        assert client.call("workspace/executeCommand", other)["result"] is False


@pytest.mark.parametrize("options", [{"nextEdit": False}, {"enable": False}, {"exclude": ["private.*"]}])
def test_nothing_where_it_is_not_wanted(options: dict[str, object]) -> None:
    with RawClient() as client:
        client.initialize(capabilities=SHOWS, initializationOptions=options)
        private, other = Editor(client, "private.py"), Editor(client, "other.py")
        private.rename()
        wanted = {"nextEdit": True, "enable": True}
        client.notify("workspace/didChangeConfiguration", {"settings": {"infill": wanted}})
        other.rename()
        assert other.told()["edits"], "what the user rested for before would have come before"
        assert private.said() == []
        assert private.actions() == []


def test_switching_it_off_takes_back_what_waits(client: RawClient) -> None:
    editor = Editor(client, "switched.py")
    editor.rename()
    assert editor.told()["edits"]
    client.notify("workspace/didChangeConfiguration", {"settings": {"infill": {"nextEdit": False}}})
    assert editor.told()["edits"] == []
    client.notify("workspace/didChangeConfiguration", {"settings": {"infill": {"nextEdit": True}}})
    editor.put(span(0, 6, 12), "sum_of_it")
    assert editor.actions() == []


def test_nothing_in_a_secret_document(client: RawClient) -> None:
    editor = Editor(client, ".env", TEXT)
    editor.rename()
    plain = Editor(client, "beside.py")
    plain.rename()
    assert plain.told()["edits"]
    assert editor.said() == []


PAINT = '# fill blue")\nKIND = "red"\n\n\ndef paint(wall):\n    wall.cover("red")\n    return wall\n'


def test_a_model_that_reads_is_asked_where_no_rule_finds_anything() -> None:
    with RawClient(fake("--reads")) as client:
        client.initialize(capabilities=SHOWS)
        client.status("ready")
        editor = Editor(client, "paint.py", PAINT)
        editor.put(span(1, 8, 11), "blue")
        (edit,) = editor.told()["edits"]
        assert (edit["range"], edit["newText"], edit["kind"]) == (span(5, 16, 21), 'blue")', "model")
        editor.client.notify("infill/nextEdit/dismiss", {"uri": editor.uri, "id": edit["id"]})
        assert editor.told()["edits"] == []


def test_a_model_that_only_writes_is_not_asked(client: RawClient) -> None:
    editor = Editor(client, "only.py", PAINT)
    editor.put(span(1, 8, 11), "blue")
    time.sleep(1)
    assert editor.said() == []


def test_a_key_ends_what_a_model_is_asked() -> None:
    """The engine reads when it is told to cancel, and ghost text is answered at once."""
    with RawClient(fake("--reads", "--slow-reading")) as client:
        client.initialize(capabilities=SHOWS)
        client.status("ready")
        editor = Editor(client, "slow.py", PAINT)
        editor.put(span(1, 8, 11), "blue")
        time.sleep(0.6)
        editor.put(span(6, 15, 15), "s")
        began = time.monotonic()
        client.items(client.inline(editor.uri, 6, 16))
        assert time.monotonic() - began < 2.0 * slowness()
        found = [it["params"] for it in editor.said()]  # On a slow machine the rules have found what the "s" calls for.
        assert not any(it["edits"] for it in found if it["version"] == 2), "what the model was asked before the key"
