"""Reads the commits and files of a git repository through git itself, which writes nothing and asks no network."""

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from infill_lsp.errors import SourceError

_LARGEST: Final = 500_000
"""Bytes of a file; larger ones are data."""

_ELSEWHERE: Final = ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_NAMESPACE")
"""Variables that would make git look at another repository."""

_QUIET: Final = {"GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none", "LC_ALL": "C"}
"""Nothing is written, nothing is fetched, and messages are in English."""

_FILES = ("100644", "100755")
"""Modes of plain files, as opposed to links and other repositories."""


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A commit's change of a file: the ids of its contents before and after."""

    commit: str
    path: str
    old: str
    new: str


class Repository:
    """A repository, and a git process that reads its contents."""

    def __init__(self, path: Path) -> None:
        """Start git.

        Raises:
            SourceError: git is not installed, or the path is no repository.
        """
        self._path = path
        self._environment = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE} | _QUIET
        if not path.is_dir():
            raise SourceError(f"{path}: there is no such folder")
        self._git("rev-parse", "--git-dir")
        self._contents = self._started("cat-file", "--batch")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self._contents.stdin, self._contents.stdout):
            if stream is not None:
                stream.close()
        self._contents.kill()
        self._contents.wait()

    def changed_files(self, limit: int, counts: Callable[[str], bool]) -> Iterator[ChangedFile]:
        """Yield the last commits, the newest first, that change exactly one of the files that count.

        Raises:
            SourceError: git cannot read the history.
        """
        flags = ("--no-merges", "--raw", "--no-renames", "--no-abbrev", "-z", "--format=%x01%H", f"--max-count={limit}")
        for entry in self._git("log", "--no-show-signature", *flags).split("\x01")[1:]:
            commit, *fields = entry.replace("\n", "").split("\0")
            rows = [(raw, path) for raw, path in zip(fields[0::2], fields[1::2], strict=False) if counts(path)]
            if len(rows) == 1:
                raw, path = rows[0]
                mode, _, old, new, how = raw.removeprefix(":").split()
                if mode in _FILES and how == "M":
                    yield ChangedFile(commit, path, old, new)

    def text(self, content: str) -> str | None:
        """Return the text of a file's content; None if it is too large or not UTF-8.

        Raises:
            SourceError: it is missing.
        """
        data = self._data(content)
        try:
            return data.decode() if len(data) <= _LARGEST else None
        except UnicodeDecodeError:
            return None

    def _data(self, content: str) -> bytes:
        asked, answered = self._contents.stdin, self._contents.stdout
        if asked is None or answered is None:
            return b""
        asked.write(content.encode() + b"\n")
        asked.flush()
        _, _, *size = answered.readline().split() or (b"", b"")
        if not size:  # It is missing, or git has ended because it may not fetch it.
            raise SourceError(f"{self._path}: lacks the contents of files; a partial clone cannot be measured")
        return answered.read(int(size[0]) + 1)[:-1]

    def _git(self, *words: str) -> str:
        process = self._started(*words, errors=subprocess.PIPE)
        output, errors = process.communicate()
        if process.returncode:
            _, _, reason = errors.decode(errors="replace").partition("fatal: ")
            first, *_ = reason.split("\n")
            raise SourceError(f"{self._path}: git cannot read it ({first})")
        return output.decode(errors="replace")

    def _started(self, *words: str, errors: int = subprocess.DEVNULL) -> "subprocess.Popen[bytes]":
        command = ["git", "-C", str(self._path), "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}"]
        try:
            return subprocess.Popen(
                [*command, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=self._environment
            )
        except OSError as error:
            raise SourceError(f"git cannot be started ({error.strerror}); --history needs it") from error
