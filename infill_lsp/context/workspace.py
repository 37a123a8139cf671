"""Chooses excerpts of other files for a cursor ahead of requests, in a separate thread.

A request takes what is ready and never waits. The choice stays while the cursor is near the place it was made for, so
that typing moves nothing in front of the model's context; it is made anew when the cursor goes elsewhere or another
document changes, and compared with the disk from time to time.
"""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from infill_lsp.context import imports, select, similar
from infill_lsp.context.select import CursorContext
from infill_lsp.context.sources import ContextSource, Sources
from infill_lsp.privacy.rules import path_of, real_path
from infill_lsp.text.document import Document

_LOG: Final = logging.getLogger(__name__)

REGION: Final = 20
"""Lines the cursor may move before excerpts are chosen anew."""

CHECKED_EVERY: Final = 5.0
"""Seconds after which the files that excerpts come from are checked again."""

MOST_OPEN: Final = 20
"""Maximum number of open documents to search, the most recently changed ones."""

MOST_NEIGHBOURS: Final = 20
"""Maximum number of unopened files in the document's folder to search.

Of 200 held-out line endings, 75 could be copied from the document; with excerpts of five neighbours 85, of twenty 89.
"""

BUDGET: Final = 16_000
"""Characters of excerpts worth requesting: with 4,000, 8,000 and 16,000, 85, 89 and 91 could be copied."""


@dataclass(frozen=True, slots=True)
class _Task:
    """A request to choose excerpts, with the documents as they were at that time.

    Attributes:
        others: the other open documents, the most recently changed first.
        stamp: when one of the others last changed; a counter that grows with every change of any document.
        line: the cursor's line.
    """

    name: str
    place: CursorContext
    others: tuple[Document, ...]
    stamp: int
    line: int
    budget: int


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Excerpts, the task they were chosen for, and the time, in seconds of a monotonic clock."""

    task: _Task
    excerpts: tuple[str, ...]
    at: float


class Workspace:
    """Excerpts for the documents of one workspace; apart from its own thread, only one thread may call it."""

    def __init__(self, roots: Sequence[Path], patterns: Sequence[str] = ()) -> None:
        """Read nothing yet.

        Args:
            roots: the folders of the workspace; no file outside them is read.
            patterns: the user's own patterns of files that are never read, as in a `.gitignore`.
        """
        self._chooser = _Chooser(tuple(roots), patterns)
        self._open: dict[str, tuple[Document, int]] = {}
        self._changes = 0
        self._chosen: dict[str, _Chosen] = {}
        self._pending: set[str] = set()
        self._tasks: SimpleQueue[_Task | threading.Event | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def opened(self, document: Document) -> None:
        """Record that a document was opened; its name is its path or URI."""
        self.changed(document)

    def changed(self, document: Document) -> None:
        """Record that a document was opened or has a new text."""
        self._changes += 1
        self._open.pop(document.name, None)
        self._open[document.name] = (document, self._changes)  # The most recently changed document comes last.

    def closed(self, name: str) -> None:
        """Record that a document was closed: the text on disk counts."""
        if self._open.pop(name, None):
            self._changes += 1
        self._chosen.pop(name, None)

    def close(self) -> None:
        """End the thread after its current task."""
        self._tasks.put(None)

    def excerpts(self, document: Document, offset: int, budget: int) -> tuple[str, ...]:
        """Return the excerpts of other files that are ready for a cursor, most relevant last; others may be ready soon.

        Args:
            document: the document that contains the cursor.
            offset: the cursor.
            budget: maximum number of characters in all excerpts together.
        """
        chosen = self._chosen.get(document.name)
        line, _ = document.place(offset)
        stamp = max((it for other, (_, it) in self._open.items() if other != document.name), default=0)
        if chosen is None or not _holds(chosen.task, line, stamp, budget):
            self._ask(document, offset, line, stamp, budget)
        elif time.monotonic() - chosen.at > CHECKED_EVERY:
            place = replace(chosen.task.place, text=document.text[: imports.LARGEST])  # Its imports may have changed.
            self._put(replace(chosen.task, place=place))
        return chosen.excerpts if chosen else ()

    def settle(self, seconds: float = 10.0) -> bool:
        """Wait until everything requested so far is ready; return whether it is."""
        done = threading.Event()
        self._tasks.put(done)
        return self._thread is None or done.wait(seconds)

    def _ask(self, document: Document, offset: int, line: int, stamp: int, budget: int) -> None:
        others = tuple(it for name, (it, _) in reversed(self._open.items()) if name != document.name)[:MOST_OPEN]
        around = similar.around(document.text, offset)
        language = document.language.id if document.language else None
        place = CursorContext(path_of(document.name), language, document.text[: imports.LARGEST], around)
        self._put(_Task(document.name, place, others, stamp, line, budget))

    def _put(self, task: _Task) -> None:
        """Queue a task, one per document at a time: once it is done, a request asks for the latest state."""
        if task.name in self._pending:
            return
        self._pending.add(task.name)
        self._tasks.put(task)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="context", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        """Run the thread, which shares only single operations on the dictionaries."""
        while (task := self._tasks.get()) is not None:
            if isinstance(task, threading.Event):
                task.set()
                continue
            try:
                found = self._chooser.excerpts(task)
            except Exception:  # Whatever is wrong on disk, the next request may succeed.
                _LOG.exception("No excerpts for %s", task.name)
                found = ()
            self._chosen[task.name] = _Chosen(task, found, time.monotonic())
            self._pending.discard(task.name)


def _holds(task: _Task, line: int, stamp: int, budget: int) -> bool:
    return abs(task.line - line) <= REGION and (task.stamp, task.budget) == (stamp, budget)


class _Chooser:
    """Chooser of excerpts, used only by the thread."""

    def __init__(self, roots: tuple[Path, ...], patterns: Sequence[str]) -> None:
        self._sources = Sources(roots, patterns)
        self._documents: dict[str, tuple[Document, ContextSource | None]] = {}

    def excerpts(self, task: _Task) -> tuple[str, ...]:
        """Return the excerpts for a task."""
        with self._sources.round():
            return self._excerpts(task)

    def _excerpts(self, task: _Task) -> tuple[str, ...]:
        open_now = {it.name: self._document(it) for it in task.others}
        self._documents = {it.name: (it, open_now[it.name]) for it in task.others}
        by_path = {real: open_now[it.name] for it in task.others if (real := _real(path_of(it.name)))}

        def read(path: Path) -> ContextSource | None:
            time.sleep(0)  # Give a request its turn.
            real = _real(path)
            return by_path[real] if real in by_path else self._sources.at(path)

        path = task.place.path
        beside = self._sources.neighbours(path, MOST_NEIGHBOURS) if path and self._sources.holds(path) else []
        candidates = (*open_now.values(), *(read(it) for it in beside if _real(it) not in by_path))
        return select.excerpts(task.place, filter(None, candidates), read, self._sources.roots, task.budget)

    def _document(self, document: Document) -> ContextSource | None:
        """Return an open document as a source, which keeps its computed values while the text is unchanged."""
        before, source = self._documents.get(document.name, (None, None))
        known = source if before and before.text == document.text else None
        return self._sources.of_text(document.name, document.text, document.language, known)


def _real(path: Path | None) -> Path | None:
    return real_path(path) if path else None
