"""Clients that measure are told where an answer comes from and what it took; others are told nothing."""

from typing import Any

from raw_client import CAPABLE, FAKE, RawClient

MEASURING = {"capabilities": {**CAPABLE, "experimental": {"infill": {"timing": True}}}}
CODE = "# fill a + b\ndef add(a, b):\n    return "


def is_timing(message: dict[str, Any]) -> bool:
    return message.get("method") == "infill/timing"


def test_each_answer_is_preceded_by_its_source_and_times() -> None:
    with RawClient(FAKE) as client:
        client.initialize(**MEASURING)
        uri = client.open(CODE)
        client.status("ready")
        (shown, *_) = client.items(client.inline(uri, 2, 11))
        first = client.until(is_timing)["params"]
        assert (first["uri"], first["version"], first["line"], first["column"]) == (uri, 1, 3, 12)
        assert first["source"] == "engine"
        assert first["engine"] > 0
        assert first["parts"] == {**first["parts"], "encode": 1.5, "denoise": 2.75, "total": 4.5, "verify": 0.0}
        assert first["parts"]["queue"] >= 0
        assert first["tokens"] > 0
        at = {"line": 2, "character": 11}
        change = {"range": {"start": at, "end": at}, "text": shown["insertText"][:1]}
        identifier = {"uri": uri, "version": 2}
        client.notify("textDocument/didChange", {"textDocument": identifier, "contentChanges": [change]})
        assert client.items(client.inline(uri, 2, 12))
        second = client.until(is_timing)["params"]
        assert (second["version"], second["source"], second["engine"]) == (2, "remembered", 0)
        assert "parts" not in second


def test_nobody_else_is_told() -> None:
    with RawClient(FAKE) as client:
        client.initialize()
        uri = client.open(CODE)
        client.status("ready")
        assert client.items(client.inline(uri, 2, 11))
        assert not any(map(is_timing, client.seen))
