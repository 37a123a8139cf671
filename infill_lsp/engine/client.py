"""The client of an engine: keeps its process alive, sends requests, and cancels them.

A crash or a hang fails the requests in flight with `EngineDiedError` and nothing else; a model that cannot be loaded
fails all requests with `EngineFailedError` and is not tried again. Must not depend on models, documents or editors.
"""

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final

from infill_lsp.engine.messages import (
    Ask,
    Cancel,
    EngineStatus,
    Failed,
    FailureKind,
    Filled,
    Message,
    Partial,
    Ping,
    Pong,
)
from infill_lsp.engine.process import EngineProcess
from infill_lsp.engine.watchdog import HangLimits, Watchdog
from infill_lsp.errors import (
    EngineDiedError,
    EngineFailedError,
    InfillError,
    MessageError,
    RequestCancelledError,
    RequestFailedError,
    RequestMemoryError,
    RequestRefusedError,
)
from infill_model.request import Fill, Frame, Info, Options, Request

_FAILURES: Final[dict[FailureKind, type[InfillError]]] = {
    "cancelled": RequestCancelledError,
    "refused": RequestRefusedError,
    "memory": RequestMemoryError,
    "internal": RequestFailedError,
    "broken": RequestFailedError,
}


@dataclass(frozen=True, slots=True)
class Restart:
    """When to restart an engine: after `first` seconds, then twice as long each time, at most `longest`.

    No restart follows `give_up` consecutive starts that did not reach `ready`, nor `deaths` consecutive ends without a
    fill in between; None means no such limit.
    """

    first: float = 0.25
    longest: float = 60.0
    give_up: int | None = 4
    deaths: int | None = None

    def delay(self, failures: int) -> float:
        """Return the seconds to wait after this many consecutive failures."""
        return min(self.first * 2.0 ** min(failures - 1, 30), self.longest)

    def hopeless(self, failures: int, ended: "_Ended") -> str:
        """Return why another start is pointless, as a sentence; empty if it is not."""
        if ended.refusal:
            return ended.refusal
        if not ended.loaded and self.give_up is not None and failures >= self.give_up:
            return f"The engine {ended.how}, {failures} times before it was ready."
        if self.deaths is not None and failures >= self.deaths:
            return f"The engine {ended.how}, {failures} times in a row."
        return ""


FOR_EVER: Final = Restart(give_up=None)
"""The policy when there is nothing to fall back on, and the user may fix the problem meanwhile."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A caller that waits for an answer: fills, or the text of a ping."""

    answer: "asyncio.Future[tuple[Fill, ...]]"
    on_draft: Callable[[Frame], None] | None = None


class Engine:
    """An engine that is kept alive: `async with Engine(worker_command(settings)) as engine: ...`.

    `status` is its current state, `info` the last description that its model gave of itself.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        on_status: Callable[[EngineStatus], None] = lambda status: None,
        restart: Restart | None = None,
        limits: HangLimits | None = None,
    ) -> None:
        self._limits = limits or HangLimits()
        self.status = EngineStatus("starting")
        self.info: Info | None = None
        self._command, self._on_status, self._restart = command, on_status, restart or Restart()
        self._ids = itertools.count(1)
        self._asks: dict[int, _Waiting] = {}
        self._pings: dict[int, asyncio.Future[str]] = {}
        self._process: EngineProcess | None = None
        self._end: asyncio.Future[InfillError]  # How the process's run ended, once it has.
        self._filled = False
        self._failure: EngineFailedError | None = None
        self._running = asyncio.Event()  # There is a process to send to, or there never will be one.
        self._loaded = asyncio.Event()  # Its model is loaded, or never will be.

    async def __aenter__(self) -> "Engine":
        """Start the process, without waiting until it is ready."""
        self._end = asyncio.get_running_loop().create_future()
        self._supervisor = asyncio.create_task(self._supervise())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process; pending requests fail."""
        self._supervisor.cancel()
        with suppress(asyncio.CancelledError):
            await self._supervisor
        self._give_up("The engine was closed.")

    @property
    def pid(self) -> int | None:
        """The id of the current process."""
        return self._process.pid if self._process else None

    @property
    def given_up(self) -> bool:
        """Whether there is no engine, and will be none."""
        return self._failure is not None

    async def ready(self) -> Info:
        """Wait until the model is loaded, and return its description.

        Raises:
            EngineDiedError: the engine has just ended; it is being restarted.
            EngineFailedError: the model cannot be loaded.
        """
        await self._there(self._loaded)
        if self.info is None:
            raise EngineFailedError("The engine reports that it is ready, but sent no description.")
        return self.info

    async def up(self) -> Info:
        """Wait as `ready` does, but raise at once when the engine ends, rather than wait for its restart.

        Raises:
            EngineDiedError: the engine ended before its model was loaded; it is being restarted.
            EngineFailedError: the model cannot be loaded.
        """
        loaded = asyncio.ensure_future(self._loaded.wait())
        either: set[asyncio.Future[Any]] = {loaded, self._end}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            loaded.cancel()
        if not self._loaded.is_set():
            raise self._end.result()
        return await self.ready()

    async def failed(self) -> str:
        """Wait until there is no engine, and will be none; return the reason."""
        await asyncio.wait({self._supervisor})
        return str(self._failure or "The engine was closed.")

    async def ask(
        self,
        request: Request,
        options: Options,
        *,
        stream: str = "",
        on_draft: Callable[[Frame], None] | None = None,
    ) -> tuple[Fill, ...]:
        """Request fills for gaps. Waits for an engine that is starting; cancelling the caller cancels the request.

        Args:
            request: what to fill.
            options: how to fill it.
            stream: a newer request of the same stream cancels this one.
            on_draft: called with the canvas after each step.

        Raises:
            RequestCancelledError: a newer request of the stream arrived.
            RequestRefusedError: the engine does not understand the request.
            RequestMemoryError: the request ran out of memory; the engine keeps running.
            RequestFailedError: the engine met an error, and keeps running.
            EngineDiedError: the engine ended; it is being restarted.
            EngineFailedError: there is no engine, and will be none.
        """
        process = await self._there(self._running)
        id_ = next(self._ids)
        answer: asyncio.Future[tuple[Fill, ...]] = asyncio.get_running_loop().create_future()
        self._asks[id_] = _Waiting(answer, on_draft)
        process.send(Ask(id_, stream, request, options, drafts=on_draft is not None))
        try:
            return await answer
        except asyncio.CancelledError:
            process.send(Cancel(id_))
            raise
        finally:
            del self._asks[id_]

    async def ping(self, text: str) -> float:
        """Return the milliseconds that `text` takes to the engine and back.

        Raises:
            EngineDiedError: the engine ended; it is being restarted.
            EngineFailedError: there is no engine, and will be none.
        """
        process = await self._there(self._running)
        id_, start = next(self._ids), time.perf_counter()
        pong = self._pings[id_] = asyncio.get_running_loop().create_future()
        process.send(Ping(id_, text))
        try:
            await pong
        finally:
            del self._pings[id_]
        return (time.perf_counter() - start) * 1e3

    async def _there(self, event: asyncio.Event) -> EngineProcess:
        await event.wait()
        if self._failure or self._process is None:
            raise self._failure or EngineDiedError("The engine has just ended. It is being restarted")
        return self._process

    async def _supervise(self) -> None:
        """Run the process again and again, until it cannot be loaded or this task is cancelled."""
        failures = 0
        while True:
            try:
                ended = await self._run()
            except (OSError, MessageError) as error:
                if isinstance(error, MessageError) or self._restart.give_up is not None:
                    return self._give_up(f"The engine cannot be run: {error}")
                ended = _Ended(f"cannot be started ({error})", loaded=False, filled=False, refusal="")
            failures = 1 if ended.filled else failures + 1
            if sentence := self._restart.hopeless(failures, ended):
                return self._give_up(sentence)
            delay = self._restart.delay(failures)
            self._fail_run(EngineDiedError(f"The engine {ended.how}. It is being restarted."))
            self._tell(EngineStatus("degraded", f"The engine {ended.how}. It will be restarted in {delay:g} s."))
            await asyncio.sleep(delay)

    async def _run(self) -> "_Ended":
        """Run the process once, to its end."""
        self._tell(EngineStatus("starting"))
        self._filled = False
        if self._end.done():
            self._end = asyncio.get_running_loop().create_future()
        self._process = process = await EngineProcess.start(self._command)
        self._running.set()
        hung = ""
        try:
            hung = await self._listen(process)
        finally:
            loaded = self._loaded.is_set()
            self._running.clear()
            self._loaded.clear()
            self._process = None
            if hung:
                process.kill()
            how = await process.end()
        refusal = self.status.reason if self.status.state == "degraded" else ""
        return _Ended(hung or how, loaded, self._filled, refusal)

    async def _listen(self, process: EngineProcess) -> str:
        """Handle the process's messages to its end; return why it is considered hung, if it is."""
        watchdog = Watchdog(self._limits)
        found: list[str] = []
        try:
            async with asyncio.timeout(None) as listening:
                watching = asyncio.create_task(_watch(process, watchdog, listening, found.append))
                async for message in process.received():
                    watchdog.heard()
                    self._handle(message)
                    if self._loaded.is_set():
                        watchdog.loaded()
        except TimeoutError:
            pass
        finally:
            watching.cancel()
        return "".join(found)

    def _handle(self, message: Message) -> None:
        """Pass a message to its waiting caller; drop it if the caller no longer waits."""
        match message:
            case EngineStatus(state="degraded"):
                self.status = message  # The engine's last message; reported when it has ended.
            case EngineStatus():
                self.info = message.info or self.info
                if message.state == "ready":
                    self._loaded.set()
                self._tell(message)
            case Pong(id=id_, text=text) if id_ in self._pings:
                self._pings[id_].set_result(text)
            case Partial(id=id_, frame=frame) if id_ in self._asks:
                if on_draft := self._asks[id_].on_draft:
                    on_draft(frame)
            case Filled(id=id_, fills=fills):
                self._filled = True
                _settle(self._asks.get(id_), fills)
            case Failed(id=id_, kind=kind, sentence=sentence):
                _settle(self._asks.get(id_), _FAILURES[kind](sentence))

    def _tell(self, status: EngineStatus) -> None:
        self.status = status
        self._on_status(status)

    def _give_up(self, sentence: str) -> None:
        self._failure = EngineFailedError(sentence)
        self._running.set()
        self._loaded.set()
        self._fail_run(self._failure)
        self._tell(EngineStatus("degraded", sentence))

    def _fail_run(self, error: InfillError) -> None:
        """Fail everything requested from a run of the process that has ended."""
        if not self._end.done():
            self._end.set_result(error)
        for waiting in self._asks.values():
            _settle(waiting, error)
        for pong in self._pings.values():
            if not pong.done():
                pong.set_exception(error)


@dataclass(frozen=True, slots=True)
class _Ended:
    """How a run of the process ended.

    Attributes:
        how: the rest of a sentence that starts with "The engine".
        loaded: whether its model was ready.
        filled: whether it answered a request.
        refusal: why it would not load its model; empty if it loaded or died.
    """

    how: str
    loaded: bool
    filled: bool
    refusal: str


async def _watch(
    process: EngineProcess, watchdog: Watchdog, listening: asyncio.Timeout, tell: Callable[[str], None]
) -> None:
    """End `listening` when a process is considered hung, or has ended while others hold its pipe."""
    while True:
        gone = process.gone
        await asyncio.sleep(watchdog.tick)
        hung = "" if gone else watchdog.passed(watchdog.tick)
        if gone or hung:
            tell(hung)
            return listening.reschedule(asyncio.get_running_loop().time())


def _settle(waiting: _Waiting | None, answer: tuple[Fill, ...] | InfillError) -> None:
    if waiting is None or waiting.answer.done():
        return
    if isinstance(answer, InfillError):
        waiting.answer.set_exception(answer)
    else:
        waiting.answer.set_result(answer)
