"""Determines which files git ignores: asks git if it is installed, else reads its pattern files.

One git process per repository and round is asked, a few milliseconds each; it runs nothing that a repository brings
along, and writes nothing. Files that git tracks although a pattern matches them count as ignored. Must not depend on
documents.
"""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_State = tuple[int, int]
"""The modification time of a file in nanoseconds, and its size in bytes."""

NO_FILE: Final = (0, 0)

PATIENCE: Final = 10.0
"""Seconds that git may take for a round, for example on a disk that does not respond."""

_FIELDS: Final = 4
"""Fields of each answer: the pattern's file, its line, the pattern, and the queried path; each ends in a NUL."""

_ELSEWHERE: Final = ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_NAMESPACE")
"""Variables that would make git look at another repository."""


class Ignored:
    """Answers for the files of a workspace. Not thread-safe."""

    def __init__(self, git: str | None = shutil.which("git")) -> None:
        """Ask nothing yet.

        Args:
            git: the program; None if there is none.
        """
        self._program = git
        self._patterns = _Patterns()
        self._running: dict[Path, _Git] = {}
        self._known: dict[Path, bool] = {}

    def ignores(self, path: Path, root: Path) -> bool:
        """Report whether git ignores a file, or a link on the way; its repository may start above or below `root`.

        Args:
            path: path of the file, with or without links in it.
            root: the folder that it leads into, with links resolved.
        """
        return any(self._asked(it, root) for it in _entries(path, root))

    def end_round(self) -> None:
        """Forget all answers, and end the processes that gave them."""
        for git in self._running.values():
            git.end()
        self._running.clear()
        self._known.clear()

    def _asked(self, path: Path, root: Path) -> bool:
        if path not in self._known:
            top = _repository(path)
            answer = self._git(top).ignores(path.relative_to(top)) if top and self._program else None
            self._known[path] = self._patterns.ignores(path, top or root) if answer is None else answer
        return self._known[path]

    def _git(self, top: Path) -> "_Git":
        if top not in self._running:
            self._running[top] = _Git(self._program or "git", top)
        return self._running[top]


class _Git:
    """`git check-ignore` of one repository, which answers path after path."""

    def __init__(self, program: str, top: Path) -> None:
        self._answers = b""
        environment = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE}
        command = [program, "-C", str(top), "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}"]
        self._process: subprocess.Popen[bytes] | None = None
        with suppress(OSError):
            self._process = subprocess.Popen(
                [*command, "check-ignore", "--no-index", "--stdin", "-z", "--verbose", "--non-matching"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                env={**environment, "GIT_OPTIONAL_LOCKS": "0"},
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
            self._limit = threading.Timer(PATIENCE, self._process.kill)
            self._limit.daemon = True
            self._limit.start()

    def ignores(self, path: Path) -> bool | None:
        """Report whether git ignores a path relative to the repository; None if git cannot tell."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            return None
        try:
            process.stdin.write(b"./" + os.fsencode(path.as_posix()) + b"\0")  # A name may start with a colon.
            while self._answers.count(b"\0") < _FIELDS:
                piece = os.read(process.stdout.fileno(), 65536)
                if not piece:
                    raise BrokenPipeError  # It has ended, and will not say why.
                self._answers += piece
        except (OSError, ValueError):
            self.end()
            return None
        _, _, pattern, _, self._answers = self._answers.split(b"\0", _FIELDS)
        return bool(pattern) and not pattern.startswith(b"!")

    def end(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        self._limit.cancel()
        process.kill()
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()
        process.wait()


@dataclass(frozen=True, slots=True)
class _Read:
    state: _State
    spec: "GitIgnoreSpec"


class _Patterns:
    """The patterns that apply if git cannot be asked: `.gitignore` in every folder, `info/exclude`, the user's file.

    Files are read on first use and again when they have changed. A file named by `core.excludesFile` is not considered.
    """

    def __init__(self) -> None:
        self._read: dict[Path, _Read] = {}

    def ignores(self, path: Path, top: Path) -> bool:
        """Report whether a file below `top`, which may or may not be the top of a repository, is ignored.

        A file in an ignored folder is ignored, whatever patterns inside that folder say.
        """
        folders = [it for it in (path, *path.parents) if it != top and it.is_relative_to(top)]
        return any(self._matches(it, top, is_folder=it != path) for it in reversed(folders))

    def _matches(self, path: Path, top: Path, *, is_folder: bool) -> bool:
        """Return the verdict of the last pattern that matches; those of the nearest folder come last."""
        near = ((folder / ".gitignore", folder) for folder in path.parents if folder.is_relative_to(top))
        for file, base in (*near, (_common(top) / "info" / "exclude", top), (_users_file(), top)):
            verdict = self._verdict(file, path, base, is_folder=is_folder)
            if verdict is not None:
                return verdict
        return False

    def _verdict(self, patterns: Path, path: Path, base: Path, *, is_folder: bool) -> bool | None:
        name = path.relative_to(base).as_posix()
        return self._spec(patterns).check_file(f"{name}/" if is_folder else name).include

    def _spec(self, path: Path) -> "GitIgnoreSpec":
        from pathspec import GitIgnoreSpec  # noqa: PLC0415  # A server must answer before the first file is checked.

        state = _state(path)
        known = self._read.get(path)
        if known is None or known.state != state:
            known = self._read[path] = _Read(state, GitIgnoreSpec.from_lines(_lines(path) if state != NO_FILE else []))
        return known.spec


def _entries(path: Path, root: Path) -> Iterator[Path]:
    """Yield the paths that git knows a file by: each link on the way to it that lies below `root`, and their target."""
    at = Path(path.anchor)
    for part in path.parts[1:]:
        step = at.parent if part == ".." else at / part
        if part != ".." and step.is_symlink():
            if step.is_relative_to(root):
                yield step
            step = step.resolve()
        at = step
    yield at


def _repository(path: Path) -> Path | None:
    return next((it for it in path.parents if (it / ".git").exists()), None)


def _common(top: Path) -> Path:
    """Return the folder that all worktrees of a repository share."""
    git = top / ".git"
    with suppress(OSError, UnicodeDecodeError):
        if git.is_file():
            git = top / git.read_text().removeprefix("gitdir:").strip()
            return git / (git / "commondir").read_text().strip()
    return git


def _users_file() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base, "git", "ignore")


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
