"""Figures with the bounds they should keep, as a table or as JSON; a missed bound is reported and nothing more."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure, its unit, and its bound; `least` says whether the bound is a minimum rather than a maximum."""

    name: str
    value: float
    unit: str
    bound: float
    least: bool = False

    @property
    def kept(self) -> bool:
        """Whether the bound is kept."""
        return self.value >= self.bound if self.least else self.value <= self.bound

    def as_json(self) -> dict[str, Any]:
        """Return the figure as an object for `json.dumps`."""
        return {**asdict(self), "kept": self.kept}


def show(title: str, figures: Sequence[Figure], footnote: str = "") -> None:
    """Print the figures as a table."""
    from rich.console import Console  # noqa: PLC0415  # keeps --help quick
    from rich.table import Table  # noqa: PLC0415

    table = Table(title=title)
    for heading in ("what", "measured", "bound", ""):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for it in figures:
        sign = "at least" if it.least else "at most"
        mark = "[green]kept[/]" if it.kept else "[yellow]missed[/]"
        table.add_row(it.name, f"{it.value:.2f} {it.unit}", f"{sign} {it.bound:g} {it.unit}", mark)
    console = Console()
    console.print(table)
    if footnote:
        console.print(footnote)
