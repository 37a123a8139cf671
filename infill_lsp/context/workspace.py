"""Excerpts of other files for a cursor, chosen ahead of requests in a thread of its own.

A request takes what is ready and never waits. What was chosen stays as it is while the cursor is near where it was
chosen for, so that typing moves nothing in front of the model's context; it is chosen anew when the cursor goes
elsewhere or another document changes, and compared with the disk from time to time.
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
"""Lines the cursor may go from where excerpts were chosen for before they are chosen anew."""

CHECKED_EVERY: Final = 5.0
"""Seconds after which files that excerpts come from are looked at again."""

MOST_OPEN: Final = 20
"""Open documents that are searched, those changed last."""

MOST_NEIGHBOURS: Final = 20
"""Files beside the document that are searched although nobody has opened them.

Of 200 held-out rests of lines 75 could be copied from the document; with excerpts of five neighbours 85, of twenty 89.
"""

BUDGET: Final = 16_000
"""Characters of excerpts that are worth asking for: with 4,000, 8,000 and 16,000 of them 85, 89 and 91 could be."""


@dataclass(frozen=True, slots=True)
class _Task:
    """Excerpts to be chosen, with the documents as they were when that was asked for.

    Attributes:
        others: open documents but this one, those changed last first.
        stamp: when one of the others changed last; it grows with every change of any document.
        line: of the cursor.
    """

    name: str
    place: CursorContext
    others: tuple[Document, ...]
    stamp: int
    line: int
    budget: int


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Excerpts, what they were chosen for, and when, in seconds of a monotonic clock."""

    task: _Task
    excerpts: tuple[str, ...]
    at: float


class Workspace:
    """What may help to fill gaps in documents of one workspace; all but its own thread call it from one thread."""

    def __init__(self, roots: Sequence[Path], patterns: Sequence[str] = ()) -> None:
        """Read nothing yet.

        Args:
            roots: its folders; no file outside of them is read.
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
        """A document was opened; its name is its path or URI."""
        self.changed(document)

    def changed(self, document: Document) -> None:
        """A document was opened, or has a new text."""
        self._changes += 1
        self._open.pop(document.name, None)
        self._open[document.name] = (document, self._changes)  # The last one is the one changed last.

    def closed(self, name: str) -> None:
        """A document was closed: what is on disk counts."""
        if self._open.pop(name, None):
            self._changes += 1
        self._chosen.pop(name, None)

    def close(self) -> None:
        """End the thread; what it is at, it finishes."""
        self._tasks.put(None)

    def excerpts(self, document: Document, offset: int, budget: int) -> tuple[str, ...]:
        """Excerpts of other files that are ready for a cursor, the most relevant last; others may be ready soon.

        Args:
            document: that the cursor is in.
            offset: of the cursor.
            budget: characters of all of them together.
        """
        chosen = self._chosen.get(document.name)
        line, _ = document.place(offset)
        stamp = max((it for other, (_, it) in self._open.items() if other != document.name), default=0)
        if chosen is None or not _holds(chosen.task, line, stamp, budget):
            self._ask(document, offset, line, stamp, budget)
        elif time.monotonic() - chosen.at > CHECKED_EVERY:
            place = replace(
                chosen.task.place, text=document.text[: imports.LARGEST]
            )  # Its imports may be others by now.
            self._put(replace(chosen.task, place=place))
        return chosen.excerpts if chosen else ()

    def settle(self, seconds: float = 10.0) -> bool:
        """Wait until everything asked for so far is ready; says whether it is."""
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
        """Have a task done, one of a document at a time: when it is done, a request will ask for what is newest."""
        if task.name in self._pending:
            return
        self._pending.add(task.name)
        self._tasks.put(task)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="context", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        """The thread: single operations on the dictionaries are all that it shares."""
        while (task := self._tasks.get()) is not None:
            if isinstance(task, threading.Event):
                task.set()
                continue
            try:
                found = self._chooser.excerpts(task)
            except Exception:  # Whatever is on the disk, the next request may be luckier.
                _LOG.exception("No excerpts for %s", task.name)
                found = ()
            self._chosen[task.name] = _Chosen(task, found, time.monotonic())
            self._pending.discard(task.name)


def _holds(task: _Task, line: int, stamp: int, budget: int) -> bool:
    return abs(task.line - line) <= REGION and (task.stamp, task.budget) == (stamp, budget)


class _Chooser:
    """Chooses excerpts; only the thread uses it."""

    def __init__(self, roots: tuple[Path, ...], patterns: Sequence[str]) -> None:
        self._sources = Sources(roots, patterns)
        self._documents: dict[str, tuple[Document, ContextSource | None]] = {}

    def excerpts(self, task: _Task) -> tuple[str, ...]:
        """Those for a task."""
        with self._sources.round():
            return self._excerpts(task)

    def _excerpts(self, task: _Task) -> tuple[str, ...]:
        open_now = {it.name: self._document(it) for it in task.others}
        self._documents = {it.name: (it, open_now[it.name]) for it in task.others}
        by_path = {real: open_now[it.name] for it in task.others if (real := _real(path_of(it.name)))}

        def read(path: Path) -> ContextSource | None:
            time.sleep(0)  # Let a request have its turn.
            real = _real(path)
            return by_path[real] if real in by_path else self._sources.at(path)

        path = task.place.path
        beside = self._sources.neighbours(path, MOST_NEIGHBOURS) if path and self._sources.holds(path) else []
        candidates = (*open_now.values(), *(read(it) for it in beside if _real(it) not in by_path))
        return select.excerpts(task.place, filter(None, candidates), read, self._sources.roots, task.budget)

    def _document(self, document: Document) -> ContextSource | None:
        """An open document as a source; what was computed of it stays while its text does."""
        before, source = self._documents.get(document.name, (None, None))
        known = source if before and before.text == document.text else None
        return self._sources.of_text(document.name, document.text, document.language, known)


def _real(path: Path | None) -> Path | None:
    return real_path(path) if path else None
