"""One run of an engine process: its pipes, and how it ended. It knows nothing of requests or restarts."""

import asyncio
import json
import os
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from subprocess import PIPE
from typing import Final

from infill_lsp.engine import messages
from infill_lsp.engine.messages import Message
from infill_lsp.settings import EngineSettings

_PATIENCE: Final = 2.0
"""Seconds an engine may take to end by itself once its standard input is closed."""


def worker_command(settings: EngineSettings) -> list[str]:
    """The command line that starts an engine with these settings."""
    return [
        # -P keeps the current folder out of the import path: it is the user's, and may well hold a `token.py`.
        *(sys.executable, "-P", "-m", "infill_lsp.engine.worker"),
        *("--model", settings.model, "--device", settings.device, "--dtype", settings.dtype),
        *("--reuse", settings.reuse, "--compile", settings.compile, "--threads", str(settings.cpu_threads)),
        *(("--verify", settings.verify, "--verify-by", settings.verify_by) if settings.verify else ()),
        *(("--endpoint", json.dumps(asdict(settings.endpoint))) if settings.endpoint else ()),
    ]


def engine_environment() -> dict[str, str]:
    """The environment of a process that runs the model; what the user has set stays, but it never asks the hub.

    Waiting threads sleep instead of spinning, which beside a busy program made each step several times as long. And
    glibc keeps freed tensors instead of returning their pages in every step.
    """
    return {
        "OMP_WAIT_POLICY": "PASSIVE",
        "MALLOC_TRIM_THRESHOLD_": str(1 << 28),
        "MALLOC_MMAP_THRESHOLD_": str(1 << 25),
        **os.environ,
        "HF_HUB_OFFLINE": "1",
    }


class EngineProcess:
    """A running engine; made by `start`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        if not (process.stdin and process.stdout and process.stderr):
            raise ValueError("an engine is talked to through pipes")
        self._process = process
        self._stdin, self._stdout = process.stdin, process.stdout
        self._words: deque[str] = deque(maxlen=20)
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

    def send(self, message: Message) -> None:
        """Write a message. That the process has just died is noticed by who reads from it."""
        if not self._stdin.is_closing():
            self._stdin.write(messages.encode(message))

    async def received(self) -> AsyncIterator[Message]:
        """What the process says, until it ends.

        Raises:
            MessageError: it says something that is no message.
        """
        while (message := await messages.read_async(self._stdout)) is not None:
            yield message

    async def end(self) -> str:
        """See that the process is gone.

        Returns:
            How it ended, as the rest of a sentence that starts with "The engine".
        """
        self._stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), _PATIENCE)
        except TimeoutError:
            pass
        finally:
            self.kill()
        code = await self._process.wait()
        await self._listener
        return f"{_ending(code)}{self._last_words()}"

    def kill(self) -> None:
        """End the process at once."""
        with suppress(ProcessLookupError):
            self._process.kill()

    async def _listen(self, stderr: asyncio.StreamReader) -> None:
        """Keep the last lines of standard error, for they say why a process died."""
        with suppress(ValueError):  # a line longer than the reader's buffer
            async for line in stderr:
                self._words.append(line.decode("utf-8", "replace").strip())

    def _last_words(self) -> str:
        words = [line for line in self._words if line]
        return f'; its last words were "{words[-1]}"' if words else ""


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended by itself with status {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
    return f"was killed by {name}" + (", perhaps for want of memory" if name == "SIGKILL" else "")
