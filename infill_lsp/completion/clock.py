"""Where the answer to a question comes from, and what the engine spent on it; for measurements.

Must not depend on LSP types or on how suggestions are made.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from infill_model.request import Fill, Frame, Info, Options, Request

Source = Literal["nothing", "remembered", "prepared", "copies", "engine"]
"""No engine was asked; the text shown was typed on, or is known; it was found ahead of the question; copies came first,
for the engine's answer is late; it was asked."""


class Asks(Protocol):
    """An engine's interface for requesting fills."""

    @property
    def info(self) -> Info | None:
        """The model's description of itself."""

    async def ask(
        self,
        request: Request,
        options: Options,
        *,
        stream: str = "",
        on_draft: Callable[[Frame], None] | None = None,
    ) -> tuple[Fill, ...]:
        """Fill gaps, as `Engine.ask` does."""


@dataclass(slots=True)
class AnswerClock:
    """The source of one answer, and its time in the engine.

    Attributes:
        source: where the answer comes from.
        engine_ms: milliseconds from asking the engine to its answer, the pipe included.
        fill: the engine's first fill, with the engine's own times.
    """

    source: Source = "nothing"
    engine_ms: float = 0.0
    fill: Fill | None = None

    def timed(self, engine: Asks) -> Asks:
        """Return the engine, with each of its answers recorded here."""
        return _TimedEngine(engine, self)


@dataclass(frozen=True, slots=True)
class _TimedEngine:
    """An engine whose answers are recorded."""

    engine: Asks
    clock: AnswerClock

    @property
    def info(self) -> Info | None:
        """The model's description of itself."""
        return self.engine.info

    async def ask(
        self,
        request: Request,
        options: Options,
        *,
        stream: str = "",
        on_draft: Callable[[Frame], None] | None = None,
    ) -> tuple[Fill, ...]:
        """Ask the engine, and record its answer."""
        began = time.perf_counter()
        fills = await self.engine.ask(request, options, stream=stream, on_draft=on_draft)
        self.clock.source, self.clock.fill = "engine", next(iter(fills), None)
        self.clock.engine_ms += (time.perf_counter() - began) * 1e3
        return fills
