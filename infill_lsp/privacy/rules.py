"""What is neither read nor sent: files that may hold secrets, and those that the user says.

The file being edited is judged by its path, the path that it leads to, and its contents; files read for context also by
what git ignores. A miss costs more than a false alarm. It opens no file.
"""

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

from infill_lsp.privacy.secret_files import secret_reason

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


def inactive_reason(path_or_uri: str, text: str = "", patterns: Sequence[str] = ()) -> str | None:
    """Why a file is neither read nor sent, as a sentence; None when nothing speaks against it.

    The path is judged as it was given, and the path that it leads to over links and `..`.

    Args:
        path_or_uri: of the file.
        text: its contents, as far as they are known.
        patterns: the user's own, as in a `.gitignore` but at any depth and whatever the case; one that starts with `/`
            is a whole path, and `!` in front of one takes others back.
    """
    given = _path_text(path_or_uri)
    if reason := _reason(given, text, tuple(patterns)):
        return reason
    place = place_of(path_or_uri)
    real = real_path(place) if place else None
    if real is None or real == Path(given):
        return None
    reason = _reason(real.as_posix(), "", tuple(patterns))
    return f"{Path(given).name} leads to {real}: {reason}" if reason else None


def _reason(path: str, text: str, patterns: tuple[str, ...]) -> str | None:
    """Why a file is left alone by its path as it stands here, and its text."""
    if patterns:
        found = _spec(patterns).check_file(_relative(path).lower())
        if found.include is False:
            return None
        if found.include and found.index is not None:
            return f"{Path(path).name} matches the pattern {patterns[found.index]!r} of your settings"
    return secret_reason(path, text)


def path_of(name: str) -> Path | None:
    """The path of a file with this path or `file` URI; None for what is not a file, such as an unsaved buffer."""
    uri = _split(name)
    if uri.scheme == "file":
        return Path(_local(uri.path))
    return Path(name) if len(uri.scheme) < 2 else None  # One letter is a drive.


def place_of(name: str) -> Path | None:
    """The path that a document stands for, be it a cell of a notebook or a file as it was at some commit.

    None for what has no place on a disk, such as an unsaved buffer.
    """
    path = path_of(name)
    if path is None and (inner := _split(name).path).startswith("/"):
        return Path(_local(inner))
    return path


def real_path(path: Path) -> Path | None:
    """Where a path leads to over links and `..`; None where that is nowhere."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # Links in a circle; a NUL.
        return None


def _local(path: str) -> str:
    """The path that a `file` URI's path stands for, as `url2pathname` has it."""
    if os.name != "nt":
        return unquote(path, errors="surrogateescape")
    from urllib.request import url2pathname  # noqa: PLC0415  # It brings half the web along.

    return url2pathname(path)


def _path_text(name: str) -> str:
    path = path_of(name)
    return path.as_posix() if path is not None else unquote(_split(name).path)


def _split(name: str) -> SplitResult:
    """The parts of a path or URI; of what is neither, all of it is a path below no folder."""
    try:
        return urlsplit(name) if ":" in name else SplitResult("", "", name, "", "")
    except ValueError:  # Half an address of six, say.
        return SplitResult("none", "", name.partition(":")[2], "", "")


def _relative(path: str) -> str:
    return (path.partition(":")[2] if path[1:2] == ":" else path).lstrip("/")


@lru_cache(maxsize=16)
def _spec(patterns: tuple[str, ...]) -> "GitIgnoreSpec":
    from pathspec import GitIgnoreSpec  # noqa: PLC0415  # A server is to answer before the first file is judged.

    return GitIgnoreSpec.from_lines(_anywhere(it.lower()) for it in patterns)


def _anywhere(pattern: str) -> str:
    """A pattern that names a folder and what is in it holds wherever that folder is; git holds it to the top."""
    negated, bare = pattern.startswith("!"), pattern.removeprefix("!")
    return ("!" if negated else "") + (f"**/{bare}" if "/" in bare.strip("/") and bare[0] != "/" else bare)
