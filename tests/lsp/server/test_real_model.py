"""Server, engine process and the embedded model together: nothing is scripted."""

import time
from collections.abc import Iterator

import pytest
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
    assert time.monotonic() - start < 2.0
    assert item["range"]["start"] == {"line": line, "character": 19}
    assert item["insertText"].strip()
    by_hand = client.items(client.inline(uri, line, 19, kind=1))
    assert len({it["insertText"] for it in by_hand}) == len(by_hand) > 0


def test_a_language_it_does_not_know_gets_nothing(client: RawClient) -> None:
    assert client.items(client.inline(client.open("package main\n", "file:///a.go", "go"), 1, 0)) == []
    status = client.until(lambda it: (it.get("params") or {}).get("inactive"))["params"]
    assert status["inactive"]["reason"] == "The model was not trained on Go."


def test_typing_in_a_hurry_leaves_the_engine_idle(client: RawClient) -> None:
    uri = client.open(TEXT, "file:///b.py")
    place = {"line": 13, "character": 0}
    ids = []
    for version in range(2, 42):
        change = {"range": {"start": place, "end": place}, "text": "x"}
        params = {"textDocument": {"uri": uri, "version": version}, "contentChanges": [change]}
        client.notify("textDocument/didChange", params)
        ids.append(client.inline(uri, 13, version - 1))
        client.notify("$/cancelRequest", {"id": ids[-1]})
    for id_ in ids:
        client.answer(id_)
    client.seen.clear()
    client.items(client.inline(uri, 13, 3))
    client.status("ready")
