"""Server, engine process and the embedded model together: nothing is scripted."""

import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from pace import slowness
from raw_client import REAL, RawClient

TEXT = """def area(width, height):
    return width * height


def volume(width, height, depth):
    return area(width, height) * depth


def twice(width, height, depth):
    return 2 * volume(width, height, depth)


print(volume(1, 2, 3))
print(volume(4, 5,@
""".replace("@", " ")

GO = """package main

func main() {
\tresult, err := registry.Lookup("first", options.Default())
\tcheck(err)
\tprint(result)
\tresult, err = registry.Lookup("second", options.Default())
\tcheck(err)
\tprint(result)
\tresult, err = registry.Lo@
}
"""

AGAIN = """class First:
    def __init__(self, items, names):
        self.items = list(items)
        self.names = list(names)


class Second:
    def __init__(self, items, names):
        self.items = list(items)
        self.nam
"""


@pytest.fixture(scope="module")
def client() -> Iterator[RawClient]:
    with RawClient(REAL) as client:
        client.initialize(
            capabilities={"general": {"positionEncodings": ["utf-8"]}},
            initializationOptions={"confidence": 0, "threads": 1, "budget": {"automatic": 1000}},
        )
        assert client.status("ready")["model"]
        yield client
        assert client.end() == 0


def test_the_embedded_model_answers_within_its_budget(client: RawClient) -> None:
    uri = client.open(TEXT.replace("width", "wídth"))
    line = TEXT.count("\n", 0, TEXT.index("print(volume(4"))
    start = time.monotonic()
    (item,) = client.items(client.inline(uri, line, 19))
    assert time.monotonic() - start < 2.0 * slowness()
    assert item["range"]["start"] == {"line": line, "character": 19}
    assert item["insertText"].strip()
    by_hand = client.items(client.inline(uri, line, 19, kind=1))
    assert len({it["insertText"] for it in by_hand}) == len(by_hand) > 0


def test_in_a_language_it_does_not_know_it_copies_what_is_there(client: RawClient) -> None:
    client.seen.clear()
    before, after = GO.split("@")
    uri = client.open(before + after, "file:///a.go", "go")
    (item,) = client.items(client.inline(uri, before.count("\n"), len(before.rpartition("\n")[2])))
    written = f"registry.Lo{item['insertText']}"
    assert written.startswith("registry.Lookup(")
    assert written in before
    assert client.items(client.inline(client.open("package main\n\nvar x = \n", "file:///b.go", "go"), 2, 8)) == []
    status = client.until(lambda it: (it.get("params") or {}).get("limited"))["params"]
    sentence = "The model was not trained on Go: only copies from this file and nearby files are suggested."
    assert status["limited"] == {"uri": uri, "reason": sentence}
    assert status["inactive"] is None


def test_typing_in_a_hurry_leaves_the_engine_idle(client: RawClient) -> None:
    uri = client.open(TEXT, "file:///b.py")
    ids = []
    for version in range(2, 42):
        place = {"line": 13, "character": 17 + version}
        change = {"range": {"start": place, "end": place}, "text": "x"}
        params = {"textDocument": {"uri": uri, "version": version}, "contentChanges": [change]}
        client.notify("textDocument/didChange", params)
        ids.append(client.inline(uri, 13, 18 + version))
        client.notify("$/cancelRequest", {"id": ids[-1]})
    for id_ in ids:
        client.answer(id_)
    client.items(client.inline(uri, 13, 59))
    (engine,) = psutil.Process(client.process.pid).children()
    assert engine.cpu_percent(interval=1) < 20, "nothing that was left is still being filled"


def test_who_watches_is_told_of_each_step_of_what_is_asked_by_hand(client: RawClient) -> None:
    uri = client.open(AGAIN, "file:///watched.py")
    client.notify("infill/watch", {"enable": True})
    client.items(client.inline(uri, 9, 16))
    assert not steps(client), "nobody asked by hand"
    (best, *_) = (it["insertText"] for it in client.items(client.inline(uri, 9, 16, kind=1)))
    seen = steps(client)
    assert [it["uri"] for it in seen] == [uri] * len(seen)
    assert {it["id"] for it in seen} == {seen[0]["id"]}
    assert [it["step"] for it in seen] == list(range(1, len(seen) + 1))
    assert seen[0]["range"]["start"] == {"line": 9, "character": 16}
    assert {token["state"] for token in seen[0]["frame"]} <= {"pinned", "masked", "committed", "deleted"}
    assert all(it["event"] and it["ms"] >= 0 for it in seen)
    last = "".join(token["text"] for token in seen[-1]["frame"] if token["state"] == "committed")
    assert last == best, "the last step is the fill that is shown, be it a copy"
    client.notify("infill/watch", {"enable": False})
    client.items(client.inline(uri, 9, 16, kind=1))
    assert not steps(client)


def test_who_watches_sees_edits_being_written_and_nonsense_is_no_wish(client: RawClient) -> None:
    uri = client.open("def area(width, height):\n    \n\n\nprint(area(1, 2))\n", "file:///edited.py")
    client.notify("infill/watch", {"enable": True})
    place = {"start": {"line": 1, "character": 4}, "end": {"line": 1, "character": 4}}
    client.call("workspace/executeCommand", {"command": "infill.fillBody", "arguments": [uri, place]})
    assert {it["uri"] for it in steps(client)} == {uri}
    for nonsense in ({"enable": "yes"}, {}, None, [True], 7):
        client.notify("infill/watch", nonsense)
    client.call("workspace/executeCommand", {"command": "infill.fillBody", "arguments": [uri, place]})
    assert not steps(client)


def steps(client: RawClient) -> list[dict[str, Any]]:
    """Return the results of steps; each comes once."""
    found = [it for it in client.seen if it.get("method") == "infill/partial"]
    client.seen = [it for it in client.seen if it not in found]
    return [it["params"] for it in found]
