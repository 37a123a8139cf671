"""Looks for the edits that the user's last ones call for, once the user rests, and keeps those that wait.

Rules are asked first; where they find nothing, a model that reads present text (`Info.reads`) is. Any change of a
document ends the search in it. Must not import LSP types.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from infill_lsp.errors import InfillError
from infill_lsp.text.document import Document

if TYPE_CHECKING:
    from infill_lsp.edits.next_edits.edit import NextEdit
    from infill_lsp.edits.next_edits.history import History, Offered
    from infill_lsp.edits.remasking.drops import Readings
    from infill_lsp.engine.fallback import FallbackEngine

REST: Final = 0.15
"""Seconds after a change until the user rests."""

REST_IN_WORD: Final = 0.4
"""Seconds after a single key within a word: it is probably not the last one, and half a name helps nobody."""


PATIENCE: Final = 5.0
"""Seconds that a model may take; a user who has not gone on by then thinks of something else."""


class NextEdits:
    """The edits that wait in the documents of one session."""

    def __init__(
        self,
        is_wanted: Callable[[Document], bool],
        on_offered: "Callable[[Document, tuple[Offered, ...]], None]",
        engine: "Callable[[], FallbackEngine | None]" = lambda: None,
    ) -> None:
        """Look for nothing yet.

        Args:
            is_wanted: whether anything may be kept of a document.
            on_offered: called with what waits in a document now, whenever that is more than nothing, or no longer is.
            engine: returns the engine to ask where no rule finds anything; None while there is none.
        """
        self._is_wanted, self._on_offered, self._engine = is_wanted, on_offered, engine
        self._histories: dict[str, History] = {}
        self._readings: dict[str, Readings] = {}
        self._searches: dict[str, asyncio.Task[None]] = {}
        self._searched: dict[str, Document] = {}
        self._shown: set[str] = set()
        self.being_applied: set[str] = set()
        """The documents in which the editor applies an edit at the moment."""
        # A thread of its own: a search that takes long must not keep suggestions in other documents waiting.
        self._thread = ThreadPoolExecutor(1, "next-edits")

    def load(self) -> None:
        """Load what is needed for a search before the first change."""
        import infill_lsp.edits.next_edits.history  # noqa: F401, PLC0415

    def changed(self, before: Document | None, after: Document) -> None:
        """Take a document that was opened or changed."""
        self._end_search(after.name)
        if before is None:
            return
        if not self._is_wanted(after):
            self.leave_alone(after)
            return
        from infill_lsp.edits.next_edits.history import History  # noqa: PLC0415  # `initialize` need not wait for it.

        history = self._histories.get(after.name, History()).changed(before, after)
        self._histories[after.name] = history
        rest = REST_IN_WORD if history.in_word else REST
        self._search(after, 0.0 if history.taken else rest)

    def waiting(self, document: Document) -> "tuple[Offered, ...]":
        """Return what waits in a document, the nearest first; nothing if it has changed since."""
        if self._searched.get(document.name) is not document:
            return ()
        return self._histories[document.name].offered

    def dismiss(self, document: Document, id_: str) -> None:
        """Offer an edit no more, and look for another one instead."""
        history = self._histories.get(document.name)
        if history is not None and history.has_offered(id_):
            self._histories[document.name] = history.dismissing(id_)
            if self._searched.get(document.name) is document:
                self._search(document, 0.0)

    def leave_alone(self, document: Document) -> None:
        """Forget the edits of a document, and take back what waits in it."""
        self.closed(document.name, keep_shown=True)
        self._tell(document, ())

    def closed(self, name: str, *, keep_shown: bool = False) -> None:
        """Forget a closed document."""
        self._end_search(name)
        self._histories.pop(name, None)
        self._readings.pop(name, None)
        if not keep_shown:
            self._shown.discard(name)

    def close(self) -> None:
        """End all searches."""
        for name in list(self._searches):
            self._end_search(name)
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _search(self, document: Document, rest: float) -> None:
        self._end_search(document.name)
        self._searches[document.name] = asyncio.ensure_future(self._look(document, rest))

    def _end_search(self, name: str) -> None:
        self._searched.pop(name, None)
        if search := self._searches.pop(name, None):
            search.cancel()

    async def _look(self, document: Document, rest: float) -> None:
        """Wait until the user rests, and find what waits then; in a thread, so that other work has its turn."""
        await asyncio.sleep(rest)
        history, ended = self._histories[document.name], threading.Event()
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._thread, history.next_edits, document, ended.is_set)
            found = found or await self._remasked(history, document)
        finally:
            ended.set()
        history = self._histories[document.name].offering(
            document, found
        )  # Something may have been dismissed meanwhile.
        self._histories[document.name] = history
        self._searched[document.name] = document
        self._tell(document, history.offered)

    async def _remasked(self, history: "History", document: Document) -> "tuple[NextEdit, ...]":
        """Return what the engine's model makes of what the last edit made improbable; nothing if it does not read."""
        engine = self._engine()
        before = next(history.states_before(document), None)
        if before is None or engine is None or engine.info is None or not engine.info.reads:
            return ()
        from infill_lsp.edits.remasking.drops import Readings  # noqa: PLC0415  # Most sessions have no such model.
        from infill_lsp.edits.remasking.remask import remasked  # noqa: PLC0415

        readings = self._readings.setdefault(document.name, Readings())
        ask = partial(engine.ask, stream=f"next edit {document.name}")
        with suppress(InfillError, TimeoutError):
            async with asyncio.timeout(PATIENCE):
                return await remasked(before, document, ask, readings)
        return ()

    def _tell(self, document: Document, offered: "tuple[Offered, ...]") -> None:
        if offered or document.name in self._shown:
            self._on_offered(document, offered)
        (self._shown.add if offered else self._shown.discard)(document.name)
