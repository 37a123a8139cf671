"""Selects excerpts that help at a cursor: windows like the code around it, and signatures of imported names.

Works on texts only: which files may be read, and when, is decided elsewhere.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infill_lsp.context import similar
from infill_lsp.context.imports import Import, imports, module_files, submodule_files
from infill_lsp.context.sources import ContextSource

PER_FILE: Final = 2
"""Maximum number of windows from one file, so that one file does not crowd out the others."""

SIGNATURES: Final = 3
"""Divisor of the budget that gives the maximum share of signatures."""

DEPTH: Final = 3
"""Maximum number of re-exports to follow for a name."""

Read = Callable[[Path], ContextSource | None]


@dataclass(frozen=True, slots=True)
class CursorContext:
    """The code around a cursor when excerpts were chosen for it."""

    path: Path | None
    language: str | None
    text: str
    around: str


def excerpts(
    place: CursorContext, candidates: Iterable[ContextSource], read: Read, roots: Sequence[Path], budget: int
) -> tuple[str, ...]:
    """Return the most relevant excerpts that fit in `budget` characters, the most relevant last."""
    wanted = similar.names(place.around)
    matches = [it for source in candidates for it in similar.best(source.windows, wanted, PER_FILE)]
    matches.sort(key=lambda it: it.similarity, reverse=True)
    ordered = [it.text for it in matches]
    imported = _within(signatures(place, wanted, read, roots), budget // SIGNATURES)
    if imported:
        ordered.insert(0, "\n".join(imported))
    return _within(dict.fromkeys(ordered), budget)


def signatures(place: CursorContext, wanted: frozenset[str], read: Read, roots: Sequence[Path]) -> list[str]:
    """Return the signatures of imported names, those used near the cursor first."""
    if place.path is None:
        return []
    found: dict[str, bool] = {}
    for it in imports(place.text, place.language):
        for name, signature in _signatures_of(it, place.path, place.text, read, roots):
            found[signature] = found.get(signature, False) or name in wanted
    return sorted(found, key=lambda it: found[it], reverse=True)


def _signatures_of(it: Import, path: Path, text: str, read: Read, roots: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """Yield the signature of an imported name; for a module, the signatures of its attributes that the text uses."""
    module = _first(submodule_files(it, path, roots), read)
    if module is not None:
        yield from ((name, its) for name, its in module.signatures.items() if f"{it.used_as}.{name}" in text)
        return
    signature = defined(it, path, read, roots)
    if signature:
        yield it.used_as, signature


def defined(it: Import, path: Path, read: Read, roots: Sequence[Path], depth: int = DEPTH) -> str | None:
    """Return the signature of a name imported by the file at `path`, following re-exports."""
    source = _first(module_files(it, path, roots), read)
    if source is None or it.name is None:
        return None
    handed_on = source.imports.get(it.name)
    if it.name in source.signatures or handed_on is None or depth == 0:
        return source.signatures.get(it.name)
    return defined(handed_on, Path(source.name), read, roots, depth - 1)


def _first(files: Sequence[Path], read: Read) -> ContextSource | None:
    path = next((it for it in files if it.is_file()), None)
    return read(path) if path else None


def _within(best_first: Iterable[str], budget: int) -> tuple[str, ...]:
    """Return the texts that fit, in reverse order; one that is too long is skipped, a shorter one may still follow."""
    taken: list[str] = []
    for text in best_first:
        if len(text) < budget:
            budget -= len(text) + 1  # They are joined by a line end.
            taken.append(text)
    return tuple(reversed(taken))
