"""Files and open documents to take excerpts from: read once, and again when they have changed.

What privacy forbids and what git ignores is never read. It knows nothing of cursors or similarity.
"""

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from infill_lsp import privacy
from infill_lsp.context import similar
from infill_lsp.context.folders import Folders
from infill_lsp.context.imports import LARGEST, Import, imports
from infill_lsp.context.signatures import signatures
from infill_lsp.gitignore import Ignored
from infill_lsp.syntax import languages
from infill_lsp.syntax.languages import Language

KEPT: Final = 200
"""Files whose texts stay in memory."""


@dataclass(frozen=True)
class Source:
    """A text with what is computed of it when it is first asked for."""

    name: str
    text: str
    language: Language | None

    @cached_property
    def windows(self) -> tuple[similar.Window, ...]:
        """What it is searched by."""
        return similar.windows(self.text)

    @cached_property
    def signatures(self) -> Mapping[str, str]:
        """What it defines."""
        return signatures(self.text, self.language) if self.language else {}

    @cached_property
    def imports(self) -> Mapping[str, Import]:
        """What it imports, by what it calls that."""
        found = imports(self.text[:LARGEST], self.language.id if self.language else None)
        return {it.used_as: it for it in found}


class Sources:
    """The files of a workspace. Not for several threads at once."""

    def __init__(self, roots: Sequence[Path], patterns: Sequence[str]) -> None:
        self.roots, self._patterns = tuple(roots), tuple(patterns)
        self._ignored = Ignored()
        self._folders = Folders()
        self._read: OrderedDict[Path, tuple[tuple[int, int], Source | None]] = OrderedDict()

    def at(self, path: Path) -> Source | None:
        """The file at a path; None when it is not in the workspace, not a text, too large, or not allowed."""
        try:
            stat = path.stat()
        except OSError:
            return None
        state = (stat.st_mtime_ns, stat.st_size)
        known = self._read.get(path)
        if known is None or known[0] != state:
            small = 0 < stat.st_size <= similar.LARGEST
            known = (state, self._load(path) if small and self.allows(path) else None)
            self._read[path] = known
            if len(self._read) > KEPT:
                self._read.popitem(last=False)
        self._read.move_to_end(path)
        return known[1]

    def allows(self, path: Path) -> bool:
        """Whether a file may serve as context, as far as its name tells."""
        root = next((it for it in self.roots if path.is_relative_to(it)), None)
        if root is None or privacy.inactive_reason(str(path), "", self._patterns):
            return False
        return not self._ignored.ignores(path, root)

    def of_text(self, name: str, text: str, language: Language | None) -> Source | None:
        """An open document; None when it is not allowed. One outside of the workspace is: someone has opened it."""
        path = privacy.path_of(name)
        if privacy.inactive_reason(name, text, self._patterns):
            return None
        if path is not None and any(path.is_relative_to(it) for it in self.roots) and not self.allows(path):
            return None
        return Source(name, text, language)

    def neighbours(self, path: Path, most: int) -> list[Path]:
        """Files of the same kind in the same folder, those with names near to this one's first."""
        names = self._folders.names(path.parent, path.suffix)
        at = bisect_left(names, path.name)
        near = names[max(0, at - most) : at + most + 1]
        beside = [it for it in near if it != path.name]
        middle = bisect_left(beside, path.name) - 0.5
        nearest = sorted(range(len(beside)), key=lambda it: abs(it - middle))[:most]
        return [path.parent / beside[it] for it in nearest]

    def _load(self, path: Path) -> Source | None:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None
        if "\0" in text or privacy.inactive_reason(str(path), text, self._patterns):
            return None
        return Source(str(path), text, languages.of_file(path.name))
