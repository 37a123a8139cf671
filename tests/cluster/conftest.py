"""Servers in processes of their own: one for most tests of this folder, and others that a test starts itself."""

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from infill_serve import tokens

with suppress(ImportError):  # `started` skips then.
    import psutil

PATIENCE = 240.0
"""Seconds for starts; Ray takes 25 s of an idle machine with two cores."""

FLAGS = ["--threads", "1", "--places", "4", "--queue", "16", "--at-once", "24", "--rate", "1000", "--body", "100000"]


@dataclass
class Server:
    """A server, how to ask it, and its processes.

    Attributes:
        folder: where Ray keeps its files and sockets; its processes are known by it.
        port: of HTTP.
        token: of the user `ada`.
        flags: of the command, beside port and tokens.
        ca: what https is verified by; None for http.
        process: the command.
        ray: Ray's address.
    """

    folder: Path
    port: int
    token: str
    flags: list[str] = field(default_factory=lambda: list(FLAGS))
    ca: ssl.SSLContext | None = None
    process: "subprocess.Popen[bytes] | None" = None
    ray: str = ""

    @property
    def url(self) -> str:
        return f"{'https' if self.ca else 'http'}://127.0.0.1:{self.port}"

    @property
    def verify(self) -> ssl.SSLContext | bool:
        return self.ca or True

    @property
    def head(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def command(self, *more: str) -> list[str]:
        words = [sys.executable, "-P", "-m", "infill_lsp.cli", "serve", "--port", str(self.port)]
        return [*words, "--tokens", str(self.folder / "tokens"), *self.flags, *more]

    @property
    def environment(self) -> dict[str, str]:
        own = {"RAY_TMPDIR": str(self.folder), "RAY_worker_niceness": "0", "RAY_metrics_report_interval_ms": "2000"}
        return {**os.environ, **own, "RAY_USAGE_STATS_ENABLED": "0"}

    def start(self) -> None:
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, env=self.environment, start_new_session=True
            )
        wait_for(lambda: "Serving" in self.log or self.ended, "a start")
        found = re.search(r"Serving embedded on (\S+) \(Ray: (\S+)\)", self.log)
        assert found, self.log
        self.ray = found[2]

    @property
    def ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def processes(self, part: str = "") -> "list[psutil.Process]":
        """Return the processes of Ray's that this server started, by a part of their command line."""
        found = []
        for it in psutil.process_iter(["cmdline"]):
            with suppress(psutil.Error):
                words = " ".join(it.cmdline())
                own = it.environ().get("RAY_TMPDIR") == str(self.folder)
                if own and part in words and ("ray" in words or "gcs_server" in words):
                    found.append(it)
        return found

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(90)
        finally:
            self.kill()

    def kill(self) -> None:
        """Leave nothing behind."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for it in self.processes():
            with suppress(psutil.Error):
                it.kill()

    def post(self, path: str, body: object, **more: Any) -> httpx.Response:
        return httpx.post(self.url + path, json=body, headers=self.head, timeout=60, verify=self.verify, **more)

    def exported(self) -> str:
        """Return the metrics as Prometheus reads them."""
        return httpx.get(f"{self.url}/metrics", headers=self.head, timeout=30, verify=self.verify).text

    def filled(self) -> Counter[str]:
        """Return how many requests each replica has filled."""
        lines = re.findall(r"^ray_infill_requests_total\{(.*)\} (\S+)$", self.exported(), re.MULTILINE)
        found: Counter[str] = Counter()
        for labels, value in lines:
            if 'outcome="filled"' in labels and (replica := re.search(r'\breplica="([^"]+)"', labels)):
                found[replica[1]] += round(float(value))
        return found

    def replicas(self) -> int:
        """Return how many replicas run; 0 too where nobody answers."""
        with suppress(httpx.TransportError, ValueError, KeyError):
            return int(httpx.get(f"{self.url}/health", timeout=10, verify=self.verify).json()["replicas"])
        return 0

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of a metric over processes."""
        text = self.exported()
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        lines = [
            it for it in text.splitlines() if it.startswith(f"ray_infill_{name}{{") and all(one in it for one in wanted)
        ]
        return sum(float(it.rpartition(" ")[2]) for it in lines)

    def healthy(self) -> bool:
        return self.replicas() > 0


def wait_for(state: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait for a state that the server will reach."""
    until = time.monotonic() + seconds
    while not state():
        assert time.monotonic() < until, f"{what} takes more than {seconds:g} s"
        time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def prepared(*flags: str) -> Iterator[Server]:
    """Yield a server that is not started yet, and leave nothing of it behind."""
    pytest.importorskip("ray", reason="needs Ray: make cluster")
    pytest.importorskip("psutil", reason="needs psutil: make cluster")
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as name:  # Ray's sockets want it short.
        folder = Path(name)
        server = Server(folder, free_port(), tokens.add(folder / "tokens", "ada"), [*FLAGS, *flags])
        try:
            yield server
        finally:
            server.kill()
        wait_for(lambda: not server.processes(), "the end of Ray's processes", 20)


@pytest.fixture(scope="session")
def started() -> Iterator[Server]:
    with prepared() as server:
        server.start()
        yield server


@pytest.fixture
def server(started: Server) -> Server:
    """Return the server once a replica runs: a test before may have killed one."""
    wait_for(started.healthy, "a new replica")
    return started
