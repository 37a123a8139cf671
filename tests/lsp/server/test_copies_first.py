"""An answer that comes late is preceded by copies, where the client asks again once the model's word is there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from raw_client import CAPABLE, RawClient, fake

REFRESHES = {
    "capabilities": {**CAPABLE, "experimental": {"infill": {"refresh": True, "timing": True}}},
    "initializationOptions": {"budget": {"automatic": 10_000}},
}
CODE = """filled = average = None
def first(rows, width):
    count = len(rows)
    return average(rows, count, width)


def second(rows, width):
    count = len(rows)
    return """
COPY = "average(rows, count, width)"
WORD = "filled"


def is_refresh(message: dict[str, Any]) -> bool:
    return message.get("method") == "infill/refresh"


def texts(client: RawClient, uri: str, line: int = 9, character: int = 11) -> list[str]:
    return [it["insertText"] for it in client.items(client.inline(uri, line, character))]


def sources(client: RawClient) -> list[str]:
    return [it["params"]["source"] for it in client.seen if it.get("method") == "infill/timing"]


def typed(client: RawClient, uri: str, version: int, at: tuple[int, int], text: str) -> None:
    place = {"line": at[0], "character": at[1]}
    change = {"range": {"start": place, "end": place}, "text": text}
    client.notify(
        "textDocument/didChange",
        {"textDocument": {"uri": uri, "version": version}, "contentChanges": [change]},
    )


@pytest.fixture
def client() -> Iterator[RawClient]:
    with RawClient(fake()) as it:
        it.initialize(**REFRESHES)
        it.status("ready")
        yield it
        assert it.end() == 0


def test_the_copy_comes_first_and_the_word_of_the_model_in_its_place(client: RawClient, tmp_path: Path) -> None:
    word = tmp_path / "word"
    uri = client.open(f"# when {word}\n{CODE}")
    assert texts(client, uri) == [COPY]
    assert texts(client, uri) == [COPY], "the same question does not wait either"
    word.touch()
    assert client.until(is_refresh)["params"] == {"uri": uri, "version": 1}
    assert texts(client, uri)[0] == WORD
    assert sources(client) == ["copies", "prepared", "prepared"]
    typed(client, uri, 2, (9, 11), "f")
    assert texts(client, uri, 9, 12)[0] == WORD[1:], "what is shown stays while it is typed"


def test_a_model_that_agrees_with_the_copy_moves_nothing(client: RawClient, tmp_path: Path) -> None:
    word = tmp_path / "word"
    uri = client.open(f"# when {word}\n{CODE.replace(COPY, WORD)}")
    assert texts(client, uri) == [WORD]
    word.touch()
    still = client.open("# fill other\nother = 1\nfilled = ", "file:///b.py")  # Its answer comes after the other's.
    assert texts(client, still, 2, 9) == ["other"]
    assert texts(client, uri) == [WORD]
    assert not any(map(is_refresh, client.seen))


def test_whoever_types_the_copy_on_keeps_it(client: RawClient, tmp_path: Path) -> None:
    word = tmp_path / "word"
    uri = client.open(f"# when {word}\n{CODE}")
    assert texts(client, uri) == [COPY]
    typed(client, uri, 2, (9, 11), COPY[:3])
    assert texts(client, uri, 9, 14) == [COPY[3:]]
    word.touch()
    still = client.open("# fill other\nother = 1\nfilled = ", "file:///b.py")
    assert texts(client, still, 2, 9) == ["other"]
    assert not any(map(is_refresh, client.seen)), "its question is no longer the document's"


def test_while_the_model_is_loaded_copies_are_shown_at_once(tmp_path: Path) -> None:
    with RawClient(fake("--hang")) as client:
        client.initialize(**REFRESHES)
        assert texts(client, client.open(f"# fill x\n{CODE}")) == [COPY]
        assert sources(client) == ["copies"]


def test_a_client_that_would_not_ask_again_waits_for_the_model(tmp_path: Path) -> None:
    word = tmp_path / "word"
    with RawClient(fake()) as client:
        client.initialize(initializationOptions={"budget": {"automatic": 10_000}})
        client.status("ready")
        uri = client.open(f"# when {word}\n{CODE}")
        asked = client.inline(uri, 9, 11)
        word.touch()
        assert client.items(asked)[0]["insertText"] == WORD
        assert client.end() == 0


def test_a_user_who_asks_by_hand_waits_for_the_model(client: RawClient, tmp_path: Path) -> None:
    word = tmp_path / "word"
    uri = client.open(f"# when {word}\n{CODE}")
    asked = client.inline(uri, 9, 11, kind=1)
    word.touch()
    assert client.items(asked)[0]["insertText"] == WORD
