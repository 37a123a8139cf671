"""Counts what was offered, and shows it as a table or as JSON."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, Final

from infill_lsp.bench.next_edits.case import CASES, SILENT, VERDICTS, EditCase, Judged
from infill_lsp.edits.next_edits.find import MOST

_SHOWN: Final = ("cases", *VERDICTS, SILENT, "edits", "hits")
"""The counts in the table."""

_Z: Final = 1.96
"""Standard deviations to each side that hold 95% of a normal distribution."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a method offered for a case, nearest first, and how long that took."""

    case: EditCase
    offered: tuple[Judged, ...]
    milliseconds: float

    @property
    def verdict(self) -> str:
        """The verdict on the first edit, which is the one that a user sees; `silent` without one."""
        return self.offered[0].verdict if self.offered else SILENT

    @property
    def found(self) -> int:
        """The number of wanted edits that are offered."""
        return len(self.case.wanted & {at for it in self.offered for at in it.met})


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its 95% interval by Wilson (1927), which holds for few cases and for none too."""

    hits: int
    of: int

    @property
    def value(self) -> float:
        """The share; 0 of nothing."""
        return self.hits / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The lower and the upper bound."""
        if not self.of:
            return 0.0, 1.0
        scale = 1 + _Z**2 / self.of
        middle = (self.value + _Z**2 / (2 * self.of)) / scale
        half = _Z / scale * sqrt(self.value * (1 - self.value) / self.of + _Z**2 / (4 * self.of**2))
        return max(0.0, middle - half), min(1.0, middle + half)

    def as_json(self) -> dict[str, Any]:
        """Return the share as an object for `json.dumps`."""
        low, high = self.interval
        return {"hits": self.hits, "of": self.of, "share": self.value, "low": low, "high": high}

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.value:.0%} [{low:.0%}, {high:.0%}]" if self.of else "-"


def counts(answers: Sequence[Answer]) -> dict[str, int]:
    """Count the cases by the verdict on their first edit, all offered edits, and the wanted ones that are found."""
    first = Counter(it.verdict for it in answers)
    return {
        "cases": len(answers),
        **{verdict: first[verdict] for verdict in (*VERDICTS, SILENT)},
        "edits": sum(len(it.offered) for it in answers),
        "hits": sum(one.verdict == "right" for it in answers for one in it.offered),
        "wanted": sum(min(MOST, len(it.case.wanted)) for it in answers),
        "found": sum(min(MOST, it.found) for it in answers),
    }


def shares(answers: Sequence[Answer]) -> dict[str, Share]:
    """Return the shares that tell methods apart.

    Returns:
        `right`, of the cases that call for an edit, those whose first edit is right; `wrong`, of these, those whose
        first edit is not; `false alarms`, of the cases that call for nothing, those with an offer; `edits right`, of
        all edits that are offered, the right ones.
    """
    calling = [it for it in answers if not it.case.is_silent]
    silent = [it for it in answers if it.case.is_silent]
    offered = [one for it in answers for one in it.offered]

    def share(some: Sequence[Answer], holds: Callable[[Answer], bool]) -> Share:
        return Share(sum(map(holds, some)), len(some))

    return {
        "right": share(calling, lambda it: it.verdict == "right"),
        "wrong": share(calling, lambda it: it.verdict not in {"right", SILENT}),
        "false alarms": share(silent, lambda it: any(one.verdict != "right" for one in it.offered)),
        "edits right": Share(sum(it.verdict == "right" for it in offered), len(offered)),
    }


def rows(answers: Sequence[Answer]) -> Iterator[tuple[str, str, dict[str, int]]]:
    """Yield a source, a kind of edit and its counts; the first row of a source is of the kind `all`."""
    for source in dict.fromkeys(it.case.source for it in answers):
        of = [it for it in answers if it.case.source == source]
        yield source, "all", counts(of)
        for kind in sorted({it.case.kind for it in of}):
            yield source, kind, counts([it for it in of if it.case.kind == kind])


def as_json(answers: dict[str, list[Answer]]) -> dict[str, Any]:
    """Return the answers of all methods as an object for `json.dumps`."""
    return {
        name: {
            "shares": {group: _numbers(some) for group, some in groups(of).items()},
            "rows": [{"source": source, "kind": kind, **row} for source, kind, row in rows(of)],
        }
        for name, of in answers.items()
    }


def groups(answers: Sequence[Answer]) -> dict[str, list[Answer]]:
    """Return the answers to marked cases, and those to all histories, if there are any."""
    found: dict[str, list[Answer]] = {}
    for it in answers:
        found.setdefault(CASES if it.case.source == CASES else "history", []).append(it)
    return found


def _numbers(answers: Sequence[Answer]) -> dict[str, Any]:
    times = {"p50": percentile(answers, 0.5), "p95": percentile(answers, 0.95)}
    return {**{what: share.as_json() for what, share in shares(answers).items()}, "milliseconds": times}


def percentile(answers: Sequence[Answer], share: float) -> float:
    """Return the time that this share of the answers stays within, in milliseconds."""
    times = sorted(it.milliseconds for it in answers)
    return times[min(len(times) - 1, int(share * len(times)))]


def show(answers: dict[str, list[Answer]]) -> None:
    """Print the counts of the first method by kind, and the shares of all."""
    from rich.console import Console  # noqa: PLC0415  # keeps --help quick
    from rich.table import Table  # noqa: PLC0415

    first, *_ = answers
    table = Table(title=f"infill-lsp bench next-edits, {len(answers[first])} cases, {first}")
    for heading in ("source, kind", *_SHOWN):
        table.add_column(heading, justify="left" if heading == "source, kind" else "right", no_wrap=True)
    for source, kind, row in rows(answers[first]):
        table.add_row(source if kind == "all" else f"  {kind}", *(str(row[it]) for it in _SHOWN))
    methods = Table(title="All methods, with 95% intervals")
    for heading in ("method", *shares([]), "ms"):
        methods.add_column(heading, justify="left" if heading == "method" else "right")
    for group in groups(answers[first]):
        for name, of in answers.items():
            some = groups(of)[group]
            methods.add_row(f"{group}, {name}", *map(str, shares(some).values()), f"{percentile(some, 0.95):.1f}")
    console = Console()
    console.print(table)
    console.print(methods)
    console.print(
        "right, inexact, false, silent: the first edit that is offered; hits: the right ones among all edits that are."
        " In the second table, right and wrong are shares of the cases that call for an edit, false alarms of those"
        " that call for none; ms is the 95th percentile of the time that a case took."
    )
