"""A local hub: the endpoints that huggingface_hub uses, over real HTTP, with faults on demand."""

import hashlib
import json
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class LocalHub:
    """Serves the folders of `models` by name; used as a context.

    Attributes:
        models: folders by name.
        licence: of all of them.
        gated: names that may not be fetched.
        cut_after: bytes of a file's body after which the connection is closed, once.
        hang_after: bytes after which no more data comes until `release` is set, once.
        large: suffix of the file names this applies to.
    """

    models: dict[str, Path]
    licence: str = "apache-2.0"
    gated: set[str] = field(default_factory=set)
    cut_after: int | None = None
    hang_after: int | None = None
    large: str = ".safetensors"
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    hanging: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "LocalHub":
        hub = self

        class Handler(_Handler):
            pass

        Handler.hub = hub
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def ranges(self, file: str) -> list[str]:
        """Return the ranges requested of a file, '' for the whole file."""
        return [wanted for method, path, wanted in self.asked if method == "GET" and path.endswith(f"/{file}")]


class _Handler(BaseHTTPRequestHandler):
    hub: LocalHub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def do_HEAD(self) -> None:
        self._serve(body=False)

    def do_GET(self) -> None:
        self._serve(body=True)

    def _serve(self, *, body: bool) -> None:
        path = self.path.partition("?")[0]
        self.hub.asked.append((self.command, path, self.headers.get("Range", "")))
        if path.startswith("/api/models/"):
            name = "/".join(path.removeprefix("/api/models/").split("/")[:2])
            return self._refused(name) or self._info(name, body=body)
        name, _, rest = path.removeprefix("/").partition("/resolve/")
        return self._refused(name) or self._file(self.hub.models[name] / rest.partition("/")[2], body=body)

    def _refused(self, name: str) -> bool:
        if name not in self.hub.models:
            self._answer(404, {"X-Error-Code": "RepoNotFound"}, b'{"error": "Repository not found"}')
            return True
        if name in self.hub.gated and "/resolve/" in self.path:
            self._answer(403, {"X-Error-Code": "GatedRepo"}, b'{"error": "Access to this model is restricted."}')
            return True
        return False

    def _info(self, name: str, *, body: bool) -> None:
        files = sorted(it for it in self.hub.models[name].iterdir() if it.is_file())
        siblings = [{"rfilename": it.name, "size": it.stat().st_size, "blobId": _digest(it)} for it in files]
        info = {
            "_id": "1",
            "id": name,
            "modelId": name,
            "sha": COMMIT,
            "private": False,
            "gated": "auto" if name in self.hub.gated else False,
            "tags": [],
            "downloads": 0,
            "cardData": {"license": self.hub.licence},
            "siblings": siblings,
        }
        self._answer(200, {"Content-Type": "application/json"}, json.dumps(info).encode() if body else b"")

    def _file(self, file: Path, *, body: bool) -> None:
        if not file.is_file():
            return self._answer(404, {"X-Error-Code": "EntryNotFound"}, b"")
        data = file.read_bytes()
        headers = {"ETag": f'"{_digest(file)}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        start = 0
        if wanted := self.headers.get("Range"):
            start = int(wanted.removeprefix("bytes=").partition("-")[0])
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self.send_response(206 if wanted else 200)
        for key, value in (headers | {"Content-Length": str(len(data) - start)}).items():
            self.send_header(key, value)
        self.end_headers()
        if body:
            self._send(data[start:], file)
        return None

    def _send(self, data: bytes, file: Path) -> None:
        hub = self.hub
        if file.suffix == hub.large and hub.cut_after is not None:
            count, hub.cut_after = hub.cut_after, None
            self.wfile.write(data[:count])
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if file.suffix == hub.large and hub.hang_after is not None:
            count, hub.hang_after = hub.hang_after, None
            self.wfile.write(data[:count])
            self.wfile.flush()
            hub.hanging.set()
            hub.release.wait(60)
            self.close_connection = True
            return
        self.wfile.write(data)

    def _answer(self, code: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(code)
        for key, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
