"""One run of an engine process: its pipes, and how it ended. Must not depend on requests or restarts."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE
from typing import Final

from infill_lsp.engine import messages
from infill_lsp.engine.messages import Message
from infill_lsp.settings.settings import EngineSettings

_PATIENCE: Final = 1.0
"""Seconds an engine may take to end: by itself once its standard input is closed, and then once it is killed."""

_CHUNK: Final = 65536
_LONGEST_LINE: Final = 300
_LAST_WORDS: Final = 4096
"""Bytes of standard error to keep."""


def worker_command(settings: EngineSettings) -> list[str]:
    """Return the command line that starts an engine with these settings."""
    # -P keeps the current folder out of the import path: it is the user's, and may well contain a `token.py`.
    return [sys.executable, "-P", "-m", "infill_lsp.engine.worker", settings.to_json()]


def engine_environment() -> dict[str, str]:
    """Return the environment of a process that runs the model; the user's variables stay, but it never asks the hub.

    Waiting threads sleep instead of spinning, which next to a busy program made each step several times as long. And
    glibc keeps freed tensors instead of returning their pages in every step.
    """
    return {
        "OMP_WAIT_POLICY": "PASSIVE",
        "MALLOC_TRIM_THRESHOLD_": str(1 << 28),
        "MALLOC_MMAP_THRESHOLD_": str(1 << 25),
        **os.environ,
        **_path(),
        "HF_HUB_OFFLINE": "1",
    }


def _path() -> dict[str, str]:
    """Return the user's PYTHONPATH after Python's own library, so that nothing in it can replace a standard module."""
    if not (users := os.environ.get("PYTHONPATH")):
        return {}
    own = Path(os.__file__).parent
    return {"PYTHONPATH": os.pathsep.join((str(own), str(own / "lib-dynload"), users))}


class EngineProcess:
    """A running engine; created by `start`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        if not (process.stdin and process.stdout and process.stderr):
            raise ValueError("an engine communicates through pipes")
        self._process = process
        self._stdin, self._stdout = process.stdin, process.stdout
        self._words = bytearray()
        self._listener = asyncio.create_task(self._listen(process.stderr))

    @classmethod
    async def start(cls, command: Sequence[str]) -> "EngineProcess":
        """Start the process.

        Raises:
            OSError: the program cannot be started.
        """
        return cls(
            await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=engine_environment()
            )
        )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def gone(self) -> bool:
        """Whether the process has ended."""
        return self._process.returncode is not None

    def send(self, message: Message) -> None:
        """Write a message. The reader of the process notices if it has just died."""
        if not self._stdin.is_closing():
            self._stdin.write(messages.encode(message))

    async def received(self) -> AsyncIterator[Message]:
        """Yield the messages of the process, until it ends.

        Raises:
            MessageError: it sends something that is not a message.
        """
        while (message := await messages.read_async(self._stdout)) is not None:
            yield message

    async def end(self) -> str:
        """Make sure that the process is gone.

        Returns:
            How it ended, as the rest of a sentence that starts with "The engine".
        """
        self._stdin.close()
        try:
            await self._wait_a_little()
        finally:
            self.kill()
        await self._wait_a_little()
        await asyncio.wait({self._listener}, timeout=_PATIENCE)  # A child of the process may hold the pipe.
        self._listener.cancel()
        self._process._transport.close()  # type: ignore[attr-defined]  # No public way closes a pipe that others hold.
        if self._process.returncode is None:
            return "cannot be ended: it is waiting for a disk or device that does not respond"
        return f"{_ending(self._process.returncode)}{self._last_words()}"

    async def _wait_a_little(self) -> None:
        """Wait for the end of the process, but not for ever: one that waits for a dead disk cannot be killed."""
        ended = asyncio.ensure_future(self._process.wait())
        await asyncio.wait({ended}, timeout=_PATIENCE)
        ended.cancel()

    def kill(self) -> None:
        """End the process at once."""
        with suppress(ProcessLookupError):
            self._process.kill()

    async def _listen(self, stderr: asyncio.StreamReader) -> None:
        """Read all of standard error so that it does not fill up, and keep its end, which says why a process died."""
        while chunk := await stderr.read(_CHUNK):
            self._words = (self._words + chunk)[-_LAST_WORDS:]

    def _last_words(self) -> str:
        lines = self._words.decode("utf-8", "replace").split("\n")
        words = [line.strip()[-_LONGEST_LINE:] for line in lines if line.strip()]
        return f'; its last words were "{words[-1]}"' if words else ""


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended by itself with status {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
    return f"was killed by {name}" + (", perhaps because memory ran out" if name == "SIGKILL" else "")
