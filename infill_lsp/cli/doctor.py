"""`infill-lsp doctor`: reports what is installed, whether the engine starts and fills, and how to fix any problem.

It uses no network, and writes only the measurements of `--probe`.
"""

import argparse
import asyncio
import json
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Final

from infill_lsp import __version__
from infill_lsp.cli import versions
from infill_lsp.engine.client import Engine
from infill_lsp.errors import InfillError
from infill_lsp.models import choice, convert, fit
from infill_lsp.settings import user_config
from infill_lsp.settings.flags import declare_engine, engine_settings
from infill_lsp.settings.settings import EngineCommand
from infill_model.catalogue import published
from infill_model.catalogue.published import Published
from infill_model.catalogue.sizes import SIZES
from infill_model.request import Fill, Info, Options, Request

_NEEDED: Final = ("torch", "numpy", "safetensors", "tokenizers", "tree-sitter", "tree-sitter-python", "cattrs", "rich")

_SELF_TEST: Final = Request("def add(a, b):\n    return ", "\n\n\nprint(add(1, 2))\n")
_CODE: Final = "    total += price[item] * count[item]\n" * 210
"""8 KB of code, to measure the round trip to the engine."""


@dataclass(frozen=True, slots=True)
class SelfTest:
    """A trial fill: its text, the milliseconds of a cold and of a warm run, and whether it parses."""

    text: str
    first_ms: float
    again_ms: float
    forwards: int
    parses: bool


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """The findings.

    Attributes:
        versions: of this program, Python and the required packages; None for a missing one.
        model: the loaded model's description of itself.
        ready_ms: from the start of the engine's process until it could fill.
        round_trip_ms: 8 KB of code to the engine and back, median.
        self_test: the trial fill.
        fits: the models of the catalogue that fit into the device's memory.
        server: the model that the server runs under the user's configuration, and why.
        larger: the cost of each published model, by name.
        problems: each in words, with a remedy; empty if the installation is healthy.
    """

    versions: dict[str, str | None]
    model: Info | None
    ready_ms: float | None
    round_trip_ms: float | None
    self_test: SelfTest | None
    problems: tuple[str, ...]
    fits: fit.Fits | None = None
    server: str = ""
    larger: dict[str, str] = field(default_factory=dict)


def declare(flags: argparse.ArgumentParser) -> None:
    """Declare the flags of `doctor`."""
    larger = [it.name for it in published.published()]
    flags.add_argument("--json", action="store_true", help="print JSON")
    flags.add_argument(
        "--probe",
        nargs="*",
        choices=[*larger, *(it.name for it in SIZES)],
        metavar="MODEL|SIZE",
        help=f"measure the speed of {' and '.join(larger) or 'a model'}, once downloaded, or of open checkpoints of a "
        f"size, with random weights ({', '.join(it.name for it in SIZES)}); without names, all of the former that are "
        "here, and all of the latter that fit on a GPU, or else the smallest",
    )
    declare_engine(flags)


def run(chosen: argparse.Namespace, engine: EngineCommand) -> int:
    """Examine the installation, or measure with `--probe`; return 0, or 1 if something does not work.

    Raises:
        InfillError: the measurement cannot be made.
    """
    settings = engine_settings(chosen)
    if chosen.probe is not None:
        from infill_lsp.models import probes

        return probes.run(chosen.probe, settings, engine, as_json=chosen.json)
    return diagnose(engine(settings), as_json=chosen.json)


def diagnose(engine: Sequence[str], *, as_json: bool) -> int:
    """Examine the installation and print the report; return 0 if all is well, else 1."""
    report = examine(engine)
    if as_json:
        print(json.dumps({"healthy": not report.problems, **asdict(report)}, indent=2, ensure_ascii=False))
    else:
        _show(report)
    return 1 if report.problems else 0


def examine(engine: Sequence[str]) -> DoctorReport:
    """Examine the installation; problems found are reported, never raised."""
    settings, complaints = user_config.load()
    found, chosen = _examine(engine), choice.choose(settings)
    larger = {it.model.name: f"{it.model.parent}, {it.model.licence}: {it.cost}" for it in choice.candidates(settings)}
    damaged = tuple(_damaged(it) for it in published.published() if convert.state(it) in ("damaged", "outdated"))
    server = f"{chosen.model}. {chosen.why}"
    return replace(found, server=server, larger=larger, problems=(*found.problems, *complaints, *damaged))


def _damaged(it: Published) -> str:
    return f"The converted file of {it.name} is {convert.state(it)}: run `infill-lsp models use {it.name}`"


def _examine(engine: Sequence[str]) -> DoctorReport:
    found: dict[str, str | None] = {"infill-lsp": __version__, "python": platform.python_version()}
    found |= {name: versions.version(name) for name in _NEEDED}
    problems = [
        f"{name} is not installed: run `pip install {name}`, or install infill-lsp again"
        for name, version in found.items()
        if version is None
    ]
    if not problems:
        try:
            return asyncio.run(_try(engine, found))
        except InfillError as error:
            problems.append(f"The engine does not work: {error}")
        except ImportError as error:
            problems.append(f"A package is installed but cannot be used: {error}; install infill-lsp again")
    return DoctorReport(found, None, None, None, None, tuple(problems))


async def _try(engine: Sequence[str], found: dict[str, str | None]) -> DoctorReport:
    started = time.perf_counter()
    async with Engine(engine) as running:
        info = await running.ready()
        ready_ms = (time.perf_counter() - started) * 1e3
        pings = sorted([await running.ping(_CODE) for _ in range(9)])
        first = (await running.ask(_SELF_TEST, Options()))[0]
        again = (await running.ask(_SELF_TEST, Options()))[0]
    test = _self_test(first, again)
    problems = []
    if not test.text.strip():
        problems.append("The model wrote nothing where `a + b` was expected; its weights may not be trained")
    if first.texts != again.texts:
        problems.append("The same request was filled in two different ways; the engine should be deterministic")
    fits = fit.of_device(info.device)
    return DoctorReport(found, info, ready_ms, pings[len(pings) // 2], test, tuple(problems), fits)


def _self_test(first: Fill, again: Fill) -> SelfTest:
    from infill_lsp.syntax.critic import Critic  # imported here, because this command must work without its packages

    critic = Critic.of(_SELF_TEST)
    parses = critic is not None and critic.parses(first.texts)
    return SelfTest(first.texts[0], first.ms.total, again.ms.total, first.forwards, parses)


def _show(report: DoctorReport) -> None:
    """Print with Python's standard library alone, because any package may be missing."""
    rows = _rows(report)
    width = max(len(what) for what, _ in rows)
    for what, found in rows:
        print(f"{what:{width}}  {found}")
    print()
    for problem in report.problems:
        print(f"PROBLEM: {problem}")
    if not report.problems:
        print("All is well.")


def _about(model: Info) -> list[tuple[str, str]]:
    """Return a model's description of itself in rows; an endpoint does not tell its model's size."""
    languages = "any language" if model.knows(None) else ", ".join(model.languages)
    if not model.parameters:
        return [
            ("model", f"{model.name}, for {languages}"),
            ("endpoint", f"{model.device}, {model.context:,} characters around the gap"),
        ]
    trained = f"{model.trained_tokens / 1e6:,.0f} M tokens" if model.trained_tokens else "see its card"
    return [
        ("model", f"{model.name}, {model.parameters / 1e6:.1f} M parameters, for {languages}"),
        ("trained on", f"{trained}, context {model.context}"),
        ("device", f"{model.device}, {model.dtype}, {model.threads} threads"),
    ]


def _rows(report: DoctorReport) -> list[tuple[str, str]]:
    rows = [(name, version or "missing") for name, version in report.versions.items()]
    if report.model:
        rows += _about(report.model)
    if report.ready_ms is not None:
        rows.append(
            ("engine", f"ready after {report.ready_ms:.0f} ms, 8 KB there and back {report.round_trip_ms:.2f} ms")
        )
    if report.self_test:
        test = report.self_test
        rows.append(
            (
                "self-test",
                f"{_SELF_TEST.prefix.strip()!r} + {test.text!r}: {test.first_ms:.0f} ms, again {test.again_ms:.0f} ms, "
                f"{test.forwards} forwards, {'parses' if test.parses else 'does not parse'}",
            )
        )
    if report.fits:
        rows.append(("has room for", report.fits.sentence))
    if report.server:
        rows.append(("server's model", report.server))
    rows += list(report.larger.items())
    return rows
