"""A replica: one model, the requests that are being filled, and the threads that fill them."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from infill_lsp.engine.judges import critic_of
from infill_lsp.engine.worker import is_memory, load_shared
from infill_lsp.settings.settings import EngineSettings
from infill_model.errors import InfillModelError
from infill_model.request import Fill, Frame, Info, Options, Request
from infill_serve.fair_queue import FairQueue
from infill_serve.job import AnswerItem, FillJob
from infill_serve.metrics import ReplicaMetrics
from infill_serve.wires.refused import RefusedError, busy, invalid

_WARM_UP: Final = FillJob("", "", Request("def add(a, b):\n    return ", "\n"), Options(steps=4))


class Replica:
    """A model that several users ask; Ray Serve makes as many as are wanted."""

    def __init__(self, settings: str, places: int, release: str = "") -> None:
        """Load the model and fill once, so that nobody waits for that.

        Args:
            settings: `EngineSettings` as JSON.
            places: the number of requests filled at once.
            release: of this package; with another one, Ray replaces the replicas.

        Raises:
            InfillModelError: the model cannot be loaded.
        """
        self._filler = load_shared(EngineSettings.from_json(settings))
        self._queue = FairQueue(places)
        self._pool = ThreadPoolExecutor(places, thread_name_prefix="fill")
        self._metrics = ReplicaMetrics()
        self._fill(_WARM_UP, threading.Event(), None)  # An error of it ends the start.

    def info(self) -> Info:
        """Return the model's description of itself."""
        return self._filler.info

    async def fill(self, job: FillJob) -> AsyncGenerator[AnswerItem, None]:
        """Yield drafts, if wanted, and then the fills or an error.

        When nobody listens any more, the fill ends within a step.
        """
        began = time.monotonic()
        try:
            await self._queue.take(job.user)
        except asyncio.CancelledError:
            self._metrics.ended("cancelled", began)
            raise
        finally:
            self._count()
        async with aclosing(self._run(_with_less_time(job, time.monotonic() - began), began)) as items:
            async for item in items:
                yield item

    async def _run(self, job: FillJob, began: float) -> AsyncGenerator[AnswerItem, None]:
        loop, cancelled = asyncio.get_running_loop(), threading.Event()
        items: asyncio.Queue[AnswerItem | None] = asyncio.Queue()

        def put(item: AnswerItem | None) -> None:
            loop.call_soon_threadsafe(items.put_nowait, item)

        work = loop.run_in_executor(self._pool, self._fill, job, cancelled, put if job.drafts else None)

        def done(future: "asyncio.Future[tuple[Fill, ...]]") -> None:
            self._queue.give_back(job.user)
            self._count()
            items.put_nowait(None)
            future.exception()  # Else asyncio logs it if nobody listens any more.

        work.add_done_callback(done)
        outcome = "cancelled"
        try:
            while (item := await items.get()) is not None:
                yield item
            fills = await work
            outcome = "filled"
            self._metrics.filled(fills, self._filler.batches)
            yield fills
        except RefusedError as error:
            outcome = "refused" if error.status < 500 else "failed"
            yield error
        finally:
            cancelled.set()
            self._metrics.ended(outcome, began)

    def _count(self) -> None:
        self._metrics.queue(self._queue.waiting, self._queue.running)

    def _fill(
        self, job: FillJob, cancelled: threading.Event, on_draft: Callable[[Frame], None] | None
    ) -> tuple[Fill, ...]:
        request, options = job.request, job.options
        # As editors ask their own engine; most other clients do not tell the language.
        if request.language is not None and not self._filler.info.knows(request.language):
            options = replace(options, copies_only=True)
        try:
            critic = critic_of(request, options)
            fills = self._filler.fill(
                job.document, request, options, cancelled=cancelled.is_set, critic=critic, on_draft=on_draft
            )
        except (InfillModelError, ValueError) as error:
            raise invalid(str(error), 422) from None
        except Exception as error:  # Of it only the type is told: a message may hold code.
            if is_memory(error):
                raise busy("The model ran out of memory for this request") from None
            raise RefusedError(500, "server_error", f"The model failed ({type(error).__name__})") from None
        return tuple(fills)


def _with_less_time(job: FillJob, waited: float) -> FillJob:
    """Return the job with the time that it waited taken from its budget."""
    budget = job.options.budget_ms
    if budget is None:
        return job
    return replace(job, options=replace(job.options, budget_ms=max(1.0, budget - waited * 1000)))
