"""Decides which files are neither read nor sent: those that may hold secrets, and those that the user excludes.

The edited file is judged by its path, the target of that path, and its contents; files read for context also by what
git ignores. A miss costs more than a false alarm. Opens no file.
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
    """Return why a file is neither read nor sent, as a sentence; None if nothing speaks against it.

    Both the given path and its target, with links and `..` resolved, are checked.

    Args:
        path_or_uri: path or URI of the file.
        text: its contents, as far as they are known.
        patterns: the user's own patterns, as in a `.gitignore` but at any depth and case-insensitive; one that starts
            with `/` is a whole path, and `!` in front of one cancels others.
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
    """Return why a file is left alone, from its path as given here and its text."""
    if patterns:
        found = _spec(patterns).check_file(_relative(path).lower())
        if found.include is False:
            return None
        if found.include and found.index is not None:
            return f"{Path(path).name} matches the pattern {patterns[found.index]!r} of your settings"
    return secret_reason(path, text)


def path_of(name: str) -> Path | None:
    """Return the path of a file with this path or `file` URI; None if it is not a file, such as an unsaved buffer."""
    uri = _split(name)
    if uri.scheme == "file":
        return Path(_local(uri.path))
    return Path(name) if len(uri.scheme) < 2 else None  # One letter is a drive.


def place_of(name: str) -> Path | None:
    """Return the path behind a document, even for a notebook cell or a file as of some commit.

    None if it has no place on disk, such as an unsaved buffer.
    """
    path = path_of(name)
    if path is None and (inner := _split(name).path).startswith("/"):
        return Path(_local(inner))
    return path


def real_path(path: Path) -> Path | None:
    """Return the target of a path with links and `..` resolved; None if there is none."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # Circular links; a NUL.
        return None


def _local(path: str) -> str:
    """Return the path that a `file` URI's path stands for, as `url2pathname` does."""
    if os.name != "nt":
        return unquote(path, errors="surrogateescape")
    from urllib.request import url2pathname  # noqa: PLC0415  # It imports many web modules.

    return url2pathname(path)


def _path_text(name: str) -> str:
    path = path_of(name)
    return path.as_posix() if path is not None else unquote(_split(name).path)


def _split(name: str) -> SplitResult:
    """Return the parts of a path or URI; text that is neither counts as a path outside any folder."""
    try:
        return urlsplit(name) if ":" in name else SplitResult("", "", name, "", "")
    except ValueError:  # Half an IPv6 address, for example.
        return SplitResult("none", "", name.partition(":")[2], "", "")


def _relative(path: str) -> str:
    return (path.partition(":")[2] if path[1:2] == ":" else path).lstrip("/")


@lru_cache(maxsize=16)
def _spec(patterns: tuple[str, ...]) -> "GitIgnoreSpec":
    from pathspec import GitIgnoreSpec  # noqa: PLC0415  # A server must answer before the first file is checked.

    return GitIgnoreSpec.from_lines(_anywhere(it.lower()) for it in patterns)


def _anywhere(pattern: str) -> str:
    """Make a pattern that names a folder and its contents apply at any depth; git applies it to the top only."""
    negated, bare = pattern.startswith("!"), pattern.removeprefix("!")
    return ("!" if negated else "") + (f"**/{bare}" if "/" in bare.strip("/") and bare[0] != "/" else bare)
