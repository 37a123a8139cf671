"""Render rows of results: a table for the terminal, and the same as Markdown for a model card.

Shares are percentages with their 95% interval.
"""

from collections.abc import Callable, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from infill_model.evaluation.judging.metrics import Interval
from infill_model.evaluation.report.score import ScoreRow

_SHARES: Final[dict[str, Callable[[ScoreRow], Interval | None]]] = {
    "exact match": lambda row: row.exact,
    "edit similarity": lambda row: row.similarity,
    "parses": lambda row: row.parses,
    "pass@1": lambda row: row.passed,
}


def show(rows: Sequence[ScoreRow], console: Console) -> None:
    """Print a table as wide as it needs to be, with a line between kinds."""
    table = Table(caption="percent, with 95% bootstrap intervals")
    names, cells = _cells(rows)
    for number, name in enumerate(names):
        table.add_column(name, justify="left" if number < 2 else "right", no_wrap=True)
    for number, line in enumerate(cells):
        last = number + 1 == len(cells) or cells[number + 1][0] != line[0]
        table.add_row(*line, end_section=last)
    needed = console.measure(table, options=console.options.update(max_width=1000)).maximum
    console.width = max(needed, console.width)  # A terminal that is too narrow wraps lines, which loses less.
    console.print(table)


def markdown(rows: Sequence[ScoreRow]) -> str:
    """Return the table as Markdown for a model card."""
    return markdown_table(*_cells(rows), left=2)


def markdown_table(names: Sequence[str], lines: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """Return a Markdown table whose first `left` columns are words, the others figures."""
    ruler = ["---" if number < left else "---:" for number in range(len(names))]
    return "".join(f"| {' | '.join(line)} |\n" for line in (names, ruler, *lines))


def _cells(rows: Sequence[ScoreRow]) -> tuple[list[str], list[list[str]]]:
    """Return the columns that hold any value, and the lines, by kind."""
    shares = {name: of for name, of in _SHARES.items() if any(of(row) for row in rows)}
    kinds = list(dict.fromkeys(row.kind for row in rows))
    ordered = sorted(rows, key=lambda row: kinds.index(row.kind))
    lines = [
        [
            row.kind,
            row.method,
            str(row.tasks),
            *(_share(of(row)) for of in shares.values()),
            f"{row.forwards:.1f}",
            f"{row.ms:.0f}",
        ]
        for row in ordered
    ]
    return ["kind", "method", "tasks", *shares, "forwards", "ms"], lines


def _share(interval: Interval | None) -> str:
    if interval is None:
        return ""
    return f"{100 * interval.mean:.1f} [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"
