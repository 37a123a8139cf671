"""Provides files and open documents to take excerpts from, each read once and again when it has changed.

A file outside the workspace, forbidden by privacy rules or ignored by git is never read: both the given path and its
target are checked.
"""

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from infill_lsp.context import similar
from infill_lsp.context.folders import Folders
from infill_lsp.context.imports import LARGEST, Import, imports
from infill_lsp.privacy import rules
from infill_lsp.privacy.gitignore import Ignored
from infill_lsp.syntax import languages
from infill_lsp.syntax.languages import Language
from infill_lsp.syntax.signatures import signatures

_State = tuple[Path, int, int]
"""The path of a file, its modification time in nanoseconds, and its size in bytes."""

KEPT: Final = 200
"""Maximum number of files whose texts stay in memory."""


@dataclass(frozen=True)
class ContextSource:
    """A text, with derived values computed on first use."""

    name: str
    text: str
    language: Language | None

    @cached_property
    def windows(self) -> tuple[similar.LineWindow, ...]:
        """The windows to search."""
        return similar.windows(self.text)

    @cached_property
    def signatures(self) -> Mapping[str, str]:
        """The signatures that the text defines."""
        return signatures(self.text, self.language) if self.language else {}

    @cached_property
    def imports(self) -> Mapping[str, Import]:
        """The text's imports, by the name it uses for each."""
        found = imports(self.text[:LARGEST], self.language.id if self.language else None)
        return {it.used_as: it for it in found}


class Sources:
    """The files of a workspace. Not thread-safe."""

    def __init__(self, roots: Sequence[Path], patterns: Sequence[str]) -> None:
        real = [it for root in roots if (it := rules.real_path(root))]
        self.roots = tuple(dict.fromkeys([*roots, *real]))
        """The folders of the workspace, both as given and with links resolved."""
        self._real_roots, self._patterns = tuple(real), tuple(patterns)
        self._ignored = Ignored()
        self._folders = Folders()
        self._judged: dict[Path, Path | None] = {}
        self._read: OrderedDict[Path, tuple[_State, ContextSource | None]] = OrderedDict()

    @contextmanager
    def round(self) -> Iterator[None]:
        """Check files afresh, each only once within the context."""
        try:
            yield
        finally:
            self._judged.clear()
            self._ignored.end_round()

    def at(self, path: Path) -> ContextSource | None:
        """Return the file at a path; None if it is outside the workspace, not text, too large, or not allowed."""
        real = self.allowed(path)
        if real is None:
            return None
        try:
            stat = real.stat()
        except OSError:
            return None
        state = (real, stat.st_mtime_ns, stat.st_size)
        known = self._read.get(path)
        if known is None or known[0] != state:
            small = 0 < stat.st_size <= similar.LARGEST
            known = (state, self._load(path, real) if small else None)
            self._read[path] = known
            if len(self._read) > KEPT:
                self._read.popitem(last=False)
        self._read.move_to_end(path)
        return known[1]

    def holds(self, path: Path) -> bool:
        """Report whether a path leads into the workspace."""
        return self._root(rules.real_path(path)) is not None

    def allowed(self, path: Path) -> Path | None:
        """Return the target of a path, if the path permits the file to serve as context."""
        if path not in self._judged:
            self._judged[path] = self._judge(path)
        return self._judged[path]

    def _judge(self, path: Path) -> Path | None:
        real = rules.real_path(path)
        root = self._root(real)
        if root is None or rules.inactive_reason(str(path), "", self._patterns):
            return None
        return None if self._ignored.ignores(path, root) else real

    def of_text(
        self, name: str, text: str, language: Language | None, known: ContextSource | None = None
    ) -> ContextSource | None:
        """Return an open document as a source; None if not allowed. A document with no place on disk counts as inside.

        Args:
            name: its path or URI.
            text: its contents.
            language: its language.
            known: a source made earlier from the same text.
        """
        place = rules.place_of(name)
        if rules.inactive_reason(name, text, self._patterns) or (place and not self.allowed(place)):
            return None
        return known or ContextSource(name, text, language)

    def _root(self, real: Path | None) -> Path | None:
        """Return the folder of the workspace, with links resolved, that contains a path."""
        return next((it for it in self._real_roots if real and real.is_relative_to(it)), None)

    def neighbours(self, path: Path, most: int) -> list[Path]:
        """Return files of the same kind in the same folder, those with the nearest names first."""
        names = self._folders.names(path.parent, path.suffix)
        at = bisect_left(names, path.name)
        near = names[max(0, at - most) : at + most + 1]
        beside = [it for it in near if it != path.name]
        middle = bisect_left(beside, path.name) - 0.5
        nearest = sorted(range(len(beside)), key=lambda it: abs(it - middle))[:most]
        return [path.parent / beside[it] for it in nearest]

    def _load(self, path: Path, real: Path) -> ContextSource | None:
        """Load a file from the location its path led to when it was checked."""
        try:
            text = real.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None
        if "\0" in text or rules.inactive_reason(str(path), text, self._patterns):
            return None
        return ContextSource(str(path), text, languages.of_file(path.name))
