"""Shows the progress of a long task: as a bar with speed and time left for people, or as lines of JSON for a program.

A task has stages, each with a title and a total, in bytes or in parts of a whole.
"""

import json
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import IO, Final, Protocol

_OFTEN: Final = 0.2
"""Minimum seconds between two lines of JSON about the same stage."""


class ProgressDisplay(Protocol):
    """A receiver of progress reports."""

    def say(self, sentence: str) -> None:
        """Tell the user something that is worth a line."""

    def stage(self, title: str, total: int, *, in_bytes: bool) -> None:
        """Begin a stage."""

    def at(self, done: int) -> None:
        """Report how much of the current stage is done."""


class Bar:
    """A progress bar on standard error; use it as a context."""

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415  # keeps --help quick
        from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn  # noqa: PLC0415

        left = TimeRemainingColumn(elapsed_when_finished=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[amount]}"), left)
        self._bar, self._stage = Progress(*columns, console=Console(stderr=True)), TaskID(-1)
        self._describe: Callable[[int], str] = str

    def __enter__(self) -> "Bar":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar.live.is_started:
            self._bar.stop()

    def say(self, sentence: str) -> None:
        """Print a line on standard output, which on a terminal is above the bar."""
        print(sentence, flush=True)

    def stage(self, title: str, total: int, *, in_bytes: bool) -> None:
        """Begin a new bar; there is none before the first stage, so that a question can be asked."""
        self._bar.start()
        self._describe = _Speed(total) if in_bytes else lambda done: f"{done / total:4.0%}"
        self._stage = self._bar.add_task(title, total=total, amount="")

    def at(self, done: int) -> None:
        """Redraw the bar."""
        self._bar.update(self._stage, completed=done, amount=self._describe(done))


class _Speed:
    """Formatter of bytes done of a total, with the mean speed since the first report."""

    def __init__(self, total: int) -> None:
        self._total, self._first, self._started = total, -1, 0.0

    def __call__(self, done: int) -> str:
        if self._first < 0:  # Data from an earlier attempt says nothing about the speed.
            self._first, self._started = done, time.monotonic()
        rate = (done - self._first) / max(time.monotonic() - self._started, 1e-3)
        return f"{done / 1e6:,.0f} of {self._total / 1e6:,.0f} MB, {rate / 1e6:.1f} MB/s"


class JsonProgress:
    """A line of JSON for each event: `[event, {fields}]`."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream, self._last = stream or sys.stdout, 0.0

    def say(self, sentence: str) -> None:
        """Write `["say", {"text": ...}]`."""
        self._write("say", text=sentence)

    def stage(self, title: str, total: int, *, in_bytes: bool) -> None:
        """Write `["stage", {"title": ..., "total": ..., "bytes": ...}]`."""
        self._last = 0.0
        self._write("stage", title=title, total=total, bytes=in_bytes)

    def at(self, done: int) -> None:
        """Write `["at", {"done": ...}]`, at a limited rate."""
        if (now := time.monotonic()) - self._last >= _OFTEN:
            self._last = now
            self._write("at", done=done)

    def _write(self, event: str, **fields: object) -> None:
        print(json.dumps([event, fields]), file=self._stream, flush=True)
