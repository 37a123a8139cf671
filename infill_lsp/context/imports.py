"""Finds what a document imports from its own workspace: the names, and the files that may define them.

Imports are matched as text, not in the tree, so that they are found in half-written documents too. Python is covered
in full; JavaScript and TypeScript for imports by relative path. Does not read files.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LARGEST: Final = 100_000
"""Number of leading code points of a text that are searched for imports and for uses of imported names."""

_FROM: Final = re.compile(r"^[ \t]*from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]+(\([^)]*\)?|[^\n(]+)", re.MULTILINE)
_IMPORT: Final = re.compile(r"^[ \t]*import[ \t]+([\w.]+(?:[ \t]+as[ \t]+\w+)?(?:[ \t]*,[^\n]*)?)", re.MULTILINE)
_COMMENT: Final = re.compile(r"#[^\n]*")
_SCRIPT: Final = re.compile(
    r"^[ \t]*(?:import|export)\b([^;\"']*?)\bfrom[ \t]*[\"'](\.{1,2}/[^\"']+)[\"']", re.MULTILINE
)
_WORD: Final = re.compile(r"[^\W\d]\w*")

_SCRIPTS: Final = frozenset({"javascript", "javascriptreact", "typescript", "typescriptreact"})
_SCRIPT_SUFFIXES: Final = (".ts", ".tsx", ".d.ts", ".js", ".jsx", ".mjs")


@dataclass(frozen=True, slots=True)
class Import:
    """One name that a document imports.

    Attributes:
        module: the module as the document writes it.
        name: the name in the module; None if the module itself is imported.
        used_as: the name that the document uses for it.
    """

    module: str
    name: str | None
    used_as: str


def imports(text: str, language: str | None) -> list[Import]:
    """Return the imports of a document in a language (an LSP id)."""
    if language == "python":
        return [*_python(text)]
    if language in _SCRIPTS:
        return [*_script(text)]
    return []


def module_files(it: Import, path: Path, roots: Sequence[Path]) -> list[Path]:
    """Return candidate paths for the module of an import in the file at `path`; the first that exists counts."""
    if it.module.startswith(("./", "../")):
        return _script_files(path.parent / it.module)
    return [file for base in _places(it.module, path, roots) for file in _python_files(base)]


def submodule_files(it: Import, path: Path, roots: Sequence[Path]) -> list[Path]:
    """Return candidate paths for the imported name as a module of its own."""
    if it.name is None:
        return module_files(it, path, roots)
    if it.module.startswith(("./", "../")):
        return []
    return [file for base in _places(it.module, path, roots) for file in _python_files(base / it.name)]


def _python(text: str) -> Iterator[Import]:
    for module, listed in _FROM.findall(text):
        for name, used_as in _names(listed):
            yield Import(module, name, used_as)
    for listed in _IMPORT.findall(text):
        for name, used_as in _names(listed):
            yield Import(name, None, used_as)


def _names(listed: str) -> Iterator[tuple[str, str]]:
    for item in _COMMENT.sub("", listed).strip("() \t\n").split(","):
        words = item.split()
        if len(words) == 1 and words[0] != "*":
            yield words[0], words[0]
        elif len(words) == 3 and words[1] == "as":
            yield words[0], words[2]


def _places(module: str, path: Path, roots: Sequence[Path]) -> list[Path]:
    """Return the possible locations of a module, without suffix."""
    name = module.lstrip(".")
    dots = len(module) - len(name)
    parts = [it for it in name.split(".") if it]
    if dots:
        folder = path.parents[min(dots, len(path.parents)) - 1]
        return [folder.joinpath(*parts)]
    there = (it for it in _bases(path, roots) if (it / parts[0]).is_dir() or (it / f"{parts[0]}.py").is_file())
    return [base.joinpath(*parts) for base in there] if parts else []


def _bases(path: Path, roots: Sequence[Path]) -> list[Path]:
    """Return the folders absolute imports may start from: those around the document, and the roots and their `src`."""
    around = [it for it in path.parents if any(it.is_relative_to(root) for root in roots)]
    return [*dict.fromkeys([*reversed(around), *(root / "src" for root in roots), *roots])]


def _python_files(base: Path) -> list[Path]:
    return [base.with_name(f"{base.name}.py"), base / "__init__.py", base.with_name(f"{base.name}.pyi")]


def _script(text: str) -> Iterator[Import]:
    for clause, module in _SCRIPT.findall(text):
        for item in clause.strip().strip("{} \n").replace("{", ",").split(","):
            words = _WORD.findall(item.replace("type ", ""))
            if words and "*" not in item:
                yield Import(module, words[0], words[-1])


def _script_files(base: Path) -> list[Path]:
    beside = (base.with_name(base.name + it) for it in _SCRIPT_SUFFIXES)
    return [base, *beside, *(base / f"index{it}" for it in _SCRIPT_SUFFIXES)]
