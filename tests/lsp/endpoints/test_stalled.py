"""Endpoints that stop in the middle of an answer: a plain socket sends some bytes and then nothing."""

import socket
import threading
import time

import pytest
from asking import LINE, ask

from infill_lsp.endpoints.api import EndpointError
from infill_lsp.endpoints.transport import Retry
from infill_lsp.settings.settings import EndpointSettings
from infill_model.request import Options

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: "
EVENT = HEAD + b'text/event-stream\r\n\r\ndata: {"choices": [{"index": 0, "text": "a +", "finish_reason": null}]}\n\n'
HALVES = {
    "nothing": b"",
    "half a head": HEAD,
    "half an event": EVENT[:-30],
    "half a stream": EVENT,
    "half a JSON": HEAD + b'application/json\r\ncontent-length: 100\r\n\r\n{"choices": [{"te',
}
PATIENCE = 10.0
SOON = Retry(first=0.001, most=1, silence=0.2)


class Silent:
    """A server that sends every client the same bytes, then nothing; `left` is set when a client has left."""

    def __init__(self, says: bytes) -> None:
        self.says, self.asked = says, 0
        self.said, self.left = threading.Event(), threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.settings = EndpointSettings(url=f"http://127.0.0.1:{self._listening.getsockname()[1]}")

    def __enter__(self) -> "Silent":
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            connection.recv(65536)
            self.asked += 1
            connection.sendall(self.says)
            self.said.set()
            try:
                while connection.recv(65536):
                    pass  # The rest of the request.
            except OSError:
                pass
            self.left.set()


@pytest.mark.parametrize("half", HALVES)
def test_silence_is_one_sentence_and_the_connection_is_closed(half: str) -> None:
    with Silent(HALVES[half]) as server:
        with pytest.raises(EndpointError) as error:
            ask(server.settings, retry=SOON)
        assert server.left.wait(PATIENCE)
        host = server.settings.url.removeprefix("http://")
        assert str(error.value) == f"{host} took too long to answer: 0.2 s without a byte"
        assert server.asked == (1 if half == "half a stream" else 2), "what has begun is not begun again"


@pytest.mark.parametrize("half", HALVES)
def test_cancelling_closes_a_connection_that_is_silent(half: str) -> None:
    with Silent(HALVES[half]) as server:
        start = time.monotonic()
        assert ask(server.settings, cancelled=server.said.is_set) == []
        assert server.left.wait(PATIENCE)
        assert time.monotonic() - start < Retry().silence / 3


@pytest.mark.parametrize(("half", "text"), [("half an event", ""), ("half a stream", "a +")])
def test_at_the_deadline_it_is_what_came_before_the_silence(half: str, text: str) -> None:
    with Silent(HALVES[half]) as server:
        (fill,) = ask(server.settings, LINE, Options(budget_ms=300))
        assert server.left.wait(PATIENCE)
    assert (fill.texts, fill.stopped) == ((text,), "deadline")


def test_a_server_that_takes_no_connection_cannot_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(EndpointError, match="cannot be reached; is the endpoint running"):
        ask(EndpointSettings(url=f"http://127.0.0.1:{port}"), retry=SOON)
