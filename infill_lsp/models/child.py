"""Runs a child process that is waited for in steps, so that the parent can report progress and be stopped."""

import subprocess
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Final

_STEP: Final = 0.2
"""Seconds between two checks on a child."""

_KEPT: Final = 20_000
"""Maximum number of characters of output to keep."""


class Child:
    """A running child: `with Child(command) as child: while child.runs(): ...`; leaving the context ends it."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=subprocess.STDOUT, env=environment, text=True,
            errors="replace",
        )  # fmt: skip
        self.output = ""
        """The end of standard output and error so far."""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> "Child":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._process.kill()
        self._process.wait()
        self._reader.join()

    @property
    def code(self) -> int:
        """The exit status of a child that has ended."""
        return self._process.wait()

    def runs(self) -> bool:
        """Wait a moment; return whether the child is still running."""
        try:
            self._process.wait(_STEP)
        except subprocess.TimeoutExpired:
            return True
        return False

    def _read(self) -> None:
        stream = self._process.stdout
        if stream is None:
            return
        with stream:
            while line := stream.readline():  # A progress bar that returns to the start of its line ends one too.
                self.output = (self.output + line)[-_KEPT:]
