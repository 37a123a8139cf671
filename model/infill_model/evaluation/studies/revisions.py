"""`infill-model revisions`: measure whether remasking is worthwhile, by what each remask policy repairs and spoils.

Gaps are filled by a model that is given their length, so that each canvas position has one right token. A position
counts by its first token and by its final one.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from infill_model.embedded.folder import EMBEDDED
from infill_model.evaluation.filling.controls import OracleLength
from infill_model.evaluation.judging.metrics import exact_match
from infill_model.evaluation.tasks.flags import add_task_flags, count, progress_bar, read_wanted
from infill_model.evaluation.tasks.record import ResultRecord, record, to_json, write_text
from infill_model.evaluation.tasks.tasks import Task
from infill_model.infill.infiller import Infiller
from infill_model.request import Fill, Frame, Options

POLICIES: Final = ("none", "revoke:0.1", "revoke:0.3", "edit", "conf", "loop")
"""The policies compared by default."""


@dataclass(frozen=True, slots=True)
class RevisionCounts:
    """The effect of a policy on the positions of all gaps.

    Attributes:
        policy: its name.
        positions: positions filled.
        wrong: positions wrong at first.
        repaired: of the wrong ones, those right in the end.
        right: positions right at first.
        spoiled: of the right ones, those wrong in the end.
        changed: positions wrong before and after, but with different tokens.
        exact: share of gaps that are right as a whole.
        forwards: mean per gap.
    """

    policy: str
    positions: int
    wrong: int
    repaired: int
    right: int
    spoiled: int
    changed: int
    exact: float
    forwards: float


@dataclass(frozen=True, slots=True)
class RevisionsResult:
    """The contents of the file that `--json` writes."""

    record: ResultRecord
    tasks: int
    rows: tuple[RevisionCounts, ...]


def add_revisions_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `infill-model revisions`."""
    add_task_flags(parser)
    parser.add_argument("--model", default=EMBEDDED, metavar="NAME|DIR", help="default: the weights that ship")
    parser.add_argument("--remask", nargs="+", default=list(POLICIES), metavar="POLICY", help="policies to compare")
    parser.add_argument("--unmask", default=Options().unmask, metavar="POLICY", help=f"default: {Options().unmask}")
    parser.add_argument("--threads", type=count, metavar="N", help="CPU threads")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result and its provenance")


def revisions(arguments: argparse.Namespace) -> None:
    """Fill the same gaps under each policy and print the outcomes of the first choices."""
    started = time.monotonic()
    tasks = [it for it in read_wanted(arguments) if it.gaps == 1 and it.gold]
    model = Infiller.load(arguments.model, threads=arguments.threads)
    oracle = OracleLength(model, {it.request(): it.wanted for it in tasks})
    rows = []
    with progress_bar() as progress:
        bar = progress.add_task("filling", total=len(tasks) * len(arguments.remask))
        for policy in arguments.remask:
            options = Options(unmask=arguments.unmask, remask=policy, trace=True)
            fills = []
            for task in tasks:
                fills += oracle.fill_batch([task.request()], options)
                progress.advance(bar)
            rows.append(row(policy, tasks, fills, model))
    _show(rows, len(tasks))
    if arguments.json:
        made = record(arguments.words, seconds=time.monotonic() - started)
        write_text(arguments.json, to_json(RevisionsResult(made, len(tasks), tuple(rows))))


def row(policy: str, tasks: Sequence[Task], fills: Sequence[Fill], model: Infiller) -> RevisionCounts:
    """Count the outcomes of the first choices at all positions whose right token is known."""
    pairs = []
    for task, fill in zip(tasks, fills, strict=True):
        vocabulary = model.vocabulary
        gold = vocabulary.pieces(vocabulary.encode(task.wanted[0]))
        pairs += list(choices(fill.trace, gold))
    right = [(last, gold) for first, last, gold in pairs if first == gold]
    wrong = [(first, last, gold) for first, last, gold in pairs if first != gold]
    return RevisionCounts(
        policy=policy,
        positions=len(pairs),
        wrong=len(wrong),
        repaired=sum(last == gold for _, last, gold in wrong),
        right=len(right),
        spoiled=sum(last != gold for last, gold in right),
        changed=sum(last not in (first, gold) for first, last, gold in wrong),
        exact=sum(exact_match(task.completions(it.texts), task.gold) for task, it in zip(tasks, fills, strict=True))
        / max(1, len(tasks)),
        forwards=sum(it.forwards for it in fills) / max(1, len(fills)),
    )


def choices(trace: Sequence[Frame], gold: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Yield the first, the last and the right token at each position; none if the canvas has another length."""
    if not trace or sum(it.state != "pinned" for it in trace[0].tokens) != len(gold):
        return
    canvases = [[it for it in frame.tokens if it.state != "pinned"] for frame in trace]
    for position, wanted in enumerate(gold):
        written = [canvas[position].text for canvas in canvases if canvas[position].state == "committed"]
        if written:
            yield written[0], written[-1], wanted


def _show(rows: Sequence[RevisionCounts], tasks: int) -> None:
    table = Table(title=f"first and final choices over {tasks} gaps of known length")
    for heading in ("policy", "positions", "wrong", "repaired", "changed", "right", "spoiled", "exact", "forwards"):
        table.add_column(heading, justify="left" if heading == "policy" else "right", no_wrap=True)
    for it in rows:
        repaired, changed = (f"{100 * n / max(1, it.wrong):.1f}%" for n in (it.repaired, it.changed))
        spoiled = f"{100 * it.spoiled / max(1, it.right):.1f}%"
        counts = str(it.positions), str(it.wrong), repaired, changed, str(it.right), spoiled
        table.add_row(it.policy, *counts, f"{100 * it.exact:.1f}%", f"{it.forwards:.1f}")
    Console().print(table)
