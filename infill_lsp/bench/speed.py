"""`infill-lsp bench fill`: measures the speed on this machine, each figure with its bound and its control.

The engine is measured from outside, as an editor uses it; the model and its controls in a separate process. The bounds
do not judge the machine: another one may miss them, and the output says so.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from infill_lsp.bench.figures import Figure, show
from infill_lsp.engine.client import Engine
from infill_lsp.engine.process import engine_environment
from infill_lsp.errors import InfillError
from infill_lsp.settings.flags import declare_engine, engine_settings, integer
from infill_lsp.settings.settings import EngineCommand, EngineSettings

_CODE: Final = "    total += price[item] * count[item]\n" * 210
_RUNS: Final = 5


class BenchError(InfillError):
    """The measuring process failed."""


def declare(flags: argparse.ArgumentParser) -> None:
    """Declare the flags of `bench fill`."""
    flags.add_argument("--gaps", type=integer(3, 10_000), default=40, metavar="N", help="gaps in real files (40)")
    flags.add_argument("--json", action="store_true", help="print JSON")
    declare_engine(flags)


def run(chosen: argparse.Namespace, engine: EngineCommand) -> int:
    """Measure with the given flags; return the exit code.

    Raises:
        InfillError: the engine does not work.
    """
    settings = engine_settings(chosen)
    return measure(settings, engine(settings), gaps=chosen.gaps, as_json=chosen.json)


def measure(settings: EngineSettings, engine: Sequence[str], *, gaps: int, as_json: bool) -> int:
    """Measure and print; return 0 regardless of the results.

    Raises:
        InfillError: the engine or the measuring process does not work.
    """
    started_ms, round_trip_ms, memory_mb = asyncio.run(_engine(engine))
    speed = _speed(settings, gaps)
    figures = (
        Figure("warm fill, rest of line, p50", speed["warm_fill"], "ms", 60),
        Figure("denoiser forwards in it", speed["forwards"], "", 10),
        Figure("encoding 8 more typed characters", speed["typed"], "ms", 10),
        Figure("faster than the plain loop", speed["faster_than_plain"], "x", 10, least=True),
        Figure("faster than autoregressive with cache", speed["faster_than_autoregressive"], "x", 2, least=True),
        Figure("engine ready after", started_ms / 1000, "s", 4),
        Figure("8 KB to the engine and back", round_trip_ms, "ms", 2),
        Figure("peak memory of the engine", memory_mb, "MB", 700),
        Figure("infill-lsp --help", _help_seconds(), "s", 0.3),
    )
    if as_json:
        print(json.dumps({"figures": [it.as_json() for it in figures], "speed": speed}, indent=2))
    else:
        show(f"infill-lsp bench fill, medians over {int(speed['gaps'])} gaps in real files", figures, _footnote(speed))
    return 0


def _footnote(speed: dict[str, float]) -> str:
    return (
        f"a step {speed['step']:.2f} ms; cold fill {speed['cold_fill']:.1f} ms, p95 of warm fills "
        f"{speed['warm_fill_p95']:.1f} ms; autoregressive {speed['autoregressive']:.1f} ms; plain loop "
        f"{speed['plain']:.1f} ms; {speed['tokens']:.0f} tokens a fill"
    )


async def _engine(command: Sequence[str]) -> tuple[float, float, float]:
    """Return milliseconds until ready (median of starts), milliseconds of a round trip, and peak megabytes."""
    from infill_model.request import Options, Request  # noqa: PLC0415  # keeps --help quick

    ready, memory, pings = [], 0.0, [0.0]
    for _ in range(_RUNS):
        started = time.perf_counter()
        async with Engine(command) as running:
            await running.ready()
            ready.append((time.perf_counter() - started) * 1000)
            await running.ask(Request("def f(x):\n    return ", "\n", block=True), Options(n=4))
            pings = [await running.ping(_CODE) for _ in range(31)]
            memory = _peak_memory(running.pid)
    return statistics.median(ready), statistics.median(pings), memory


def _peak_memory(pid: int | None) -> float:
    """Return the peak memory of a process in megabytes; NaN if the system does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        return int(status.split("VmHWM:")[1].split()[0]) / 1024
    except (OSError, IndexError, ValueError):
        return float("nan")


def _speed(settings: EngineSettings, gaps: int) -> dict[str, float]:
    command = [sys.executable, "-P", "-m", "infill_model.evaluation.studies.speed", "--model", settings.model]
    command += ["--gaps", str(gaps), "--threads", str(settings.cpu_threads)]
    command += ["--device", settings.device, "--dtype", settings.dtype]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=engine_environment())
    if done.returncode:
        raise BenchError(f"the measuring process failed: {done.stderr.strip().splitlines()[-1:] or done.returncode}")
    values: dict[str, float] = json.loads(done.stdout)
    return values


def _help_seconds() -> float:
    times = []
    for _ in range(_RUNS):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-P", "-m", "infill_lsp.cli", "--help"], capture_output=True, check=False)
        times.append(time.perf_counter() - started)
    return statistics.median(times)
