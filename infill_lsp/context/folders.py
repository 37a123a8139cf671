"""Lists the names in folders, once and again when a folder has changed."""

import os
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

KEPT: Final = 32
"""Maximum number of folders whose names stay in memory."""

_SETTLED: Final = 2_000_000_000
"""Nanoseconds after which a folder's modification time tells one change from the next on any file system."""


@dataclass(frozen=True, slots=True)
class _Listed:
    """The names of one kind in a folder.

    Attributes:
        changed: the folder's modification time, in nanoseconds.
        settled: whether a later change would alter that time.
    """

    changed: int
    settled: bool
    names: tuple[str, ...]


class Folders:
    """A cache of the names in the folders of a workspace. Not thread-safe."""

    def __init__(self) -> None:
        self._listed: OrderedDict[tuple[Path, str], _Listed] = OrderedDict()

    def names(self, folder: Path, suffix: str) -> tuple[str, ...]:
        """Return the sorted names in a folder that end in `suffix`; empty if the folder cannot be read."""
        try:
            changed = folder.stat().st_mtime_ns
            known = self._listed.get((folder, suffix))
            if known is None or known.changed != changed or not known.settled:
                known = self._list(folder, suffix, changed)
        except OSError:
            return ()
        self._listed.move_to_end((folder, suffix))
        return known.names

    def _list(self, folder: Path, suffix: str, changed: int) -> _Listed:
        settled = time.time_ns() - changed > _SETTLED
        with os.scandir(folder) as entries:
            names = sorted(it.name for it in entries if os.path.splitext(it.name)[1] == suffix)  # noqa: PTH122
        listed = self._listed[folder, suffix] = _Listed(changed, settled, tuple(names))
        if len(self._listed) > KEPT:
            self._listed.popitem(last=False)
        return listed
