"""Start llama.cpp's server, from where tests/e2e/install_llama.sh put it or from the path in `LLAMA_SERVER`."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

UNPACKED = Path(__file__).parents[1] / ".venv/e2e/llama/llama-server"
SERVER = os.environ.get("LLAMA_SERVER") or shutil.which("llama-server") or str(UNPACKED)

needed = pytest.mark.skipif(not Path(SERVER).exists(), reason="needs tests/e2e/install_llama.sh")


@contextmanager
def serving(model: Path, *flags: str) -> Iterator[str]:
    """Start a server for a GGUF file, on one thread, and yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [SERVER, "-m", str(model), "--port", str(port), "-t", "1", "-tb", "1", *flags]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: httpx.get(f"{address}/health").status_code == httpx.codes.OK)
        yield address
    finally:
        process.kill()
        process.wait()


def wait_for(state: Callable[[], bool]) -> None:
    """Wait for a state that the server will soon reach."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            if state():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    pytest.fail("llama-server did not get that far")
