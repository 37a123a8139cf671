"""Time converted models: a forward after a cached row, and whole fills; print Markdown tables.

measure.py --model FILE [--model FILE] [--device cuda] [--out FILE.json]

Gaps are the ends of lines of this repository's own code. Figures are medians in milliseconds.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from infill_model.coder.infiller import CoderInfiller
from infill_model.request import Options, Request
from infill_model.training.timing import median_seconds, wait_for

SOURCE = Path(__file__).parents[2] / "infill_lsp/session/session.py"
LEAST_LINE = 24
CUTS = (0.4, 0.9)
"""Where in a line gaps begin, as shares of its length."""

_RUNS = 9


@dataclass(frozen=True, slots=True)
class Forwards:
    """Milliseconds of a forward with its logits, by the number of tokens read after a row of `row` tokens."""

    model: str
    dtype: str
    graph: bool
    row: int
    ms: dict[int, float]


@dataclass(frozen=True, slots=True)
class Fills:
    """Milliseconds of greedy fills: at a new place, and again after a keystroke; tokens and forwards are means."""

    model: str
    dtype: str
    gaps: int
    first: float
    warm: float
    tokens: float
    forwards: float


def requests(most: int) -> list[tuple[Request, Request]]:
    """Return ends of lines to fill, spread over a file, each also with one more character typed."""
    text = SOURCE.read_text(encoding="utf-8")
    found, at = [], 0
    for number, line in enumerate(text.splitlines(keepends=True)):
        end, indent = at + len(line) - 1, len(line) - len(line.lstrip())
        if end - at - indent >= LEAST_LINE:
            cut = at + indent + int((end - at - indent) * CUTS[number % 2])
            found.append((Request(text[:cut], text[end:]), Request(text[: cut + 1], text[end:])))
        at += len(line)
    return found[len(found) // 2 :: max(1, len(found) // 2 // most)][:most]


def forwards(model: CoderInfiller, rows: list[int]) -> Iterator[Forwards]:
    """Time a forward of several sizes, launched kernel by kernel, and on CUDA also replayed as a graph."""
    network = model.network
    request = requests(1)[0][0]
    row = model.layout.row(request.prefix, (request.suffix,))
    cache = network.cache(len(row) + max(rows))
    everything = torch.ones(len(row) + max(rows), len(row) + max(rows), dtype=torch.bool, device=network.device).tril()
    ids = torch.tensor([*row, *row[: max(rows)]], device=network.device)
    places = torch.arange(len(ids), device=network.device)
    known = len(row)
    network.run(ids[:known], places[:known], everything[:known, :known], cache, 0)

    def call(n: int) -> Callable[[], object]:
        ours = slice(known, known + n)
        its_ids, its_places = ids[ours].clone(), places[ours].clone()
        seen = everything[ours, : known + n].contiguous() if n > 1 else None
        return lambda: network.logits(network.run(its_ids, its_places, seen, cache, known)[0])

    for graph in (False, True) if network.device.type == "cuda" else (False,):
        calls = {n: recorded(call(n)) if graph else call(n) for n in rows}
        ms = {n: median_seconds(it, network.device, _RUNS) * 1000 for n, it in calls.items()}
        yield Forwards(model.name, network.kind, graph, known, ms)


def recorded(call: Callable[[], object]) -> Callable[[], object]:
    """Record a call's kernels as a CUDA graph; its return value is overwritten by the next replay."""
    beside = torch.cuda.Stream()
    beside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(beside):
        for _ in range(3):
            call()
    torch.cuda.current_stream().wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        call()
    return graph.replay


def fills(model: CoderInfiller, gaps: int) -> Fills:
    """Time whole fills, after one warm-up fill."""
    asked = requests(gaps)
    model.fill(asked[0][0], Options())
    first, warm, made = [], [], []
    for fresh, typed in asked:
        model.encoder.forget()
        for request, times in ((fresh, first), (typed, warm)):
            wait_for(model.network.device)
            began = time.perf_counter()
            made.append(model.fill(request, Options())[0])
            times.append((time.perf_counter() - began) * 1000)
    tokens, steps = (statistics.mean(it) for it in zip(*((len(it.tokens), it.forwards) for it in made), strict=True))
    medians = statistics.median(first), statistics.median(warm)
    return Fills(model.name, model.network.kind, len(asked), *medians, tokens, steps)


def tables(measured: list[Forwards], filled: list[Fills]) -> str:
    """Return both tables in Markdown."""
    rows = list(measured[0].ms)
    lines = [
        f"| forward behind {measured[0].row} tokens, ms | " + " | ".join(f"{n} rows" for n in rows) + " |",
        "|---" * (len(rows) + 1) + "|",
    ]
    for it in measured:
        name = f"{it.model}, {it.dtype}" + (", CUDA graph" if it.graph else "")
        lines.append(f"| {name} | " + " | ".join(f"{it.ms[n]:.2f}" for n in rows) + " |")
    lines += ["", "| fill, ms | gaps | first | warm | tokens | forwards |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {it.model}, {it.dtype} | {it.gaps} | {it.first:.1f} | {it.warm:.1f} | {it.tokens:.1f} | {it.forwards:.1f} |"
        for it in filled
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure one model after another."""
    parser = argparse.ArgumentParser(description="Measure forwards and fills of converted models.")
    parser.add_argument("--model", type=Path, required=True, action="append", metavar="FILE", help="may be repeated")
    parser.add_argument("--device", default="cuda", help="cuda or cpu (default: cuda)")
    parser.add_argument("--dtype", default="auto", help="float32, bfloat16 or int8 (default: that of the device)")
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 4, 8, 16, 32], metavar="N")
    parser.add_argument("--gaps", type=int, default=20, metavar="N")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the figures as JSON")
    flags = parser.parse_args()
    measured, filled = list[Forwards](), list[Fills]()
    for path in flags.model:
        model = CoderInfiller.load(path, device=flags.device, dtype=flags.dtype)
        measured += forwards(model, flags.rows)
        filled.append(fills(model, flags.gaps))
    print(tables(measured, filled))
    if flags.out:
        figures = {"forwards": [asdict(it) for it in measured], "fills": [asdict(it) for it in filled]}
        flags.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
