"""A minimal editor for measurements: it drives a real server over its pipes, and reads the server's costs.

The costs of a process come from `/proc`; without one, the figure is NaN.
"""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from infill_lsp.engine.process import engine_environment
from infill_lsp.errors import InfillError

_PATIENCE: Final = 120.0
"""Seconds after which a server that has not answered counts as failed."""

Message = dict[str, Any]


class SilentError(InfillError):
    """The server did not answer, or has ended."""


class Editor:
    """A server process and the messages to and from it, as a context manager."""

    def __init__(
        self,
        options: Message | None = None,
        root: Path | None = None,
        command: Sequence[str] | None = None,
        experimental: Message | None = None,
    ) -> None:
        """Start the server.

        Args:
            options: the editor's settings.
            root: the workspace's folder.
            command: starts a server other than this one.
            experimental: the capabilities that the protocol does not know.

        Raises:
            SilentError: the server cannot be started.
        """
        self._started = time.perf_counter()
        words = command or [sys.executable, "-P", "-m", "infill_lsp.cli", "--stdio"]
        try:
            self._server = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=engine_environment(),
            )
        except OSError as error:
            raise SilentError(f"{words[0]}: cannot be started ({error.strerror})") from error
        self._options, self._root, self._experimental = options or {}, root, experimental or {}
        self._messages: queue.Queue[Message | None] = queue.Queue()
        self._answers: dict[int, float] = {}
        self._id = 0
        self.status: Message = {}
        self.ready_ms = 0.0
        """Milliseconds from the start of the process until its engine was ready."""
        self.timings: list[Message] = []
        """What the server told of its answers, if the capability `infill.timing` asks for that."""
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> "Editor":
        """Initialize, and wait until the engine is ready."""
        self._reader.start()
        folder = self._root.as_uri() if self._root else None
        capabilities = {"general": {"positionEncodings": ["utf-32"]}, "experimental": self._experimental}
        params: Message = {"processId": os.getpid(), "rootUri": folder, "capabilities": capabilities}
        self.answered(self.request("initialize", {**params, "initializationOptions": self._options}))
        self.notify("initialized", {})
        ready = self._until(
            lambda it: it.get("method") == "infill/status" and it["params"]["state"] in {"ready", "degraded"}
        )
        self.status = ready["params"]
        self.ready_ms = (time.perf_counter() - self._started) * 1000
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the server; closing its input is enough."""
        if self._server.stdin:
            self._server.stdin.close()
        try:
            self._server.wait(10)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        self._reader.join()

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._server.pid

    def notify(self, method: str, params: Message) -> None:
        """Send a notification."""
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    def request(self, method: str, params: Message) -> int:
        """Send a request without waiting for its answer, and return its id."""
        self._id += 1
        self._send({"jsonrpc": "2.0", "id": self._id, "method": method, "params": params})
        return self._id

    def open(self, uri: str, text: str, language: str = "python") -> None:
        """Open a document."""
        self.notify("textDocument/didOpen", {"textDocument": _item(uri, text, language)})

    def close(self, uri: str) -> None:
        """Close a document."""
        self.notify("textDocument/didClose", {"textDocument": {"uri": uri}})

    def type(self, uri: str, version: int, place: Message, text: str) -> None:
        """Insert a text into a document."""
        self.change(uri, version, (place, place), text)

    def change(self, uri: str, version: int, span: tuple[Message, Message], text: str) -> None:
        """Replace what is between two places of a document."""
        change = {"range": {"start": span[0], "end": span[1]}, "text": text}
        identifier = {"uri": uri, "version": version}
        self.notify("textDocument/didChange", {"textDocument": identifier, "contentChanges": [change]})

    def ask(self, uri: str, place: Message) -> int:
        """Request inline completions, as an editor does while the user types, and return the request's id."""
        context = {"triggerKind": 2}
        params = {"textDocument": {"uri": uri}, "position": place, "context": context}
        return self.request("textDocument/inlineCompletion", params)

    def answered(self, id_: int) -> float:
        """Wait for an answer, and return its time of arrival in seconds of `time.perf_counter`."""
        if id_ not in self._answers:
            self._until(lambda it: it.get("id") == id_ and "method" not in it)
        return self._answers.pop(id_)

    def items(self, id_: int) -> list[Message]:
        """Wait for an answer, and return its inline completions, best first."""
        answer = self._until(lambda it: it.get("id") == id_ and "method" not in it)
        self._answers.pop(id_, None)
        return _items(answer)

    def items_by(self, id_: int, deadline: float) -> tuple[float, list[Message]] | None:
        """Wait for an answer up to a time of `time.perf_counter`; return its time of arrival and its completions."""
        while (message := self._next_by(deadline)) is not None:
            if message.get("id") == id_ and "method" not in message:
                return self._answers.pop(id_), _items(message)
        return None

    def told_by(self, method: str, params: Message, deadline: float) -> bool:
        """Wait for a notification up to a time of `time.perf_counter`; return whether it came."""
        while (message := self._next_by(deadline)) is not None:
            if (message.get("method"), message.get("params")) == (method, params):
                return True
        return False

    def cancel(self, id_: int) -> None:
        """Say that an answer is no longer wanted; it comes nevertheless, and is dropped."""
        self.notify("$/cancelRequest", {"id": id_})

    def turn(self) -> float:
        """Return the milliseconds until the event loop answers a request about a document that is not open."""
        started = time.perf_counter()
        return (self.answered(self.ask("file:///not/open.py", _at(0, 0))) - started) * 1000

    def _next_by(self, deadline: float) -> Message | None:
        """Return the next message; None if there is none up to a time of `time.perf_counter`."""
        try:
            message = self._messages.get(timeout=max(0.0, deadline - time.perf_counter()))
        except queue.Empty:
            return None
        if message is None:
            raise SilentError("the server does not answer")
        return message

    def _until(self, wanted: Any) -> Message:
        while True:
            try:
                message = self._messages.get(timeout=_PATIENCE)
            except queue.Empty:
                message = None
            if message is None:
                raise SilentError("the server does not answer")
            if wanted(message):
                return message

    def _send(self, message: Message) -> None:
        body = json.dumps(message).encode()
        stream = self._server.stdin
        if stream is None:
            raise SilentError("the server has no standard input")
        try:
            stream.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
            stream.flush()
        except OSError as error:
            raise SilentError("the server has ended") from error

    def _read(self) -> None:
        stream = self._server.stdout
        while stream is not None and (header := stream.readline()):
            length = int(header.partition(b":")[2])
            while stream.readline() not in {b"\r\n", b""}:
                pass
            message = json.loads(stream.read(length))
            if "id" in message and "method" not in message:
                self._answers[message["id"]] = time.perf_counter()
            if message.get("method") == "infill/timing":
                self.timings.append(message["params"])
            self._messages.put(message)
        self._messages.put(None)


def _item(uri: str, text: str, language: str) -> Message:
    return {"uri": uri, "languageId": language, "version": 1, "text": text}


def _at(line: int, character: int) -> Message:
    return {"line": line, "character": character}


def _items(answer: Message) -> list[Message]:
    found = answer.get("result") or []
    return found["items"] if isinstance(found, dict) else list(found)


def engine_pid(pid: int) -> int | None:
    """Return the process id of a server's engine, its youngest child; None if there is none, or no `/proc`."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    except OSError:
        return None
    return int(children[-1]) if children else None


def loop_ms(pid: int) -> float:
    """Return the milliseconds of processor time of a process's main thread, which runs its event loop."""
    try:
        return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text("ascii").split()[0]) / 1e6
    except (OSError, IndexError, ValueError):
        return float("nan")


def processor_ms(pid: int) -> float:
    """Return the milliseconds of processor time of all threads of a process."""
    try:
        tasks = Path(f"/proc/{pid}/task").iterdir()
        return sum(int((it / "schedstat").read_text("ascii").split()[0]) for it in tasks) / 1e6
    except (OSError, IndexError, ValueError):
        return float("nan")


def memory_mb(pid: int, *, peak: bool = False) -> float:
    """Return the megabytes of memory that a process has now, or has had at its peak."""
    try:
        status = Path(f"/proc/{pid}/status").read_text("ascii")
        return int(status.split("VmHWM:" if peak else "VmRSS:")[1].split()[0]) / 1024
    except (OSError, IndexError, ValueError):
        return float("nan")
