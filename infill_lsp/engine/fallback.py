"""An engine that falls back to the embedded model when the chosen one cannot be loaded, dies again, or lacks memory.

Callers see one engine. Requests that the chosen model failed are passed to the embedded one if there is time left.
Processes are known by their command lines. Must not depend on settings, documents or editors.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Final

from infill_lsp.engine.client import FOR_EVER, Engine, Restart
from infill_lsp.engine.messages import EngineStatus
from infill_lsp.engine.watchdog import HangLimits
from infill_lsp.errors import EngineFailedError, InfillError, RequestMemoryError
from infill_model.request import Fill, Frame, Info, Options, Request

CHOSEN: Final = Restart(deaths=2)
"""A user's model is restarted once after it dies, and not again if it dies before it has filled anything."""


class FallbackEngine:
    """An engine with another one to fall back on: `async with FallbackEngine(chosen, embedded) as engine: ...`."""

    def __init__(
        self,
        chosen: Sequence[str],
        embedded: Sequence[str] | None,
        *,
        on_status: Callable[[EngineStatus], None] = lambda status: None,
        restart: Restart | None = None,
        limits: HangLimits | None = None,
    ) -> None:
        """Start nothing yet.

        Args:
            chosen: the command line of the wanted engine.
            embedded: the command line of the fallback engine; None if there is none.
            on_status: called whenever the status changes; `degraded` with the reason while the fallback answers.
            restart: restart policy of the chosen engine.
            limits: limits after which either engine is considered hung.
        """
        self._on_status, self._embedded, self._limits = on_status, embedded, limits
        self._told = EngineStatus("starting")
        usual = CHOSEN if embedded else FOR_EVER
        self._chosen = Engine(chosen, on_status=self._chosen_is, restart=restart or usual, limits=limits)
        self._engine = self._chosen
        self._no_memory: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._fallen = asyncio.Event()
        self.reason = ""
        """Why the embedded model answers; empty while the chosen one does."""

    @property
    def info(self) -> Info | None:
        """The last description that the current model gave of itself."""
        return self._engine.info

    @property
    def status(self) -> EngineStatus:
        """The current status, as last reported."""
        return self._told

    @property
    def pid(self) -> int | None:
        """The id of the current process."""
        return self._engine.pid

    @property
    def given_up(self) -> bool:
        """Whether there is no engine, and will be none."""
        return self._engine.given_up

    async def __aenter__(self) -> "FallbackEngine":
        """Start the chosen engine, without waiting until it is ready."""
        await self._engine.__aenter__()
        self._watcher = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the running engine; pending requests fail."""
        self._watcher.cancel()
        with suppress(asyncio.CancelledError):
            await self._watcher
        self._embedded = None
        for engine in {self._chosen, self._engine}:
            await engine.__aexit__(kind, error, trace)
        self._fallen.set()

    async def ready(self) -> Info:
        """Wait until a model is loaded, as `Engine.ready` does."""
        asked = self._engine
        try:
            return await asked.ready()
        except EngineFailedError as error:
            await self._after_fall(asked, error)
            return await self._engine.ready()

    async def up(self) -> Info:
        """Wait as `Engine.up` does, for the embedded model if the chosen one cannot be loaded."""
        asked = self._engine
        try:
            return await asked.up()
        except EngineFailedError as error:
            await self._after_fall(asked, error)
            return await self._engine.up()

    async def ask(
        self,
        request: Request,
        options: Options,
        *,
        stream: str = "",
        on_draft: Callable[[Frame], None] | None = None,
    ) -> tuple[Fill, ...]:
        """Request fills as `Engine.ask` does, from the embedded model if the chosen one fails."""
        started, asked = time.perf_counter(), self._engine
        try:
            return await asked.ask(request, options, stream=stream, on_draft=on_draft)
        except (RequestMemoryError, EngineFailedError) as error:
            if isinstance(error, RequestMemoryError) and not self._no_memory.done():
                self._no_memory.set_result(str(error))
            await self._after_fall(asked, error)
        info = await self.ready()
        left = _less(options, (time.perf_counter() - started) * 1e3)
        known = info.knows(request.language)
        return await self._engine.ask(
            request, left if known else replace(left, copies_only=True), stream=stream, on_draft=on_draft
        )

    async def _after_fall(self, asked: Engine, error: InfillError) -> None:
        """Wait until the embedded engine has started after the chosen one failed; raise the error if there is none."""
        if self._embedded is None or asked is not self._chosen:
            raise error
        await self._fallen.wait()

    async def _watch(self) -> None:
        """Switch to the embedded engine as soon as the chosen one is unusable."""
        if self._embedded is None:
            return
        failed = asyncio.ensure_future(self._engine.failed())
        try:
            done, _ = await asyncio.wait({failed, self._no_memory}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            failed.cancel()
        self.reason = f"{done.pop().result().rstrip('.')}. The embedded model answers instead."
        self._tell(EngineStatus("starting"))
        chosen, self._engine = self._engine, self._stand_in(self._embedded)
        await self._engine.__aenter__()
        self._fallen.set()
        await chosen.__aexit__(None, None, None)

    def _stand_in(self, embedded: Sequence[str]) -> Engine:
        return Engine(embedded, on_status=self._embedded_is, restart=FOR_EVER, limits=self._limits)

    def _chosen_is(self, status: EngineStatus) -> None:
        """Pass on the chosen engine's status, except its last, which becomes the reason for the fallback."""
        if self._embedded is None or not (self.reason or self._engine.given_up):
            self._tell(status)

    def _tell(self, status: EngineStatus) -> None:
        self._told = status
        self._on_status(status)

    def _embedded_is(self, status: EngineStatus) -> None:
        """Report the embedded engine as `degraded` at best while it stands in, whatever its own status."""
        if status.state in ("ready", "busy"):
            self._tell(replace(status, state="degraded", reason=self.reason))
        elif status.state == "degraded":
            self._tell(replace(status, reason=f"{self.reason} {status.reason}"))
        else:
            self._tell(status)


def _less(options: Options, spent_ms: float) -> Options:
    """Return the options with the remaining budget, however small: the caller knows how long to wait."""
    if options.budget_ms is None:
        return options
    return replace(options, budget_ms=max(options.budget_ms - spent_ms, 1.0))
