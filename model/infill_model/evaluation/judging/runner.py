"""Run programs and report which passed: pass@1 of HumanEval-Infilling and MBPP is a share of these.

A few sandbox processes (`sandbox.py`) fork once for each program, so that a program costs milliseconds, not the start
of an interpreter.
"""

import os
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Final, Literal, Self

from infill_model.errors import TaskError

Outcome = Literal["passed", "failed", "timeout"]

_OUTCOMES: Final[dict[bytes, Outcome]] = {b"p": "passed", b"f": "failed", b"t": "timeout"}


class Runner:
    """Sandboxes kept running for many programs; use it as a context manager."""

    def __init__(self, *, seconds: float = 3.0, memory_mb: int = 512, workers: int = 2) -> None:
        """Start the sandboxes.

        Args:
            seconds: time limit of a program, in wall-clock seconds.
            memory_mb: address space limit of a program, in MiB.
            workers: number of programs run in parallel.

        Raises:
            TaskError: this system cannot fork.
        """
        if not hasattr(os, "fork"):
            raise TaskError("Testing programs needs a system that can fork, such as Linux or macOS.")
        self._sandboxes: SimpleQueue[_Sandbox] = SimpleQueue()
        self._pool = ThreadPoolExecutor(workers)
        for _ in range(workers):
            self._sandboxes.put(_Sandbox(seconds, memory_mb))

    def run(self, programs: Sequence[str], on_done: Callable[[], None] = lambda: None) -> list[Outcome]:
        """Return the outcome of each program, in order; `on_done` is called after each, from several threads."""

        def one(program: str) -> Outcome:
            sandbox = self._sandboxes.get()
            try:
                return sandbox.run(program)
            finally:
                self._sandboxes.put(sandbox)
                on_done()

        return list(self._pool.map(one, programs))

    def close(self) -> None:
        """Shut down the sandboxes after the running programs finish."""
        self._pool.shutdown(cancel_futures=True)
        while not self._sandboxes.empty():
            self._sandboxes.get().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Sandbox:
    """One sandbox process, restarted when it dies."""

    def __init__(self, seconds: float, memory_mb: int) -> None:
        script = Path(__file__).with_name("sandbox.py")
        # -P, -s and -S keep our own folders and installed packages out; the fixed hash seed makes runs repeatable.
        self._command = [sys.executable, "-P", "-s", "-S", "-B", str(script), str(seconds), str(memory_mb)]
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
        environment = {**kept, "PYTHONHASHSEED": "0"}
        return subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)

    def run(self, program: str) -> Outcome:
        code = program.encode("utf-8", "surrogatepass")
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None  # noqa: S101 - tells the type checker what PIPE means.
        assert answers is not None  # noqa: S101
        try:
            requests.write(struct.pack("!I", len(code)) + code)
            requests.flush()
            return _OUTCOMES[answers.read(1)]
        except (BrokenPipeError, KeyError):
            self.close()
            self._process = self._start()
            return "failed"

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass
        self._process.wait()
