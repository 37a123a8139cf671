"""An engine that falls back to another one: both processes are real, their models scripted."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
import fake_engine
import short_of_memory

sys.path.insert(0, str(Path(__file__).parents[2] / "model/checkpoints"))
from tiny import checkpoint

from infill_lsp.engine.client import Restart
from infill_lsp.engine.fallback import FallbackEngine
from infill_lsp.engine.messages import EngineStatus
from infill_lsp.errors import EngineDiedError, EngineFailedError, RequestMemoryError
from infill_model.request import Options, Request

SOON = Restart(first=0.01, longest=0.05, give_up=3, deaths=2)
PATIENCE = 60.0


def asking(order: str, language: str = "python") -> Request:
    return Request(f"# {order}\nx = ", "\n", language=language)


def run(
    body: Callable[[FallbackEngine, list[EngineStatus]], Coroutine[Any, Any, None]],
    *flags: str,
    embedded: tuple[str, ...] | None = (),
) -> list[EngineStatus]:
    seen: list[EngineStatus] = []
    told: list[EngineStatus] = []

    async def session() -> None:
        other = None if embedded is None else fake_engine.command(*embedded)
        async with FallbackEngine(fake_engine.command(*flags), other, on_status=seen.append, restart=SOON) as engine:
            await asyncio.wait_for(body(engine, seen), PATIENCE)
            told.extend(seen)  # The final statuses do not matter.

    asyncio.run(session())
    return told


async def text(engine: FallbackEngine, request: Request, **options: Any) -> str:
    return (await engine.ask(request, Options(**options)))[0].texts[0]


@pytest.mark.parametrize(
    ("flags", "words"),
    [(("--refuse-to-load", "cut short."), "cut short"), (("--die-at-start",), "2 times in a row")],
    ids=["refused", "died"],
)
def test_what_waits_for_a_model_that_cannot_be_loaded_is_filled_by_the_other(
    flags: tuple[str, ...], words: str
) -> None:
    async def body(engine: FallbackEngine, seen: list[EngineStatus]) -> None:
        with suppress(EngineDiedError):  # Its first death affects only one request.
            assert await text(engine, asking("fill a")) == "a"
        assert await text(engine, asking("fill a")) == "a"
        assert words in engine.reason
        assert ".." not in engine.reason

    seen = run(body, *flags)
    told = [it for it in seen if it.state == "degraded" and "will be restarted" not in it.reason]
    assert {it.reason for it in told} == {told[0].reason}
    assert not any(it.state in ("ready", "busy") for it in seen)


def test_all_requests_in_flight_go_over_when_memory_is_short() -> None:
    async def body(engine: FallbackEngine, seen: list[EngineStatus]) -> None:
        await engine.ready()
        chosen = engine.pid
        asked = [engine.ask(asking(f"fill {it}"), Options(), stream=it) for it in "abc"]
        assert [it[0].texts[0] for it in await asyncio.gather(*asked)] == ["a", "b", "c"]
        assert engine.pid != chosen
        assert chosen is not None
        with pytest.raises(ProcessLookupError):
            os.kill(chosen, 0)

    run(body, "--no-memory")


def test_what_goes_over_is_only_copied_where_the_other_does_not_know_the_language() -> None:
    async def body(engine: FallbackEngine, seen: list[EngineStatus]) -> None:
        assert await engine.ask(asking("fill a", language="go"), Options()) == ()

    run(body, "--no-memory")


def test_a_killed_engine_is_started_again_and_given_up_when_it_dies_again() -> None:
    async def body(engine: FallbackEngine, seen: list[EngineStatus]) -> None:
        await engine.ready()
        chosen = engine.pid
        assert chosen is not None
        os.kill(chosen, signal.SIGKILL)
        while engine.pid in (chosen, None):
            await asyncio.sleep(0.005)
        await engine.ready()
        assert not engine.reason
        assert await text(engine, asking("fill a")) == "a"
        with pytest.raises(EngineDiedError):
            await text(engine, asking("die"))
        assert not engine.reason, "it had filled meanwhile, so that was its first death again"
        with pytest.raises(EngineDiedError):
            await text(engine, asking("die"))  # Given up; the other engine is asked, and dies as well.
        assert "2 times in a row" in engine.reason
        assert await text(engine, asking("fill b")) == "b"

    run(body)


def test_without_another_one_it_fails_as_an_engine_does() -> None:
    async def memory(engine: FallbackEngine, seen: list[EngineStatus]) -> None:
        with pytest.raises(RequestMemoryError):
            await text(engine, asking("fill a"))

    async def refused(engine: FallbackEngine, seen: list[EngineStatus]) -> None:
        with pytest.raises(EngineFailedError, match="cut short"):
            await engine.ready()

    run(memory, "--no-memory", embedded=None)
    run(refused, "--refuse-to-load", "cut short", embedded=None)


def test_where_the_other_one_fails_too_both_reasons_are_told() -> None:
    async def body(engine: FallbackEngine, seen: list[EngineStatus]) -> None:
        with pytest.raises(EngineFailedError, match="no weights"):
            await text(engine, asking("fill a"))

    seen = run(body, "--refuse-to-load", "cut short", embedded=("--refuse-to-load", "no weights"))
    assert any("cut short" in it.reason and "no weights" in it.reason for it in seen)


def test_it_can_be_closed_while_it_falls_back() -> None:
    async def body(engine: FallbackEngine, seen: list[EngineStatus]) -> None:
        asked = asyncio.create_task(text(engine, asking("fill a")))
        while not engine.reason:
            await asyncio.sleep(0.001)
        asked.cancel()

    run(body, "--refuse-to-load", "cut short")


def test_a_gpu_without_room_for_the_warm_up_is_one_sentence(tmp_path: Path) -> None:
    async def session() -> None:
        chosen = short_of_memory.command(str(checkpoint(tmp_path / "model", "dream")), "--at-once")
        async with FallbackEngine(chosen, fake_engine.command(), restart=SOON) as engine:
            await asyncio.wait_for(engine.ready(), PATIENCE)
            assert engine.reason == (
                "Memory is too small for the model (CUDA out of memory); choose a smaller one or another device. "
                "The embedded model answers instead."
            )

    asyncio.run(session())
