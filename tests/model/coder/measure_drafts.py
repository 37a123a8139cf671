"""Measure what drafts save a published model: tokens committed per forward pass, and milliseconds, by kind of gap.

`python tests/model/coder/measure_drafts.py TASKS MODEL` fills the first tasks of each kind left to right, with copies
from the document as drafts, and with the denoiser's, if the model has one; in turn, after a context that has been read.
With `--embedded`, what the embedded model writes is a draft too; its time, after a context that was read, counts.
In float32 the texts are the same; in int8 they part at near ties. It is not a test: it asserts nothing.
"""

import argparse
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import torch

from infill_model.coder.encoder import ROOT
from infill_model.coder.infiller import CoderInfiller
from infill_model.coder.one_gap import LONGEST_BLOCK, OneGap
from infill_model.denoising.stop import Limits
from infill_model.evaluation.tasks.tasks import Task, read_tasks
from infill_model.infill.infiller import Infiller
from infill_model.request import Options

MODES = {
    "none": Options(retrieve=False, masks=0),
    "copies": Options(masks=0),
    "denoiser": Options(retrieve=False),
    "both": Options(),
    "embedded": Options(retrieve=False, masks=0),
    "embedded, copies": Options(masks=0),
}


@dataclass(slots=True)
class Sums:
    tokens: int = 0
    forwards: int = 0
    same: int = 0
    gaps: int = 0
    times: list[float] = field(default_factory=list)
    denoise_ms: float = 0.0

    @property
    def ms(self) -> float:
        return sum(self.times) / len(self.times)

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(
            self.tokens + other.tokens,
            self.forwards + other.forwards,
            self.same + other.same,
            self.gaps + other.gaps,
            [*self.times, *other.times],
            self.denoise_ms + other.denoise_ms,
        )


def measured(coder: CoderInfiller, small: Infiller | None, task: Task, sums: dict[str, Sums]) -> None:
    """Fill a task in each mode."""
    request, expected = task.request(), None
    row = coder.layout.row(request.prefix, (request.suffix,), request.files)
    cache = coder.encoder.cache_for(row)
    cache.open(row)
    cache.grow([(ROOT, ())])  # Otherwise the first mode would read the end of the row for the others.
    for mode, options in MODES.items():
        embedded = mode.startswith("embedded")
        if (options.masks is None and coder.denoiser is None) or (embedded and small is None):
            continue
        cache.open(row)
        guess = ""
        if embedded and small is not None:
            small.fill(request, Options(retrieve=False))
        began = time.perf_counter()
        if embedded and small is not None:
            guess = small.fill(request, Options(retrieve=False))[0].texts[0]
        gap = OneGap(request, options, Limits(LONGEST_BLOCK), cache, coder.tokens, None, None, guess, coder.denoiser)
        written = gap.write()
        took = (time.perf_counter() - began) * 1000
        expected = expected if expected is not None else written.ids
        of = sums[mode]
        of.tokens += len(written.probabilities)
        of.forwards += gap.forwards
        of.same += written.ids == expected
        of.gaps += 1
        of.times.append(took)
        of.denoise_ms += gap.denoise_ms


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("tasks", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--each", type=int, default=30, metavar="N", help="tasks of each kind (default: 30)")
    parser.add_argument("--threads", type=int, default=2, metavar="N")
    parser.add_argument("--dtype", default="auto", help="int8 (the default) or float32")
    parser.add_argument("--embedded", action="store_true", help="let the embedded model draft as well")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    coder = CoderInfiller.load(arguments.model, device="cpu", dtype=arguments.dtype)
    small, kinds = Infiller.load() if arguments.embedded else None, defaultdict[str, list[Task]](list)
    for task in read_tasks(arguments.tasks):
        if task.gaps == 1:
            kinds[task.kind].append(task)
    every = {mode: Sums() for mode in MODES}
    print("| kind | drafts | tokens per forward | forwards | ms a gap | of it denoising | same text |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for kind, tasks in kinds.items():
        sums = {mode: Sums() for mode in MODES}
        for task in tasks[: arguments.each]:
            measured(coder, small, task, sums)
        show(kind, sums)
        every = {mode: every[mode] + sums[mode] for mode in MODES}
    show("all", every)


def show(kind: str, sums: dict[str, Sums]) -> None:
    for mode, of in sums.items():
        if not of.gaps:
            continue
        rate, forwards = of.tokens / of.forwards, of.forwards / of.gaps
        print(
            f"| {kind} | {mode} | {rate:.2f} | {forwards:.1f} | {of.ms:.0f} | {of.denoise_ms / of.gaps:.0f} "
            f"| {of.same} of {of.gaps} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
