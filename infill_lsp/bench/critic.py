"""`infill-lsp bench critic`: measures how often the syntax critic acts, what it mends, and what that costs.

The engine that an editor uses fills the same gaps in real files without the critic and with it. The only criterion is
whether a fill brings a syntax error into a file that had none.
"""

import argparse
import asyncio
import json
import random
import statistics
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from infill_lsp.engine.client import Engine
from infill_lsp.errors import InfillError, SourceError
from infill_lsp.settings.flags import declare_engine, engine_settings, integer
from infill_lsp.settings.settings import EngineCommand
from infill_lsp.syntax import languages
from infill_lsp.syntax.critic import Critic
from infill_lsp.text import files
from infill_lsp.text.document import Document, Gap
from infill_model.request import Fill, Options, Request

_LEAST: Final = 12
"""Code points that a line must have to get a gap."""


@dataclass(frozen=True, slots=True)
class CriticReport:
    """Results over a number of gaps.

    Attributes:
        gaps: filled both ways.
        broke: fills without the critic that brought in a syntax error.
        acted: fills that the critic changed.
        mended: of the fills that broke, those that parse with the critic.
        still_broken: fills with the critic that bring in a syntax error; a server does not show these.
        ms: p50 of a fill without the critic.
        ms_critic: p50 with it.
        ms_acted: p50 with it, of the fills that it changed.
        forwards: mean forwards of the denoiser without it.
        forwards_critic: mean with it.
    """

    gaps: int
    broke: int
    acted: int
    mended: int
    still_broken: int
    ms: float
    ms_critic: float
    ms_acted: float
    forwards: float
    forwards_critic: float


@dataclass(frozen=True, slots=True)
class _Pair:
    """A gap filled without the critic and with it, and whether each fill parses."""

    plain: Fill
    judged: Fill
    plain_parses: bool
    judged_parses: bool


def declare(flags: argparse.ArgumentParser) -> None:
    """Declare the flags of `bench critic`."""
    flags.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="files to cut gaps into (the standard library)"
    )
    flags.add_argument("--gaps", type=integer(3, 10_000), default=40, metavar="N", help="gaps in real files (40)")
    flags.add_argument("--json", action="store_true", help="print JSON")
    declare_engine(flags)


def run(chosen: argparse.Namespace, engine: EngineCommand) -> int:
    """Measure with the given flags; return the exit code.

    Raises:
        InfillError: the engine does not work, or a file cannot be read.
    """
    return measure(engine(engine_settings(chosen)), gaps=chosen.gaps, paths=chosen.files, as_json=chosen.json)


def measure(engine: Sequence[str], *, gaps: int, paths: Sequence[Path], as_json: bool) -> int:
    """Measure and print; return 0 regardless of the results.

    Raises:
        InfillError: a file cannot be read, or the engine does not work.
    """
    pairs = asyncio.run(_fill(engine, _requests(paths or _standard_library(), gaps)))
    report = _report(pairs)
    if as_json:
        print(json.dumps(asdict(report), indent=2))
        return 0
    print(
        f"{report.gaps} gaps: {report.broke} fills broke the syntax without the critic, {report.still_broken} with it; "
        f"it changed {report.acted} and mended {report.mended}.\n"
        f"p50 {report.ms:.0f} ms without it, {report.ms_critic:.0f} ms with it ({report.ms_acted:.0f} ms where it "
        f"acted); {report.forwards:.1f} and {report.forwards_critic:.1f} forwards."
    )
    return 0


async def _fill(engine: Sequence[str], requests: Iterator[Request]) -> list[_Pair]:
    pairs = []
    async with Engine(engine) as running:
        await running.ready()
        for request in requests:
            critic = Critic.of(request)
            if critic is None:
                continue
            uncritical = replace(Options(), critic=False)
            await running.ask(request, uncritical)  # Encodes the context, a cost that neither fill should bear.
            (plain,) = await running.ask(request, uncritical)
            (judged,) = await running.ask(request, Options())
            pairs.append(_Pair(plain, judged, critic.parses(plain.texts), critic.parses(judged.texts)))
    return pairs


def _report(pairs: Sequence[_Pair]) -> CriticReport:
    acted = [it for it in pairs if it.plain.texts != it.judged.texts]
    return CriticReport(
        gaps=len(pairs),
        broke=sum(not it.plain_parses for it in pairs),
        acted=len(acted),
        mended=sum(it.judged_parses and not it.plain_parses for it in pairs),
        still_broken=sum(not it.judged_parses for it in pairs),
        ms=_median([it.plain.ms.total for it in pairs]),
        ms_critic=_median([it.judged.ms.total for it in pairs]),
        ms_acted=_median([it.judged.ms.total for it in acted]),
        forwards=statistics.fmean(it.plain.forwards for it in pairs) if pairs else 0.0,
        forwards_critic=statistics.fmean(it.judged.forwards for it in pairs) if pairs else 0.0,
    )


def _median(values: Sequence[float]) -> float:
    return statistics.median(values) if values else 0.0


def _standard_library() -> list[Path]:
    root = Path(sysconfig.get_path("stdlib"))
    return sorted(it for it in root.glob("*.py") if 4_000 < it.stat().st_size < 80_000)


def _requests(paths: Sequence[Path], count: int) -> Iterator[Request]:
    """Yield gaps from within a line to its end, in files without a syntax error."""
    rng = random.Random(0)  # noqa: S311 - reproducible, not a secret
    documents = [it for it in map(_document, paths) if it is not None]
    if not documents:
        raise SourceError("none of these files has both a known grammar and no syntax error")
    for _ in range(count):
        document = rng.choice(documents)
        numbers = [n for n in range(1, document.line_count + 1) if len(document.line(n).strip()) >= _LEAST]
        if not numbers:
            continue
        line = document.line(number := rng.choice(numbers))
        start = document.offset(number, rng.randint(len(line) - len(line.lstrip()) + 5, len(line)))
        end = document.offset(number, len(line) + 1)
        yield document.request((Gap(start, end),), block=False)


def _document(path: Path) -> Document | None:
    """Return a file's document, or None if it has no grammar or does not parse."""
    try:
        document = Document(str(path), files.read_file(path).text, languages.of_file(path.name))
    except InfillError:
        return None
    tree = document.parsed()
    return document if tree is not None and not tree.root.has_error else None
