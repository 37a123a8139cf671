"""The command line that the studies of methods share: its flags, its results, and what is said of bad input."""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from infill_model.errors import InfillModelError, TaskError
from infill_model.evaluation.tasks.flags import count
from infill_model.evaluation.tasks.record import ResultRecord, record, to_json, write_text
from infill_model.training.methods.study import MethodRow, Study


@dataclass(frozen=True, slots=True)
class MethodTable:
    """The contents of a study's result file."""

    record: ResultRecord
    tasks: int
    rows: tuple[MethodRow, ...]


def flags(description: str | None, *, steps: int) -> argparse.ArgumentParser:
    """Return a parser with the flags that all studies share; `steps` is the usual length of a training."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument(
        "--corpus", type=Path, required=True, metavar="DIR", help="folder made by `infill-model corpus`"
    )
    parser.add_argument("--tokenizer", type=Path, required=True, metavar="FILE", help="tokenizer.json of the corpus")
    parser.add_argument("--tasks", type=Path, required=True, metavar="TASKS", help="held-out gaps")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the .json file of the results")
    parser.add_argument("--size", default="tiny", help="of the networks (tiny)")
    parser.add_argument("--steps", type=count, default=steps, metavar="N", help=f"steps of each training ({steps})")
    parser.add_argument("--limit", type=count, default=300, metavar="N", help="gaps to fill (300)")
    parser.add_argument("--threads", type=count, default=1, metavar="N", help="threads (1)")
    return parser


def run(
    compare: Callable[[Study], Sequence[MethodRow]],
    words: Sequence[str],
    *,
    module: str,
    description: str | None,
    steps: int,
) -> int:
    """Run a study from the command line: read its flags and material, compare, and report; return the exit code.

    Args:
        compare: trains the methods, and fills the gaps with each.
        words: of the command line.
        module: to run it by.
        description: of the study; its first line is shown.
        steps: the usual length of a training.
    """
    chosen = flags(description, steps=steps).parse_args(words)

    def whole() -> None:
        check_place(chosen.out)
        study = Study.of(chosen)
        report(compare(study), module, words, chosen.out, len(study.tasks))

    return answered(whole, module)


def answered(study: Callable[[], None], module: str) -> int:
    """Run a study; return 0, or 2 after a sentence on standard error about what the user can mend."""
    try:
        study()
    except InfillModelError as error:
        print(f"{module.rpartition('.')[2]}: {error}", file=sys.stderr)
        return 2
    return 0


def check_place(out: Path) -> None:
    """Refuse a result file that cannot be written, before a training is spent on it.

    Raises:
        TaskError: its folder is missing, or it is a folder itself.
    """
    if not out.parent.is_dir():
        raise TaskError(f"{out}: cannot be written (there is no folder {out.parent})")
    if out.is_dir():
        raise TaskError(f"{out}: cannot be written (it is a folder)")


def report(rows: Sequence[MethodRow], module: str, words: Sequence[str], out: Path, tasks: int) -> None:
    """Print the results and write them to a file.

    Raises:
        TaskError: the file cannot be written.
    """
    made = record(["-m", module, *words], program="python")
    write_text(out, to_json(MethodTable(made, tasks, tuple(rows))))
    table = Table(title=f"{tasks} gaps")
    for heading in ("method", "exact", "similarity", "parses", "forwards", "ms", "loss", "tokens"):
        table.add_column(heading, justify="left" if heading == "method" else "right")
    for it in rows:
        exact = f"{100 * it.exact:.1f} ± {100 * it.exact_within:.1f}%"
        shares = (f"{100 * value:.1f}%" for value in (it.similarity, it.parses))
        loss = "" if it.loss is None else f"{it.loss:.3f}"
        table.add_row(it.method, exact, *shares, f"{it.forwards:.1f}", f"{it.ms:.1f}", loss, f"{it.tokens / 1e6:.1f} M")
    Console(width=130).print(table)


def plot(curve: Sequence[float], path: Path, window: int = 10) -> None:
    """Plot the mean reward of each update, and its moving mean."""
    import matplotlib as mpl  # noqa: PLC0415  # It takes a second.

    mpl.use("Agg")
    import matplotlib.pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(figsize=(6, 3), dpi=90)
    axes.plot(range(1, len(curve) + 1), curve, color="0.75", linewidth=1, label="an update")
    means = [
        sum(curve[max(0, it - window) : it]) / len(curve[max(0, it - window) : it]) for it in range(1, len(curve) + 1)
    ]
    axes.plot(range(1, len(curve) + 1), means, color="C0", label=f"mean of the last {window}")
    axes.set(xlabel="update", ylabel="mean reward")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)
