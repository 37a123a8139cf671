"""The requests sent to an engine and not yet answered: newest of a stream wins, oldest stream first.

Shared by the thread that reads messages and the one that fills gaps.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

from infill_lsp.engine.messages import Ask


class Inbox:
    """A queue of requests in which a newer request of the same stream replaces an older one."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[Ask] = deque()
        self._running: Ask | None = None
        self._running_cancelled = False
        self._looked = 0.0
        self._came: dict[int, float] = {}
        self._closed = False
        self.waited_ms = 0.0
        """Milliseconds that the running request waited until it was taken."""

    def put(self, ask: Ask) -> list[int]:
        """Add a request.

        Returns:
            The ids of the waiting requests it replaced; they have left the queue and must be answered as cancelled.
        """
        with self._changed:
            replaced = self._drop(lambda old: old.stream == ask.stream)
            if self._running is not None and self._running.stream == ask.stream:
                self._running_cancelled = True
            self._waiting.append(ask)
            self._came[ask.id] = time.monotonic()
            self._changed.notify()
        return replaced

    def cancel(self, id_: int) -> list[int]:
        """Cancel a request; an unknown id belongs to one answered in the meantime.

        Returns:
            Its id if it was still waiting, because then it must be answered as cancelled.
        """
        with self._changed:
            if self._running is not None and self._running.id == id_:
                self._running_cancelled = True
            return self._drop(lambda old: old.id == id_)

    def take(self) -> Ask | None:
        """Wait for a request and make it the running one; return None when the inbox is closed."""
        with self._changed:
            self._running = None
            self._changed.wait_for(lambda: self._closed or self._waiting)
            if self._closed:
                return None
            self._looked = time.monotonic()
            self._running, self._running_cancelled = self._waiting.popleft(), False
            self.waited_ms = (self._looked - self._came.pop(self._running.id)) * 1e3
            return self._running

    def is_cancelled(self) -> bool:
        """Report whether the running request's answer is no longer wanted; the filler checks at each step."""
        self._looked = time.monotonic()
        return self._running_cancelled or self._closed

    @property
    def stuck_for(self) -> float:
        """Seconds that the current step of the running request has taken so far; 0 if none runs."""
        return 0.0 if self._running is None else time.monotonic() - self._looked

    @property
    def closed(self) -> bool:
        """Whether nobody is left to answer."""
        return self._closed

    def close(self) -> None:
        """Record that nobody is left to answer: wake `take` and cancel the running request."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _drop(self, unwanted: Callable[[Ask], bool]) -> list[int]:
        dropped = [ask.id for ask in self._waiting if unwanted(ask)]
        for id_ in dropped:
            del self._came[id_]
        self._waiting = deque(ask for ask in self._waiting if not unwanted(ask))
        return dropped
