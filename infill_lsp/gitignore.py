"""Which files git ignores: `.gitignore` in every folder down to the file, and `.git/info/exclude`.

Files are read when they are asked for and again when they have changed; no git is run. Files that git tracks although
a pattern matches them count as ignored. It knows nothing of documents.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_State = tuple[int, int]
"""When a file was changed last, in nanoseconds, and how many bytes it has."""

NO_FILE: Final = (0, 0)


@dataclass(frozen=True, slots=True)
class _Read:
    state: _State
    spec: "GitIgnoreSpec"


class Ignored:
    """Answers for the files of a workspace. Not for several threads at once."""

    def __init__(self) -> None:
        self._read: dict[Path, _Read] = {}

    def ignores(self, path: Path, root: Path) -> bool:
        """Whether git would ignore a file below `root`; the repository may start above or below that.

        A file in an ignored folder is ignored, whatever patterns inside that folder say.
        """
        parts = [it for it in (path, *path.parents) if it.is_relative_to(root)]
        top = next((it for it in parts[1:] if (it / ".git").exists()), None) or _repository(root)
        folders = [it for it in (path, *path.parents) if it != top and it.is_relative_to(top)]
        return any(self._matches(it, top, is_folder=it != path) for it in reversed(folders))

    def _matches(self, path: Path, top: Path, *, is_folder: bool) -> bool:
        """Whether the last pattern that matches says so; those of the nearest folder are the last."""
        for folder in path.parents:
            if not folder.is_relative_to(top):
                break
            verdict = self._verdict(folder / ".gitignore", path, folder, is_folder=is_folder)
            if verdict is not None:
                return verdict
        return bool(self._verdict(top / ".git" / "info" / "exclude", path, top, is_folder=is_folder))

    def _verdict(self, patterns: Path, path: Path, base: Path, *, is_folder: bool) -> bool | None:
        name = path.relative_to(base).as_posix()
        return self._spec(patterns).check_file(f"{name}/" if is_folder else name).include

    def _spec(self, path: Path) -> "GitIgnoreSpec":
        from pathspec import GitIgnoreSpec  # noqa: PLC0415  # A server is to answer before the first file is judged.

        state = _state(path)
        known = self._read.get(path)
        if known is None or known.state != state:
            known = self._read[path] = _Read(state, GitIgnoreSpec.from_lines(_lines(path) if state != NO_FILE else []))
        return known.spec


def _repository(root: Path) -> Path:
    return next((it for it in (root, *root.parents) if (it / ".git").exists()), root)


def _state(path: Path) -> _State:
    try:
        stat = path.stat()
    except OSError:
        return NO_FILE
    return stat.st_mtime_ns, stat.st_size


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
