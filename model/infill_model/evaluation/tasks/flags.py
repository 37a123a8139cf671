"""Shared parts of this package's commands: the selection of tasks, and the progress bar."""

import argparse
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from infill_model.evaluation.tasks.tasks import Task, read_tasks


def add_task_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that `read_wanted` reads."""
    parser.add_argument("tasks", type=Path, metavar="TASKS", help="a .jsonl or .jsonl.gz file of tasks")
    parser.add_argument("--split", metavar="NAME", help="only tasks of this split, e.g. `test` of MBPP")
    parser.add_argument("--limit", type=count, metavar="N", help="only the first N tasks")


def read_wanted(arguments: argparse.Namespace) -> list[Task]:
    """Return the tasks that the flags select."""
    return read_tasks(arguments.tasks, split=arguments.split, limit=arguments.limit)


def count(text: str) -> int:
    """Parse a whole number of at least 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def progress_bar() -> Progress:
    """Return a progress bar on standard error, with the count done, elapsed and remaining time."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    return Progress(TextColumn("{task.description}"), *columns, console=Console(stderr=True))
