"""Engines that hang, leave processes behind, or outlive their server: real processes, stopped, held and killed."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import psutil
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
import fake_engine

from infill_lsp.engine.client import FOR_EVER, Engine, Restart
from infill_lsp.engine.inbox import Inbox
from infill_lsp.engine.messages import Ask, EngineStatus
from infill_lsp.engine.watchdog import HangLimits, Watchdog
from infill_lsp.errors import EngineDiedError
from infill_model.request import Options, Request

SOON = Restart(first=0.01, longest=0.05, give_up=None)
SHORT = HangLimits(silence=2.5, silence_while_loading=60.0)
PATIENCE = 60.0


def asking(order: str) -> Request:
    return Request(f"# {order}\nx = ", "\n")


def run(
    body: Callable[[Engine], Coroutine[Any, Any, None]],
    *flags: str,
    limits: HangLimits = SHORT,
    restart: Restart = SOON,
) -> list[EngineStatus]:
    """Run with an engine and return the statuses it reported."""
    seen: list[EngineStatus] = []

    async def session() -> None:
        async with Engine(fake_engine.command(*flags), on_status=seen.append, restart=restart, limits=limits) as engine:
            await asyncio.wait_for(body(engine), PATIENCE)

    asyncio.run(session())
    return seen


async def stopped(engine: Engine) -> int:
    """Stop the engine as a debugger would and return its process id."""
    await engine.ready()
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGSTOP)
    return engine.pid


def test_an_engine_that_is_stopped_is_replaced_and_what_it_was_asked_fails_in_words() -> None:
    async def body(engine: Engine) -> None:
        before = await stopped(engine)
        with pytest.raises(EngineDiedError, match=r"gave no sign of life for 2.5 s and was ended\. It is being"):
            await engine.ask(asking("fill a"), Options())
        assert (await engine.ask(asking("fill b"), Options()))[0].texts == ("b",)
        assert engine.pid != before
        assert not psutil.pid_exists(before)

    reasons = [it.reason for it in run(body) if it.state == "degraded"]
    assert "The engine gave no sign of life for 2.5 s and was ended. It will be restarted in 0.01 s." in reasons


def test_an_engine_that_is_stopped_is_replaced_though_nobody_asks() -> None:
    async def body(engine: Engine) -> None:
        before = await stopped(engine)
        while engine.pid in (before, None):
            await asyncio.sleep(0.01)
        await engine.ready()

    run(body)


def test_native_code_that_lets_nothing_else_run_is_a_hang() -> None:
    async def body(engine: Engine) -> None:
        await engine.ready()
        with pytest.raises(EngineDiedError, match="no sign of life"):
            await engine.ask(asking("hold"), Options())

    run(body)


def test_a_step_that_never_ends_is_a_hang_though_other_threads_run() -> None:
    async def body(engine: Engine) -> None:
        await engine.ready()
        with pytest.raises(EngineDiedError, match="no sign of life"):
            await engine.ask(asking("stuck"), Options())

    run(body, "--longest-step", "0.1")


def test_a_long_fill_is_no_hang() -> None:
    async def body(engine: Engine) -> None:
        await engine.ready()
        before = engine.pid
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SHORT.silence * 2):
                await engine.ask(asking("slow"), Options())
        assert (await engine.ask(asking("fill b"), Options()))[0].texts == ("b",)
        assert engine.pid == before

    run(body)


def test_native_code_that_lets_other_threads_run_is_no_hang() -> None:
    async def body(engine: Engine) -> None:
        await engine.ready()
        before = engine.pid
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SHORT.silence * 2):
                await engine.ask(asking("native"), Options())
        assert engine.pid == before

    assert not any(it.state == "degraded" for it in run(body)[:-1])


def test_loading_is_no_hang_but_has_a_limit_of_its_own() -> None:
    async def body(engine: Engine) -> None:
        with pytest.raises(EngineDiedError, match=r"had not loaded its model after 6 s and was ended"):
            await engine.up()

    start = time.monotonic()
    run(body, "--hang", limits=HangLimits(silence=2.0, load=6.0))
    assert time.monotonic() - start >= 6.0


def test_a_server_that_was_itself_stopped_does_not_blame_its_engine() -> None:
    async def body(engine: Engine) -> None:
        await engine.ready()
        before = engine.pid
        time.sleep(SHORT.silence * 1.5)  # As if this process had been stopped.
        assert (await engine.ask(asking("fill b"), Options()))[0].texts == ("b",)
        assert engine.pid == before

    run(body)


def test_the_watchdog_counts_silence_and_loading_apart() -> None:
    dog = Watchdog(HangLimits(silence=10, silence_while_loading=120, load=1800))
    for _ in range(17):
        assert dog.passed(100) == ""
        dog.heard()
    assert "had not loaded its model after 1800 s" in dog.passed(100)
    dog.loaded()
    dog.heard()
    assert dog.passed(9) == ""
    assert "no sign of life for 10 s" in dog.passed(1)
    assert HangLimits().silence == 10, "what the changelog promises"


def test_a_step_counts_from_the_last_look_of_who_fills() -> None:
    inbox = Inbox()
    assert inbox.stuck_for == 0
    inbox.put(Ask(1, "", asking("fill a"), Options()))
    inbox.take()
    first = inbox.stuck_for
    assert inbox.stuck_for > first
    inbox.is_cancelled()
    inbox.close()
    inbox.take()
    assert inbox.stuck_for == 0


def test_an_engine_that_dies_while_loading_is_tried_until_it_loads(tmp_path: Path) -> None:
    there = tmp_path / "there"

    async def body(engine: Engine) -> None:
        with pytest.raises(EngineDiedError, match="killed by SIGKILL"):
            await engine.up()
        while sum("will be restarted in" in it.reason for it in seen) < 6:
            await asyncio.sleep(0.01)
        there.touch()
        await engine.ready()
        assert (await engine.ask(asking("fill b"), Options()))[0].texts == ("b",)

    seen: list[EngineStatus] = []

    async def session() -> None:
        command = fake_engine.command("--die-until", str(there))
        async with Engine(command, on_status=seen.append, restart=SOON) as engine:
            await asyncio.wait_for(body(engine), PATIENCE)

    asyncio.run(session())
    assert FOR_EVER.give_up is None
    assert FOR_EVER.delay(100) == FOR_EVER.longest == 60


def test_a_program_that_cannot_be_started_is_tried_again(tmp_path: Path) -> None:
    program = tmp_path / "engine"
    seen: list[EngineStatus] = []

    async def session() -> None:
        async with Engine([str(program)], on_status=seen.append, restart=SOON) as engine:
            while not any("cannot be started" in it.reason for it in seen):
                await asyncio.sleep(0.01)
            words = " ".join(f"'{it}'" for it in fake_engine.command())
            program.write_text(f"#!/bin/sh\nexec {words}\n")
            program.chmod(0o755)
            await asyncio.wait_for(engine.ready(), PATIENCE)

    asyncio.run(session())


def test_a_line_of_any_length_on_standard_error_stops_nothing() -> None:
    async def body(engine: Engine) -> None:
        assert (await engine.ask(asking("fill a"), Options()))[0].texts == ("a",)
        with pytest.raises(EngineDiedError, match=r'its last words were "x*about to die"') as died:
            await engine.ask(asking("die"), Options())
        assert len(str(died.value)) < 500

    run(body, "--long-line", "1000000")


def test_what_an_engine_leaves_behind_holds_nobody_up() -> None:
    async def body(engine: Engine) -> None:
        await engine.ready()
        assert engine.pid is not None
        left = psutil.Process(engine.pid).children()
        try:
            with pytest.raises(EngineDiedError, match="killed by SIGKILL"):
                await engine.ask(asking("die"), Options())
            await engine.ready()
        finally:
            for it in left:
                it.kill()

    started = time.monotonic()
    run(body, "--leave-behind")
    assert time.monotonic() - started < 20


PARENT = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
import fake_engine
from infill_lsp.engine.client import Engine
from infill_model.request import Options, Request
async def main():
    async with Engine(fake_engine.command(*sys.argv[3:])) as engine:
        while engine.pid is None:
            await asyncio.sleep(0.01)
        if sys.argv[2]:
            await engine.ready()
            asyncio.ensure_future(engine.ask(Request(f"# {sys.argv[2]}\\nx = ", "\\n"), Options()))
        await engine.ping("") if not sys.argv[2] and "--hold" not in sys.argv else await asyncio.sleep(1)
        print(engine.pid, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the kernel does not end a process with its parent")
@pytest.mark.parametrize("doing", ["", "slow", "hold", "stuck", "--hang", "--hold", "stopped"])
def test_an_engine_ends_within_two_seconds_of_its_server_whatever_it_is_doing(doing: str) -> None:
    order, flags = ("", [doing]) if doing.startswith("--") else (doing.removeprefix("stopped"), [])
    folder = str(Path(fake_engine.__file__).parent)
    parent = subprocess.Popen((sys.executable, "-c", PARENT, folder, order, *flags), stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    engine = psutil.Process(int(parent.stdout.readline()))
    if doing == "stopped":
        engine.send_signal(signal.SIGSTOP)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    engine.wait(2)
