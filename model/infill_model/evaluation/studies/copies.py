"""`infill-model copies`: measure how often copies from the same document are right, by length of the match before them.

Its output for training projects is the source of the probabilities in `retrieval.Copy`.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from infill_model.evaluation.judging.metrics import exact_match
from infill_model.evaluation.tasks.flags import add_task_flags, read_wanted
from infill_model.evaluation.tasks.tasks import Task
from infill_model.infill.retrieval import LONGEST_MATCH, different_copies

BUCKET = 8
"""Characters of match per bucket."""

Shares = dict[str, dict[int, tuple[int, float]]]
"""By kind and rank, and by the smallest match of a bucket: the number of copies, and the share that was right."""


def copies(arguments: argparse.Namespace) -> None:
    """Print the table for a task file."""
    table = Table(title="share of copies that is exactly right / how many, by characters matched")
    table.add_column("kind, rank", no_wrap=True)
    buckets = range(0, LONGEST_MATCH + 1, BUCKET)
    for least in buckets:
        heading = f"{least}+" if least == LONGEST_MATCH else f"{least}-{least + BUCKET - 1}"
        table.add_column(heading, justify="right", no_wrap=True)
    for kind, row in shares(read_wanted(arguments)).items():
        cells = (row.get(least) for least in buckets)
        table.add_row(kind, *(f"{it[1]:.2f}/{it[0]}" if it else "-" for it in cells))
    Console().print(table)


def shares(tasks: Iterable[Task]) -> Shares:
    """Count the copies of tasks with one gap."""
    right: dict[str, dict[int, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for task in tasks:
        request = task.request()
        if request.between:
            continue
        for copied in different_copies(request.prefix, request.suffix, block=request.block):
            kind = f"{task.kind} {copied.rank + 1}"
            bucket = copied.match // BUCKET * BUCKET
            right[kind][bucket].append(exact_match(task.completions((copied.text,)), task.gold))
    return {
        kind: {least: (len(its), sum(its) / len(its)) for least, its in sorted(row.items())}
        for kind, row in sorted(right.items())
    }


def add_copies_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `infill-model copies`."""
    add_task_flags(parser)
