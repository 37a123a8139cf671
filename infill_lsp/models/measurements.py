"""Measures how fast a published model answers on this machine, in a separate engine, and stores the result with it.

The measurement is what a user feels: the time of a suggestion while typing, key after key in the same document.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from infill_lsp.engine.client import Engine, Restart
from infill_lsp.errors import SourceError
from infill_lsp.settings.settings import EngineCommand, EngineSettings
from infill_model.catalogue.published import Published, recorded
from infill_model.request import Options, Request

_ABOVE: Final = '''"""Orders, their lines and what they cost."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Line:
    """An article and how many of it."""

    article: str
    price: Decimal
    count: int

    @property
    def total(self) -> Decimal:
        return self.price * self.count


def subtotal(lines: list[Line]) -> Decimal:
    """What all lines cost before discounts."""
    return sum((line.total for line in lines), Decimal(0))


def discounted(lines: list[Line], percent: int) -> Decimal:
    """What all lines cost after a discount."""
'''
_TYPED: Final = "    before = subtotal(lines)\n    return before * "
_BELOW: Final = """

def receipt(lines: list[Line]) -> str:
    return "\\n".join(f"{line.count} x {line.article}: {line.total}" for line in lines)
"""

_CAP_MS: Final = 5000.0
"""Maximum time to wait for a suggestion, in milliseconds."""

_SECONDS: Final = 8.0
"""Seconds for the whole measurement, once the model is loaded."""

_FIRST: Final = 2
"""Number of initial suggestions that are not counted."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """The performance of a model on this machine.

    Attributes:
        ms: median time of a suggestion while typing.
        ready_ms: time from the start of the engine until it could answer.
        memory: peak memory of the engine in bytes; 0 if unknown.
        device: the device it ran on.
        wanted: the device, dtype and threads in the settings.
        converted: hash of the converted file.
    """

    ms: float
    ready_ms: float
    memory: int
    device: str
    wanted: str
    converted: str


def measure(it: Published, settings: EngineSettings, engine: EngineCommand) -> Measurement:
    """Measure a model that is here, and store the result.

    Raises:
        InfillError: the engine cannot run the model, or the result cannot be stored.
    """
    chosen = replace(settings, model=it.name, endpoint=None, verify=None)
    found = asyncio.run(_measure(engine(chosen)))
    record = recorded(it)
    found = replace(found, wanted=_wanted(it, settings), converted=record.sha256 if record else "")
    file = _file(it)
    try:
        file.write_text(json.dumps(asdict(found), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise SourceError(f"{file}: cannot be written ({error.strerror})") from error
    return found


def measured(it: Published, settings: EngineSettings) -> Measurement | None:
    """Return the measurement of the present file with these settings; None if there is none."""
    try:
        found = Measurement(**json.loads(_file(it).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    record = recorded(it)
    return found if record and (found.converted, found.wanted) == (record.sha256, _wanted(it, settings)) else None


def _wanted(it: Published, settings: EngineSettings) -> str:
    return f"{settings.device} {settings.dtype} {replace(settings, model=it.name).cpu_threads}"


def _file(it: Published) -> Path:
    return it.folder / "measured.json"


async def _measure(command: Sequence[str]) -> Measurement:
    started = time.perf_counter()
    async with Engine(command, restart=Restart(give_up=1)) as engine:
        info = await engine.ready()
        ready_ms = (time.perf_counter() - started) * 1e3
        times = await _type(engine)
        memory = _peak(engine.pid)
    counted = sorted(times[_FIRST:] or times)
    return Measurement(round(counted[len(counted) // 2], 1), round(ready_ms), memory, info.device, "", "")


async def _type(engine: Engine) -> list[float]:
    """Type into a document, asking for a suggestion after each key; return the milliseconds of each."""
    times: list[float] = []
    options, began = Options(budget_ms=_CAP_MS), time.perf_counter()
    for typed in range(len(_TYPED) // 2, len(_TYPED) + 1, 2):
        asked = time.perf_counter()
        await engine.ask(Request(_ABOVE + _TYPED[:typed], _BELOW, language="python"), options, stream="measuring")
        times.append((time.perf_counter() - asked) * 1e3)
        if time.perf_counter() - began > _SECONDS and len(times) > _FIRST:
            break
    return times


def _peak(pid: int | None) -> int:
    """Return the peak memory of a process, in bytes; 0 if the system does not tell."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration, ValueError, IndexError):
        return 0
