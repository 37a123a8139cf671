"""A server with scripted answers over real sockets that records its requests, standing in for hosted APIs."""

import json
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

EVENTS, LINES, JSON = "text/event-stream", "application/x-ndjson", "application/json"


@dataclass(frozen=True)
class Reply:
    """The reply to one request.

    Attributes:
        chunks: of the body, each sent separately.
        then: the reply ends, stays open until the client leaves, or the connection breaks.
    """

    chunks: tuple[str, ...] = ()
    kind: str = EVENTS
    status: int = 200
    head: dict[str, str] = field(default_factory=dict)
    then: Literal["end", "wait", "break"] = "end"


def events(*values: object, then: Literal["end", "wait", "break"] = "end") -> Reply:
    return Reply(tuple(f"data: {json.dumps(it)}\n\n" for it in values), then=then)


def said(*texts: str, finish: str | None = "stop", then: Literal["end", "wait", "break"] = "end") -> Reply:
    """Return a reply that streams a text in pieces, as OpenAI does."""
    last = [{"choices": [{"text": "", "index": 0, "finish_reason": finish}]}] if finish else []
    return events(*({"choices": [{"text": it, "index": 0, "finish_reason": None}]} for it in texts), *last, then=then)


@dataclass(frozen=True)
class Asked:
    path: str
    head: dict[str, str]
    body: Any


class Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Ignore clients that leave in the middle, which many tests do on purpose."""


class Stub:
    """A stub server, used as a context: `url` is its address, `asked` its requests, `left` set on an early close."""

    def __init__(self, *replies: Reply, phrase: str | None = None) -> None:
        """Answer with these replies, repeating the last one; `phrase` follows the status."""
        self.phrase = phrase
        self.replies, self.asked = deque(replies), list[Asked]()
        self.left, self.arrived = threading.Event(), threading.Event()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:  # the name http.server requires
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                stub.asked.append(Asked(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                stub.arrived.set()
                stub.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Stub":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        reply = self.replies.popleft() if len(self.replies) > 1 else self.replies[0]
        if reply.then == "break" and not reply.chunks:
            handler.close_connection = True
            return
        handler.send_response(reply.status, self.phrase)
        for name, value in {"content-type": reply.kind, "transfer-encoding": "chunked", **reply.head}.items():
            handler.send_header(name, value)
        handler.end_headers()
        try:
            for chunk in reply.chunks:
                data = chunk.encode()
                handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                handler.wfile.flush()
            if reply.then == "wait" and handler.connection.recv(1) == b"":
                self.left.set()
        except OSError:
            self.left.set()
        if reply.then == "end":
            handler.wfile.write(b"0\r\n\r\n")
        else:
            handler.close_connection = True
