"""The same questions to the model as it is served, to its controls, and to other servers, in turn at each question."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Final

from infill_lsp.bench.replay.play import Key
from infill_lsp.completion.complete import target_of
from infill_lsp.completion.question import Question
from infill_lsp.engine.process import engine_environment
from infill_lsp.errors import SourceError
from infill_lsp.settings.settings import EndpointSettings, EngineSettings
from infill_model.request import Options, Request

PLAIN: Final = 3
"""Questions that the plain loop is asked: one may take half a minute."""

TYPED: Final = 8
"""Characters typed between a question and the one before it, which fills the caches."""

SERVED: Final = "as served"
_CONTROLS: Final = ("nothing kept", "left to right", "plain")

Asked = tuple[float, int, int]
"""Milliseconds, tokens written, and forward passes."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One side of a comparison; medians over the questions that it was asked.

    Attributes:
        name: of a control, or the API and address of a server.
        gaps: questions.
        ms: milliseconds.
        tokens: written.
        ratio: the milliseconds of the model as it is served, divided by its own at the same question.
    """

    name: str
    gaps: int
    ms: float
    tokens: float
    ratio: float


def compare(
    settings: EngineSettings, keys: Sequence[Key], count: int, peers: Sequence[EndpointSettings]
) -> list[Contender]:
    """Ask up to `count` of a replay's questions again, of everybody.

    Raises:
        InfillError: the measuring process or a server does not work.
        InfillModelError: a server does not answer as its API says.
    """
    asked: dict[str, list[tuple[int, Asked]]] = {}
    with _measuring(settings) as measure:
        others = {f"{it.api} {it.url}": _peer(it) for it in peers}
        for number, request in enumerate(questions(keys, count)):
            for way in (SERVED, *(_CONTROLS if number < PLAIN else _CONTROLS[:-1])):
                asked.setdefault(way, []).append((number, measure(way, request)))
            for name, ask in others.items():
                asked.setdefault(name, []).append((number, ask(request)))
    if not asked:
        return []
    served = {number: it[0] for number, it in asked[SERVED]}
    return [_contender(name, its, served) for name, its in asked.items()]


def _contender(name: str, its: Sequence[tuple[int, Asked]], served: dict[int, float]) -> Contender:
    return Contender(
        name,
        len(its),
        statistics.median(it[0] for _, it in its),
        statistics.median(it[1] for _, it in its),
        statistics.median(served[number] / it[0] for number, it in its),
    )


def questions(keys: Sequence[Key], count: int) -> list[Request]:
    """Return questions that the engine was asked, evenly spread over a replay, as requests with a single gap."""
    found = list[Request]()
    for key in keys:
        if key.kind != "type" or (key.ms is not None and not key.parts) or key.before is None:
            continue
        document, offset = key.before
        target = target_of(Question(document, offset, invoked=False))
        line = document.line_before(offset).strip()
        if target.kind != "none" and len(target.gaps) == 1 and len(line) >= TYPED:
            found.append(document.request(target.gaps, block=target.block))
    return [found[at * len(found) // count] for at in range(count)] if len(found) > count else found


@contextmanager
def _measuring(settings: EngineSettings) -> Iterator[Callable[[str, Request], Asked]]:
    """Start a process with the model; yield a function that has it fill a gap in some way."""
    command = [sys.executable, "-P", "-m", "infill_model.evaluation.studies.keystrokes", "--model", settings.model]
    command += ["--device", settings.device, "--threads", str(settings.cpu_threads)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=engine_environment(),
    ) as process:
        stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
        if stdin is None or stdout is None or stderr is None:
            raise SourceError("the measuring process has no pipes")

        def measure(way: str, request: Request) -> Asked:
            try:
                stdin.write(json.dumps({"way": way, "request": asdict(request)}) + "\n")
                stdin.flush()
            except OSError:
                pass  # It has ended, and says why.
            line = stdout.readline()
            if not line:
                raise SourceError(f"the measuring process failed: {(stderr.read().strip().splitlines() or ['?'])[-1]}")
            it = json.loads(line)
            return it["ms"], it["tokens"], it["forwards"]

        try:
            yield measure
        finally:
            process.kill()


def reach(peers: Sequence[EndpointSettings]) -> None:
    """Have each server fill a gap, before minutes of typing.

    Raises:
        InfillError: a server does not work.
        InfillModelError: a server does not answer as its API says.
    """
    for it in peers:
        _peer(it)(Request("a = ", "\n"))


def _peer(settings: EndpointSettings) -> Callable[[Request], Asked]:
    """Return a function that has a server fill a gap, after it has seen the question before it."""
    from infill_lsp.endpoints.engine import Endpoint  # noqa: PLC0415  # httpx takes a while

    endpoint = Endpoint(settings)

    def ask(request: Request) -> Asked:
        endpoint.fill(replace(request, prefix=request.prefix[:-TYPED]), Options())
        started = time.perf_counter()
        fill = endpoint.fill(request, Options())[0]
        return (time.perf_counter() - started) * 1000, len(fill.tokens), len(fill.tokens)

    return ask
