"""Notebooks as sequences of cells. Each cell is a document of its own, identified here by its name alone."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a notebook: the name of its document, and whether it contains code."""

    name: str
    code: bool


@dataclass(frozen=True, slots=True)
class Notebook:
    """The cells of a notebook, in order."""

    cells: tuple[Cell, ...]

    def spliced(self, start: int, count: int, cells: tuple[Cell, ...]) -> "Notebook":
        """Return the notebook with `count` cells from `start` on replaced by others."""
        return Notebook(self.cells[:start] + cells + self.cells[start + count :])

    def replaced(self, cells: tuple[Cell, ...]) -> "Notebook":
        """Return the notebook with the cells of the same names replaced by these."""
        new = {cell.name: cell for cell in cells}
        return Notebook(tuple(new.get(cell.name, cell) for cell in self.cells))

    def before(self, name: str) -> tuple[str, ...]:
        """Return the names of the code cells before this one; none if it is not in this notebook."""
        names = [cell.name for cell in self.cells]
        first = names.index(name) if name in names else 0
        return tuple(cell.name for cell in self.cells[:first] if cell.code)
