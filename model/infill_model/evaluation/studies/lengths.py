"""`infill-model lengths`: fit confidence offsets for each length to a checkpoint, on held-out gaps.

Half of the gaps fit the offsets, the other half tests whether they help; they are written beside the checkpoint only if
they do.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infill_model.checkpoints.infiller import OpenInfiller
from infill_model.checkpoints.length_search import Offsets, Tried, chosen, fitted
from infill_model.checkpoints.loading import load
from infill_model.errors import TaskError, WeightsError
from infill_model.evaluation.judging.metrics import edit_similarity
from infill_model.evaluation.tasks.flags import add_task_flags, count, progress_bar, read_wanted
from infill_model.evaluation.tasks.tasks import Task
from infill_model.request import Options

FEWEST = 20
"""Gaps of a kind below which no offsets are fitted."""


@dataclass(frozen=True, slots=True)
class LengthResult:
    """The result for the gaps of one kind.

    Attributes:
        gaps: number of gaps.
        offsets: the offsets kept: the fitted ones if they help, else none.
        before: mean similarity on the test gaps, without offsets.
        after: the same with the fitted offsets.
    """

    gaps: int
    offsets: dict[int, float]
    before: float
    after: float


def add_lengths_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `infill-model lengths`."""
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="the folder of a checkpoint")
    add_task_flags(parser)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--dtype", default="auto", help="auto, float32, bfloat16 or float16")
    parser.add_argument("--threads", type=count, metavar="N", help="CPU threads")
    parser.add_argument("--steps", type=count, default=Options().steps, metavar="N", help="most steps per fill")
    parser.add_argument("--dry-run", action="store_true", help="measure and print, but write nothing")


def lengths(arguments: argparse.Namespace) -> None:
    """Measure the offsets, print the results, and write the offsets that help."""
    tasks = [it for it in read_wanted(arguments) if it.gold and it.gaps == 1]
    if not tasks:
        raise TaskError(f"{arguments.tasks}: no task has exactly one gap with a gold")
    folder: Path = arguments.checkpoint
    model = load(folder, device=arguments.device, dtype=arguments.dtype, threads=arguments.threads)
    if not isinstance(model, OpenInfiller) or model.family.lengths != "lengths":
        raise WeightsError(f"{folder}: finds the length of a fill by itself, so there is nothing to measure")
    options = Options(steps=arguments.steps)
    with progress_bar() as progress:
        bar = progress.add_task(f"filling {len(tasks)} gaps", total=len(tasks))
        found: dict[bool, list[list[Tried]]] = {False: [], True: []}
        for task in tasks:
            found[task.block].append(tried(model, task, options))
            progress.advance(bar)
    line, block = measured(found[False]), measured(found[True])
    print("\n".join(_said(name, it) for name, it in (("line", line), ("block", block))))
    if not arguments.dry_run and (line.offsets or block.offsets):
        print(f"written to {Offsets(line.offsets, block.offsets, len(tasks)).write(folder)}")


def tried(model: OpenInfiller, task: Task, options: Options) -> list[Tried]:
    """Return the result of each length for a task's gap."""
    return [
        Tried(it.masks, it.per_token, edit_similarity(task.completions(it.fill.texts), task.gold))
        for it in model.each_length(task.request(), options)
    ]


def measured(gaps: Sequence[Sequence[Tried]]) -> LengthResult:
    """Fit on every other gap, and test on the rest."""
    if len(gaps) < FEWEST:
        return LengthResult(len(gaps), {}, 0.0, 0.0)
    offsets, rest = fitted(gaps[::2]), gaps[1::2]
    before, after = chosen(rest, {}), chosen(rest, offsets)
    return LengthResult(len(gaps), offsets if after > before else {}, before, after)


def _said(name: str, it: LengthResult) -> str:
    if it.gaps < FEWEST:
        return f"{name}: {it.gaps} of the {FEWEST} gaps needed; nothing is fitted"
    change = f"similarity of what is chosen on the other half {it.before:.3f} without, {it.after:.3f} with"
    kept = (
        ", ".join(f"{masks} masks {off:+.1f}" for masks, off in it.offsets.items())
        or "none kept, because they do not help"
    )
    return f"{name}: {it.gaps} gaps; {change}; offsets: {kept}"
