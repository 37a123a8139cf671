"""Serves several requests at once with one embedded model: steps shared, and a cache for each document.

The fills are those of `Infiller`, by the same code: only the denoiser is another.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Final

from infill_model.embedded.step_batch import SharedDenoiser, StepBatcher
from infill_model.filler import Filler, OnDraft, SharedFiller, never
from infill_model.infill.infiller import Infiller
from infill_model.request import Fill, Info, Options, Request, TextCritic

DOCUMENTS: Final = 64
"""How many documents keep what is encoded of them; one takes at most 20 MB in the embedded model."""


class SharedInfiller(SharedFiller):
    """The embedded model for several requests at once."""

    def __init__(self, infiller: Infiller, documents: int = DOCUMENTS) -> None:
        self._infiller, self._most = infiller, documents
        self._batcher = StepBatcher(infiller.denoiser.network)
        self._changed = threading.Condition()
        self._idle: OrderedDict[str, tuple[Infiller, SharedDenoiser]] = OrderedDict()
        self._users: dict[str, Callable[[], bool]] = {}

    @property
    def info(self) -> Info:
        """The model's description of itself."""
        return self._infiller.info

    @property
    def batches(self) -> tuple[int, int]:
        """The number of forwards so far, and of rows in all of them."""
        return self._batcher.forwards, self._batcher.rows

    def fill(
        self,
        document: str,
        request: Request,
        options: Options,
        *,
        cancelled: Callable[[], bool] = never,
        critic: TextCritic | None = None,
        on_draft: OnDraft | None = None,
    ) -> list[Fill]:
        """Fill the gaps of a request; see `SharedFiller`."""
        with self._of(document, cancelled) as infiller, self._batcher.request():
            try:
                return infiller.fill(request, options, cancelled=cancelled, critic=critic, on_draft=on_draft)
            except CancelledError:
                return []

    def close(self) -> None:
        """End the thread that runs the network."""
        self._batcher.close()

    @contextmanager
    def _of(self, document: str, cancelled: Callable[[], bool]) -> Iterator[Infiller]:
        """Lend the document's infiller, or a new one if another request of the document is using it.

        The other one is waited for if it is cancelled, and so at its end: as one types, each request cancels the one
        before, and needs what that has encoded.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._users.get(document, never)())
            own, denoiser = self._idle.pop(document) if document in self._idle else self._new()
            self._users[document] = denoiser.cancelled = cancelled
        try:
            yield own
        finally:
            denoiser.cancelled = never
            with self._changed:
                if self._users.get(document) is cancelled:
                    del self._users[document]
                self._idle[document] = own, denoiser
                self._idle.move_to_end(document)
                while len(self._idle) > self._most:
                    self._idle.popitem(last=False)
                self._changed.notify_all()

    def _new(self) -> tuple[Infiller, SharedDenoiser]:
        it, denoiser = self._infiller, SharedDenoiser(self._batcher)
        return Infiller(it.config, it.vocabulary, denoiser, it.dtype, it.layout), denoiser


class SerialFiller(SharedFiller):
    """Any other model for several documents: one request after the other."""

    def __init__(self, filler: Filler) -> None:
        self._filler, self._lock = filler, threading.Lock()

    @property
    def info(self) -> Info:
        """The model's description of itself."""
        return self._filler.info

    @property
    def batches(self) -> tuple[int, int]:
        """Zeros: no forward is shared."""
        return 0, 0

    def fill(
        self,
        document: str,
        request: Request,
        options: Options,
        *,
        cancelled: Callable[[], bool] = never,
        critic: TextCritic | None = None,
        on_draft: OnDraft | None = None,
    ) -> list[Fill]:
        """Fill the gaps of a request once its turn has come; see `SharedFiller`."""
        with self._lock:
            if cancelled():
                return []
            return self._filler.fill(request, options, cancelled=cancelled, critic=critic, on_draft=on_draft)
