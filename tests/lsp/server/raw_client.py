"""An independent client: it uses only the standard library, so that it shares no mistake with the server."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]


def fake(*flags: str, transport: Sequence[str] = ("--stdio",)) -> tuple[str, ...]:
    """Return the command of a server whose scripted engine gets these flags."""
    return (sys.executable, str(ROOT / "tests/lsp/server/serve_with.py"), *transport, "--", *flags)


FAKE = fake()
REAL = (sys.executable, "-P", "-m", "infill_lsp.cli", "--stdio")
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "model")))}
PATIENCE = 60.0
CAPABLE: dict[str, Any] = {
    "general": {"positionEncodings": ["utf-16"]},
    "window": {"workDoneProgress": True},
    "textDocument": {"inlineCompletion": {"dynamicRegistration": True}},
}


class RawClient:
    """A server process and the bytes exchanged with it; used as a context."""

    def __init__(self, command: Sequence[str] = FAKE, environment: Mapping[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment or ENVIRONMENT,
        )
        self.messages: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.seen: list[dict[str, Any]] = []
        self.words: list[bytes] = []
        self._id = 0
        self._threads = [threading.Thread(target=it, daemon=True) for it in (self._read, self._listen)]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> "RawClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for thread in self._threads:
            thread.join()

    def send_bytes(self, data: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, message: object) -> None:
        body = json.dumps(message).encode()
        self.send_bytes(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def notify(self, method: str, params: object = None) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def request(self, method: str, params: object = None) -> int:
        """Send a request without waiting for its answer."""
        self._id += 1
        self.send({"jsonrpc": "2.0", "id": self._id, "method": method, "params": params})
        return self._id

    def call(self, method: str, params: object = None) -> dict[str, Any]:
        return self.answer(self.request(method, params))

    def answer(self, id_: int | str | None) -> dict[str, Any]:
        """Wait for the answer with this id."""
        return self.until(lambda it: "method" not in it and it.get("id") == id_)

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait for a message; messages already waited for are not returned again."""
        for position, message in enumerate(self.seen):
            if wanted(message):
                return self.seen.pop(position)
        while True:
            message = self.messages.get(timeout=PATIENCE)
            assert message is not None, f"the server has ended: {b''.join(self.words).decode()}"
            if "method" in message and "id" in message:
                self.send({"jsonrpc": "2.0", "id": message["id"], "result": self.reply_to(message)})
            if wanted(message):
                return message
            self.seen.append(message)

    def reply_to(self, message: dict[str, Any]) -> object:
        """Return the reply to a request from the server."""
        return {"applied": True} if message["method"] == "workspace/applyEdit" else None

    def status(self, state: str) -> dict[str, Any]:
        """Wait until the server reports this state."""
        wanted = self.until(lambda it: it.get("method") == "infill/status" and it["params"]["state"] == state)
        params: dict[str, Any] = wanted["params"]
        return params

    def initialize(self, **params: object) -> dict[str, Any]:
        """Initialize, by default with all capabilities of a current editor."""
        usual: dict[str, object] = {"processId": os.getpid(), "rootUri": None, "capabilities": CAPABLE}
        answer = self.call("initialize", usual | params)
        self.notify("initialized", {})
        result: dict[str, Any] = answer["result"]
        return result

    def open(self, text: str, uri: str = "file:///a.py", language: str = "python") -> str:
        item = {"uri": uri, "languageId": language, "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})
        return uri

    def inline(self, uri: str, line: int, character: int, kind: int = 2, **context: object) -> int:
        """Send a request for inline completions without waiting for its answer."""
        params = {
            "textDocument": {"uri": uri},
            "position": {"line": line, "character": character},
            "context": {"triggerKind": kind, **context},
        }
        return self.request("textDocument/inlineCompletion", params)

    def items(self, id_: int) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.answer(id_)["result"]["items"]
        return items

    def end(self) -> int:
        """Shut down and exit as a well-behaved client does."""
        self.call("shutdown")
        self.notify("exit")
        return self.process.wait(PATIENCE)

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream
        while (header := stream.readline()) != b"":
            length = int(header.removeprefix(b"Content-Length: "))
            while stream.readline() != b"\r\n":
                pass
            self.messages.put(json.loads(stream.read(length)))
        self.messages.put(None)

    def _listen(self) -> None:
        assert self.process.stderr
        self.words.extend(self.process.stderr)
