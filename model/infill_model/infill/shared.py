"""Serves several requests at once with one embedded model: steps shared, and a cache for each document.

The fills are those of `Infiller`, by the same code: only the denoiser is another.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
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
        self._lock = threading.Lock()
        self._idle: OrderedDict[str, Infiller] = OrderedDict()

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
        with self._batcher.request(), self._of(document) as infiller:
            return infiller.fill(request, options, cancelled=cancelled, critic=critic, on_draft=on_draft)

    def close(self) -> None:
        """End the thread that runs the network."""
        self._batcher.close()

    @contextmanager
    def _of(self, document: str) -> Iterator[Infiller]:
        """Lend the document's infiller, or a new one if another request of the document is using it."""
        with self._lock:
            own = self._idle.pop(document, None)
        if own is None:
            it = self._infiller
            own = Infiller(it.config, it.vocabulary, SharedDenoiser(self._batcher), it.dtype, it.layout)
        try:
            yield own
        finally:
            with self._lock:
                self._idle[document] = own
                self._idle.move_to_end(document)
                while len(self._idle) > self._most:
                    self._idle.popitem(last=False)


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
            return self._filler.fill(request, options, cancelled=cancelled, critic=critic, on_draft=on_draft)
