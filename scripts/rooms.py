"""Measure the structure of packages: `python scripts/rooms.py [PACKAGE ...]`, rooms, folders, cycles, functions, names.

A folder depends on another if any of its modules imports one from there, anywhere in the module, even only for types.
"""

import ast
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PACKAGES: Final = (ROOT / "infill_lsp", ROOT / "infill_serve", ROOT / "model" / "infill_model")


@dataclass(frozen=True, slots=True)
class Module:
    """A module: dotted name, file and syntax tree."""

    name: str
    file: Path
    tree: ast.Module

    @property
    def folder(self) -> str:
        """The dotted name of the module's folder."""
        return self.name if self.file.name == "__init__.py" else self.name.rpartition(".")[0]


def modules(package: Path) -> dict[str, Module]:
    """Return all modules of a package, by dotted name."""
    found = {}
    for file in sorted(package.rglob("*.py")):
        parts = file.relative_to(package.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = Module(name, file, ast.parse(file.read_text(encoding="utf-8")))
    return found


def imported(module: Module, known: Mapping[str, Module]) -> Iterator[str]:
    """Yield the known modules that a module imports; a name that is not a module counts as its parent."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (it.name for it in node.names if it.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for it in node.names:
                full = f"{node.module}.{it.name}"
                yield from [it for it in (full if full in known else node.module,) if it in known]


def folder_graph(known: Mapping[str, Module]) -> dict[str, set[str]]:
    """Return the folders that each folder imports from."""
    graph: dict[str, set[str]] = defaultdict(set)
    for module in known.values():
        graph[module.folder] |= {known[it].folder for it in imported(module, known)} - {module.folder}
    return graph


def cycles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the groups of folders in which each reaches every other."""
    reach = {it: _reached(graph, it) for it in graph}
    groups = {tuple(sorted(other for other in reach[it] if it in reach.get(other, ()))) for it in graph}
    return sorted(list(it) for it in groups if len(it) > 1)


def _reached(graph: Mapping[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        if (it := waiting.pop()) not in seen:
            seen.add(it)
            waiting += graph.get(it, ())
    return seen


def entries(package: Path) -> Counter[str]:
    """Return the number of files and folders in each folder that holds modules; caches do not count."""
    folders = {it.parent for it in package.rglob("*.py")}
    names = {folder: [it.name for it in folder.iterdir()] for folder in folders}
    return Counter(
        {
            folder.relative_to(package.parent).as_posix(): sum(not it.startswith(("__pycache__", ".")) for it in its)
            for folder, its in names.items()
        }
    )


def function_lengths(known: Mapping[str, Module]) -> list[int]:
    """Return the line counts of all functions, sorted, docstrings included."""
    return sorted(
        (node.end_lineno or node.lineno) - node.lineno + 1
        for module in known.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def repeated_classes(known: Mapping[str, Module]) -> dict[str, list[str]]:
    """Return class names that several modules define, with these modules; names with an underscore are skipped."""
    where: dict[str, list[str]] = defaultdict(list)
    for module in known.values():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                where[node.name].append(module.name)
    return {name: its for name, its in sorted(where.items()) if len(its) > 1}


def main(packages: list[Path]) -> None:
    """Print the measurements of each package, and the class names that stand for several classes in all of them."""
    everything: dict[str, Module] = {}
    for package in packages:
        known = modules(package)
        everything |= known
        rooms = [it for it in package.iterdir() if (it / "__init__.py").exists() or it.suffix == ".py"]
        (fattest, most), lengths = entries(package).most_common(1)[0], function_lengths(known)
        print(
            f"{package.name}: {len(rooms)} rooms, {len(known)} modules, {len(entries(package))} folders; "
            f"the fattest, {fattest}, has {most} entries"
        )
        print(f"  cycles between folders: {cycles(folder_graph(known)) or 'none'}")
        print(
            f"  {len(lengths)} functions: {statistics.median(lengths):.0f} lines in the median, "
            f"{lengths[len(lengths) * 9 // 10]} at p90, {lengths[-1]} the longest"
        )
    print(f"cycles between the folders of all: {cycles(folder_graph(everything)) or 'none'}")
    repeated = repeated_classes(everything)
    print(f"class names defined more than once: {len(repeated)}")
    for name, its in repeated.items():
        print(f"  {name}: {', '.join(its)}")


if __name__ == "__main__":
    main([Path(it).resolve() for it in sys.argv[1:]] or list(PACKAGES))
