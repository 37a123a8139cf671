"""`infill-lsp bench load`: simulated users type against a server for teams, each in a document of their own.

A user types a line of the document key by key. With each key the request before is abandoned, as editors do, and in
each pause another one is sent; at the line's end the user waits for the answer and then thinks. With `--busy` nobody
types: each user sends one request after the other, which measures the throughput.
"""

import argparse
import asyncio
import json
import os
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

import httpx

from infill_lsp.bench.load_picture import picture
from infill_lsp.endpoints import stream
from infill_lsp.endpoints.api import EndpointError
from infill_lsp.endpoints.infill import PATH, FillAsk, body
from infill_lsp.errors import AddressError
from infill_lsp.settings.flags import integer
from infill_lsp.settings.settings import EngineCommand
from infill_lsp.text.files import check_writable, read_file
from infill_model.request import Options, Request

_KEY: Final = 0.15
"""Mean seconds between two keys."""

_PAUSE: Final = 0.1
"""Seconds without a key after which an editor asks."""

_THINK: Final = 4.0
"""Mean seconds between two lines."""

_PATIENCE: Final = 60.0
"""Seconds after which a request without an answer is an error."""

_EXPORT: Final = 3.0
"""Seconds after which the server's counters are in its metrics."""

_ROWS: Final = re.compile(r"^\w*infill_batch_(forwards|rows)\w*\{[^}]*\} (\S+)$", re.MULTILINE)


@dataclass(slots=True)
class Load:
    """What a number of users met.

    Attributes:
        users: how many.
        seconds: how long they typed.
        ms: of each answer, in milliseconds from the request on.
        suggestions: answers with text.
        cancelled: requests that were abandoned for the next key.
        errors: by status or kind.
        forwards: of the denoiser that the server ran meanwhile; 0 if it does not tell.
        rows: canvases in all of them.
    """

    users: int
    seconds: float = 0.0
    ms: list[float] = field(default_factory=list)
    suggestions: int = 0
    cancelled: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    forwards: float = 0.0
    rows: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Return the figures of the table."""
        cut = quantiles(self.ms, n=100, method="inclusive") if len(self.ms) > 1 else (self.ms or [float("nan")]) * 99
        return {
            "users": self.users,
            "seconds": round(self.seconds, 1),
            "answers": len(self.ms),
            "p50_ms": round(cut[49], 1),
            "p95_ms": round(cut[94], 1),
            "p99_ms": round(cut[98], 1),
            "suggestions_per_second": round(self.suggestions / max(self.seconds, 1e-9), 2),
            "answers_per_second": round(len(self.ms) / max(self.seconds, 1e-9), 2),
            "cancelled": self.cancelled,
            "errors": dict(self.errors),
            "mean_batch": round(self.rows / self.forwards, 2) if self.forwards else None,
        }


def declare(flags: argparse.ArgumentParser) -> None:
    """Declare the flags of `bench load`."""
    flags.add_argument("files", type=Path, nargs="*", metavar="FILE", help="documents; by default this package's own")
    flags.add_argument("--url", default="http://127.0.0.1:8000", help="the server's address")
    flags.add_argument("--api", choices=("infill", "llama.cpp"), default="infill", help="how it is asked")
    flags.add_argument("--users", type=_counts, default=(64,), metavar="N[,N...]", help="how many type at once (64)")
    flags.add_argument("--seconds", type=float, default=20.0, metavar="N", help="how long each number types (20)")
    flags.add_argument("--busy", action="store_true", help="no typing: each user asks as fast as answers come")
    flags.add_argument("--key-environment", default="", metavar="NAME", help="the variable that contains the token")
    flags.add_argument("--json", action="store_true", help="print JSON")
    flags.add_argument("--picture", type=Path, metavar="FILE", help="draw the times as .png or .svg")


def _counts(words: str) -> tuple[int, ...]:
    return tuple(integer(1, 10_000)(it) for it in words.split(","))


def run(chosen: argparse.Namespace, _: EngineCommand) -> int:
    """Type; return 0 if every request was answered or abandoned, else 1.

    Raises:
        InfillError: a file cannot be read or written, or no server answers.
    """
    if chosen.picture:
        check_writable(chosen.picture)
    paths = chosen.files or sorted(Path(__file__).parents[1].rglob("*.py"))
    documents = [text for it in paths if len(text := read_file(it).text) > 200]
    client = _Client(chosen.url.rstrip("/"), chosen.api, os.environ.get(chosen.key_environment, ""))
    loads = [asyncio.run(_load(client, documents, it, chosen)) for it in chosen.users]
    rows = [it.as_json() for it in loads]
    if chosen.picture:
        picture(chosen.picture, [(f"{it.users} users", it.ms) for it in loads])
    if chosen.json:
        print(json.dumps(rows, indent=2))
    else:
        _show(rows)
    return 1 if any(it.errors for it in loads) else 0


@dataclass(frozen=True, slots=True)
class _Client:
    """How a server is asked."""

    url: str
    api: str
    token: str

    @property
    def head(self) -> Mapping[str, str]:
        return {"authorization": f"Bearer {self.token}"} if self.token else {}

    def request(self, prefix: str, suffix: str) -> tuple[str, Mapping[str, object]]:
        if self.api == "infill":
            return PATH, body(FillAsk(Request(prefix, suffix), Options(n=1)))
        before, _, line = prefix.rpartition("\n")
        asked = {"input_prefix": before + "\n", "prompt": line, "input_suffix": suffix, "stop": ["\n"]}
        return "/infill", {**asked, "n_predict": 32, "cache_prompt": True, "temperature": 0.0}

    def text(self, value: Any) -> str:
        if self.api == "infill":
            return str(value["fills"][0]["texts"][0]) if value.get("fills") else ""
        return str(value["content"])


async def _load(client: _Client, documents: Sequence[str], users: int, chosen: argparse.Namespace) -> Load:
    load = Load(users)
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        base_url=client.url, headers=client.head, timeout=_PATIENCE, limits=limits, trust_env=False
    ) as http:
        before = await _counters(http)
        began = time.monotonic()
        until = began + chosen.seconds
        work = _busy if chosen.busy else _typing
        async with asyncio.TaskGroup() as group:
            for number in range(users):
                asker = _Asker(client, http, load)
                group.create_task(work(asker, documents[number % len(documents)], random.Random(number), until))  # noqa: S311
        load.seconds = time.monotonic() - began
        await asyncio.sleep(_EXPORT if before else 0)
        after = await _counters(http)
        if before and after:
            load.forwards, load.rows = after[0] - before[0], after[1] - before[1]
    return load


@dataclass(frozen=True, slots=True)
class _Asker:
    """Asks, and counts what comes of it."""

    client: _Client
    http: httpx.AsyncClient
    load: Load

    async def ask(self, prefix: str, suffix: str, pause: float = 0.0) -> None:
        await asyncio.sleep(pause)
        path, asked = self.client.request(prefix, suffix)
        began = time.monotonic()
        try:
            async with self.http.stream("POST", path, json=asked) as response:
                if response.status_code != httpx.codes.OK:
                    self.load.errors[f"{response.status_code}"] += 1
                    return
                text = ""
                async with aclosing(stream.values(response)) as values:
                    async for value in values:
                        text = self.client.text(value)
        except (httpx.HTTPError, EndpointError, KeyError, TypeError) as error:
            self.load.errors[type(error).__name__] += 1
            return
        except asyncio.CancelledError:
            self.load.cancelled += 1
            raise
        self.load.ms.append((time.monotonic() - began) * 1000)
        self.load.suggestions += bool(text.strip())


async def _typing(asker: _Asker, text: str, chance: random.Random, until: float) -> None:
    """Type lines until the time is over."""
    await asyncio.sleep(chance.random())  # Nobody begins with the others.
    while time.monotonic() < until:
        work: asyncio.Task[None] | None = None
        for prefix, suffix in _line(text, chance):
            await asyncio.sleep(chance.expovariate(1 / _KEY))
            if work is not None and not work.done():
                work.cancel()
                await asyncio.wait({work})
            work = asyncio.create_task(asker.ask(prefix, suffix, _PAUSE))
            if time.monotonic() > until:
                break
        if work is not None:
            await asyncio.wait({work})
        await asyncio.sleep(chance.expovariate(1 / _THINK))


async def _busy(asker: _Asker, text: str, chance: random.Random, until: float) -> None:
    """Ask at places of lines, one after the other, until the time is over."""
    while time.monotonic() < until:
        places = list(_line(text, chance))
        await asker.ask(*places[len(places) // 2])


def _line(text: str, chance: random.Random) -> Iterator[tuple[str, str]]:
    """Yield the text before and after the cursor, for each key of a line that has some."""
    lines = text.splitlines(keepends=True)
    number = chance.choice([at for at, it in enumerate(lines) if len(it.strip()) > 3])
    before, line, after = "".join(lines[:number]), lines[number].rstrip(), "\n" + "".join(lines[number + 1 :])
    for column in range(len(line) - len(line.lstrip()), len(line)):
        yield before + line[:column], after


async def _counters(http: httpx.AsyncClient) -> tuple[float, float] | None:
    """Return the forwards and rows that the server counted; None if it does not tell.

    Raises:
        AddressError: there is no server.
    """
    try:
        text = (await http.get("/metrics")).text
    except httpx.HTTPError as error:
        raise AddressError(f"{http.base_url} cannot be reached ({type(error).__name__})") from None
    found: Counter[str] = Counter()
    for name, value in _ROWS.findall(text):
        with suppress(ValueError):
            found[name] += float(value)  # type: ignore[assignment]  # A Counter of floats.
    return (found["forwards"], found["rows"]) if found or "infill_" in text else None


def _show(rows: Sequence[Mapping[str, Any]]) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table("users", "answers/s", "suggestions/s", "p50 ms", "p95 ms", "p99 ms", "batch", "cancelled", "errors")
    for it in rows:
        names = ("users", "answers_per_second", "suggestions_per_second", "p50_ms", "p95_ms", "p99_ms", "mean_batch")
        table.add_row(*(f"{it[name]}" for name in names), f"{it['cancelled']}", f"{it['errors'] or 0}")
    Console(file=sys.stdout).print(table)
