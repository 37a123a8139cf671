"""A document that is too large, over the wire: only its text takes memory, and nothing is blocked."""

import signal
import sys
import time
from pathlib import Path

import pytest
from pace import slowness
from raw_client import FAKE, RawClient

SIZE = 30_000_000


def memory(pid: int, field: str) -> int:
    """Return the bytes of memory a process uses (`VmRSS`) or has used at most (`VmHWM`)."""
    return int(Path(f"/proc/{pid}/status").read_text().split(f"{field}:")[1].split()[0]) * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_a_document_that_is_too_large_is_left_alone_in_words_and_others_are_not() -> None:
    with RawClient(FAKE) as client:
        client.initialize()
        client.status("ready")
        other = client.open("# fill 12\nx = ", "file:///other.py")
        before = memory(client.process.pid, "VmRSS")
        large = client.open("x = 1\n" * (SIZE // 6), "file:///large.py")
        for number in range(3):
            place = {"line": SIZE // 12, "character": number}
            change = {"range": {"start": place, "end": place}, "text": "y"}
            document = {"uri": large, "version": number + 2}
            client.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})
            assert client.items(client.inline(large, SIZE // 12, number + 1)) == []
        said = [it["params"]["inactive"] for it in client.seen if it.get("method") == "infill/status"]
        assert [it["reason"] for it in said if it] == [
            "large.py has 30.0 million characters; nothing is suggested in documents of more than 8.0 million "
            "characters."
        ]
        started = time.perf_counter()
        assert client.items(client.inline(other, 1, 4))[0]["insertText"] == "12"
        assert time.perf_counter() - started < 1.0 * slowness(), "it waits for nothing"
        assert memory(client.process.pid, "VmRSS") - before < 4 * SIZE
        assert memory(client.process.pid, "VmHWM") - before < 8 * SIZE
        assert client.end() == 0


def test_a_signal_ends_it_while_a_large_document_is_open() -> None:
    with RawClient(FAKE) as client:
        client.initialize()
        large = client.open("x = 1\n" * (SIZE // 6), "file:///large.py")
        client.inline(large, 3, 1)
        client.process.send_signal(signal.SIGTERM)
        client.process.wait(5)
