"""Client and engine process: requests, cancellation, death, restart. The process is real, its model scripted."""

import asyncio
import itertools
import os
import signal
import statistics
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from pace import slowness

sys.path.insert(0, str(Path(__file__).parents[1]))
import fake_engine

from infill_lsp.engine.client import Engine, Restart
from infill_lsp.engine.messages import EngineStatus
from infill_lsp.errors import (
    EngineDiedError,
    EngineFailedError,
    InfillError,
    RequestCancelledError,
    RequestFailedError,
    RequestRefusedError,
)
from infill_model.request import Options, Request

SOON = Restart(first=0.01, longest=0.05, give_up=3)
PATIENCE = 30.0


def asking(order: str) -> Request:
    return Request(f"# {order}\nx = ", "\n")


def run(
    body: Callable[[Engine], Coroutine[Any, Any, None]], *flags: str, on_status: Callable[[EngineStatus], None] = print
) -> None:
    async def session() -> None:
        async with Engine(fake_engine.command(*flags), on_status=on_status, restart=SOON) as engine:
            await asyncio.wait_for(body(engine), PATIENCE)

    asyncio.run(session())


async def start_slow(engine: Engine, stream: str = "") -> "asyncio.Task[Any]":
    """Start a request that does not end by itself; return once the engine is working on it."""
    at_work = asyncio.Event()
    task = asyncio.create_task(
        engine.ask(asking("slow"), Options(), stream=stream, on_draft=lambda frame: at_work.set())
    )
    await at_work.wait()
    return task


def test_a_request_is_filled() -> None:
    async def body(engine: Engine) -> None:
        assert await engine.ready() == fake_engine.INFO
        fills = await engine.ask(Request("# fill 1 + 2\nx = ", "\n"), Options(n=2))
        assert [fill.texts for fill in fills] == [("1 + 2",), ("1 + 21",)]

    run(body)


def test_asking_waits_for_an_engine_that_is_starting() -> None:
    async def body(engine: Engine) -> None:
        assert (await engine.ask(asking("fill a"), Options()))[0].texts == ("a",)

    run(body)


def test_the_status_follows_the_engine() -> None:
    seen: list[str] = []

    async def body(engine: Engine) -> None:
        await engine.ask(asking("fill a"), Options())
        await engine.ask(asking("fill b"), Options())  # comes after the last status of the first

    run(body, on_status=lambda status: seen.append(status.state))
    assert [a for a, b in itertools.pairwise(seen) if a != b][:4] == ["starting", "ready", "busy", "ready"]


def test_the_newest_request_of_a_stream_wins() -> None:
    async def body(engine: Engine) -> None:
        running = await start_slow(engine, "a.py")
        waiting = asyncio.create_task(engine.ask(asking("fill old"), Options(), stream="a.py"))
        other = asyncio.create_task(engine.ask(asking("fill other"), Options(), stream="b.py"))
        newest = asyncio.create_task(engine.ask(asking("fill new"), Options(), stream="a.py"))
        for replaced in (running, waiting):
            with pytest.raises(RequestCancelledError, match="newer"):
                await replaced
        assert (await other)[0].texts == ("other",)
        assert (await newest)[0].texts == ("new",)

    run(body)


def test_cancelling_the_caller_cancels_the_request() -> None:
    async def body(engine: Engine) -> None:
        running = await start_slow(engine)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        # The engine would never reach this one if it continued the other.
        assert (await engine.ask(asking("fill b"), Options(), stream="another"))[0].texts == ("b",)

    run(body)


@pytest.mark.parametrize(
    ("order", "kind", "words"),
    [
        ("raise", RequestFailedError, "the script says so"),
        ("memory", RequestFailedError, "MemoryError"),
        ("refuse", RequestRefusedError, "unknown unmask policy 'magic'"),
    ],
)
def test_an_error_in_a_fill_is_told_and_the_engine_goes_on(order: str, kind: type[InfillError], words: str) -> None:
    async def body(engine: Engine) -> None:
        await engine.ready()
        before = engine.pid
        with pytest.raises(kind, match=words):
            await engine.ask(asking(order), Options())
        assert (await engine.ask(asking("fill b"), Options()))[0].texts == ("b",)
        assert engine.pid == before

    run(body)


def test_a_device_that_broke_takes_a_new_process() -> None:
    async def body(engine: Engine) -> None:
        await engine.ready()
        before = engine.pid
        with pytest.raises(RequestFailedError, match="illegal memory access"):
            await engine.ask(asking("raise CUDA error: an illegal memory access"), Options())
        while engine.pid in (before, None):
            await asyncio.sleep(0.005)
        assert (await engine.ask(asking("fill b"), Options()))[0].texts == ("b",)

    run(body)


def test_what_a_library_prints_does_not_garble_the_messages() -> None:
    async def body(engine: Engine) -> None:
        assert (await engine.ask(asking("print"), Options()))[0].texts == ("filled",)

    run(body)


def test_a_killed_engine_fails_what_was_asked_and_serves_the_next() -> None:
    async def body(engine: Engine) -> None:
        running = await start_slow(engine)
        ping = asyncio.create_task(engine.ask(asking("slow"), Options(), stream="second"))
        await asyncio.sleep(0)  # lets the second request be sent
        before = engine.pid
        assert before is not None
        os.kill(before, signal.SIGKILL)
        for lost in (running, ping):
            with pytest.raises(EngineDiedError, match="killed by SIGKILL"):
                await lost
        assert (await engine.ask(asking("fill b"), Options()))[0].texts == ("b",)
        assert engine.pid != before

    run(body)


def test_a_request_that_kills_the_engine_every_time_makes_it_wait_longer_each_time() -> None:
    reasons: list[str] = []

    async def body(engine: Engine) -> None:
        for _ in range(4):
            with pytest.raises(EngineDiedError, match=r"its last words were .about to die"):
                await engine.ask(asking("die"), Options())
        assert (await engine.ask(asking("fill b"), Options()))[0].texts == ("b",)
        with pytest.raises(EngineDiedError):
            await engine.ask(asking("die"), Options())
        assert (await engine.ask(asking("fill b"), Options()))[0].texts == ("b",)

    run(body, on_status=lambda status: reasons.append(status.reason) if status.state == "degraded" else None)
    waits = [reason.rpartition("restarted in ")[2] for reason in reasons if "restarted in" in reason]
    assert waits == ["0.01 s.", "0.02 s.", "0.04 s.", "0.05 s.", "0.01 s."], "a fill in between forgives"


def test_a_model_that_cannot_be_loaded_is_told_and_not_tried_again() -> None:
    states: list[str] = []

    async def body(engine: Engine) -> None:
        with pytest.raises(EngineFailedError, match=r"^model.safetensors is cut short$"):
            await engine.ready()
        with pytest.raises(EngineFailedError, match="cut short"):
            await engine.ask(asking("fill a"), Options())
        assert engine.status == EngineStatus("degraded", "model.safetensors is cut short")

    run(body, "--refuse-to-load", "model.safetensors is cut short", on_status=lambda s: states.append(s.state))
    assert states.count("starting") == 2, "the client's word and the engine's, once"


def test_requests_sent_while_loading_fail_with_the_model() -> None:
    async def body(engine: Engine) -> None:
        with pytest.raises(EngineFailedError, match="cut short"):
            await engine.ask(asking("fill a"), Options())

    run(body, "--refuse-to-load", "cut short")


def test_an_engine_that_always_dies_at_the_start_is_given_up() -> None:
    async def body(engine: Engine) -> None:
        with pytest.raises(EngineFailedError, match=r'ended by itself with status 1.*"dying at the start", 3 times'):
            await engine.ready()

    run(body, "--die-at-start")


def test_a_program_that_is_not_there() -> None:
    async def session() -> None:
        async with Engine(["/no/such/program"]) as engine:
            with pytest.raises(EngineFailedError, match=r"cannot be run.*No such file"):
                await engine.ready()

    asyncio.run(session())


def test_a_program_that_is_no_engine() -> None:
    async def session() -> None:
        async with Engine([sys.executable, "-c", "print('hello, I am not an engine')"]) as engine:
            with pytest.raises(EngineFailedError, match="use different protocols"):
                await engine.ready()

    asyncio.run(session())


@pytest.mark.parametrize("flags", [(), ("--hang",)], ids=["ready", "loading"])
def test_closing_ends_the_process(flags: tuple[str, ...]) -> None:
    pids: list[int] = []

    async def body(engine: Engine) -> None:
        await engine.ping("")
        if not flags:
            await start_slow(engine)
        assert engine.pid is not None
        pids.append(engine.pid)

    run(body, *flags)
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_the_engine_ends_when_its_parent_is_gone() -> None:
    """A parent killed abruptly leaves a closed pipe; the engine's standard error tells when it has ended."""

    async def session() -> None:
        program = (
            "import asyncio, sys; sys.path.insert(0, sys.argv[1]); import fake_engine\n"
            "async def main():\n"
            "    process = await asyncio.create_subprocess_exec(*fake_engine.command(), stdin=-1, stdout=-1)\n"
            "    await process.stdout.readexactly(4)\n"
            "    print('up', flush=True)\n"
            "    await asyncio.Event().wait()\n"
            "asyncio.run(main())"
        )
        folder = str(Path(fake_engine.__file__).parent)
        parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program, folder, stdout=-1, stderr=-1)
        assert parent.stdout is not None
        assert parent.stderr is not None
        assert await parent.stdout.readline() == b"up\n"
        parent.kill()
        await asyncio.wait_for(parent.stderr.read(), PATIENCE)

    asyncio.run(session())


def test_8_kb_of_code_go_there_and_back_in_2_ms() -> None:
    async def body(engine: Engine) -> None:
        await engine.ready()
        code = "".join(f"    total += price[{i}] * count[{i}]  # größer\n" for i in range(180))
        assert len(code.encode()) > 8192
        medians = [statistics.median([await engine.ping(code) for _ in range(30)]) for _ in range(3)]
        assert min(medians) < 5 * slowness(), "2 ms on an idle machine"

    run(body)


def test_an_engine_started_in_a_folder_with_a_hostile_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('wrong json')")
    monkeypatch.chdir(tmp_path)

    async def body(engine: Engine) -> None:
        assert (await engine.ask(asking("fill a"), Options()))[0].texts == ("a",)

    run(body)
