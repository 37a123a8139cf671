"""Measure how fast a model fills on this machine, against two controls with the same weights in the same run.

The controls are the standard loop (a full forward over context and canvas in every step, one token committed per step)
and the autoregressive mode with a cache. Run as `python -m infill_model.evaluation.studies.speed`; prints one JSON
object. It measures the model in its own process, without the overhead of a server.
"""

import argparse
import json
import random
import resource
import statistics
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from infill_model.embedded.folder import EMBEDDED
from infill_model.evaluation.filling.controls import PlainLoop
from infill_model.infill.infiller import Infiller
from infill_model.request import Options, Request

TYPED = 8
"""Characters typed between two fills."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Medians over the gaps, in milliseconds; ratios are medians of the ratio at each gap.

    Attributes:
        warm_fill: a fill after 8 more typed characters, the context before them in the cache.
        warm_fill_p95: the same, 95th percentile.
        forwards: of the denoiser in a warm fill.
        step: the denoising loop's time divided by its forwards.
        typed: encoding 8 more typed characters.
        cold_fill: a fill with nothing in the cache.
        autoregressive: the same gaps left to right, the context in the cache.
        plain: the plain loop.
        tokens: written by a warm fill, `<del>` not counted.
        memory_mb: peak resident memory of the process.
    """

    gaps: int
    warm_fill: float
    warm_fill_p95: float
    forwards: float
    step: float
    typed: float
    cold_fill: float
    autoregressive: float
    plain: float
    faster_than_autoregressive: float
    faster_than_plain: float
    tokens: float
    memory_mb: float


@dataclass(frozen=True, slots=True)
class _Gap:
    """The measurements at one gap, in milliseconds."""

    warm: float
    forwards: int
    denoise: float
    typed: float
    cold: float
    autoregressive: float
    plain: float
    tokens: int


def measure(infiller: Infiller, gaps: Sequence[Request], options: Options) -> Speed:
    """Fill each gap in every way, after a warm-up; the ways alternate at each gap."""
    for request in gaps[:3]:
        _measure(infiller, request, options)
    seen = [_measure(infiller, request, options) for request in gaps]

    def median(of: Callable[[_Gap], float]) -> float:
        return round(statistics.median(of(it) for it in seen), 3)

    return Speed(
        gaps=len(seen),
        warm_fill=median(lambda it: it.warm),
        warm_fill_p95=round(sorted(it.warm for it in seen)[int(len(seen) * 0.95)], 3),
        forwards=median(lambda it: it.forwards),
        step=median(lambda it: it.denoise / max(1, it.forwards)),
        typed=median(lambda it: it.typed),
        cold_fill=median(lambda it: it.cold),
        autoregressive=median(lambda it: it.autoregressive),
        plain=median(lambda it: it.plain),
        faster_than_autoregressive=median(lambda it: it.autoregressive / it.warm),
        faster_than_plain=median(lambda it: it.plain / it.warm),
        tokens=median(lambda it: it.tokens),
        memory_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    )


def _measure(infiller: Infiller, request: Request, options: Options) -> _Gap:
    before = replace(request, prefix=request.prefix[:-TYPED])
    infiller.denoiser.forget()
    cold = infiller.fill(request, options)[0].ms.total
    infiller.denoiser.forget()
    infiller.fill(before, options)
    warm = infiller.fill(request, options)[0]
    infiller.denoiser.forget()
    infiller.fill(before, options)
    left_to_right = infiller.fill_autoregressively(request, options)
    return _Gap(
        warm=warm.ms.total,
        forwards=warm.forwards,
        denoise=warm.ms.denoise,
        typed=warm.ms.encode,
        cold=cold,
        autoregressive=left_to_right.ms.total,
        plain=PlainLoop(infiller).fill(request, options).ms.total,
        tokens=sum(not it.pinned for it in warm.tokens),
    )


def rest_of_line_gaps(count: int, seed: int) -> list[Request]:
    """Return gaps to the end of a line in real files: modules of this Python's standard library."""
    rng = random.Random(seed)  # noqa: S311 - reproducible, not a secret
    root = Path(sysconfig.get_path("stdlib"))
    files = sorted(it for it in root.glob("*.py") if 4_000 < it.stat().st_size < 80_000)
    return [next(_gaps_of(rng.choice(files).read_text(encoding="utf-8"), rng)) for _ in range(count)]


def _gaps_of(text: str, rng: random.Random) -> Iterator[Request]:
    lines = text.split("\n")
    while True:
        number = rng.randrange(len(lines) // 4, len(lines))
        line = lines[number]
        code = line.strip()
        if len(code) < 24 or code.startswith(("#", '"', "'")):
            continue
        start = len(line) - len(line.lstrip())
        column = rng.randint(start + TYPED, len(line) - 6)
        above = "".join(f"{it}\n" for it in lines[:number])
        yield Request(above + line[:column], "".join(f"\n{it}" for it in lines[number + 1 :]))


def main() -> None:
    """Measure and print the speeds."""
    parser = argparse.ArgumentParser(description="Measure how fast a model fills.")
    parser.add_argument("--model", default=EMBEDDED)
    parser.add_argument("--gaps", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    its = parser.parse_args()
    infiller = Infiller.load(its.model, device=its.device, dtype=its.dtype, threads=its.threads)
    speed = measure(infiller, rest_of_line_gaps(its.gaps, its.seed), Options())
    print(json.dumps(asdict(speed)))


if __name__ == "__main__":
    main()
