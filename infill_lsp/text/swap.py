"""Replaces one file with another in one step, and checks the old content afterwards, so that no write is lost.

Between checking a file and replacing it, another process may write it. On systems that can exchange two names, the
replaced file is checked when nobody can reach it by its name any more, and put back if its content is wrong.
"""

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2
_UNABLE: Final = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)
"""Errors of a kernel or file system that cannot exchange names."""


def put_in_place(new: Path, target: Path, is_right: Callable[[bytes], bool]) -> bool:
    """Give `target` the content of `new`, if its own content is right at that moment.

    Args:
        new: a file in the same folder as `target`, which is gone once put in place.
        target: a file.
        is_right: whether `target` may be replaced if it has this content.

    Returns:
        Whether it was replaced; otherwise `target` and `new` have their old content.

    Raises:
        OSError: it cannot be replaced; `target` has its old content.
    """
    if not is_right(target.read_bytes()):
        return False
    if not exchange(new, target):
        new.replace(target)
        return True
    right = False
    try:
        right = is_right(new.read_bytes())
    finally:
        if not right:
            _put_back(new, target)
    if right:
        new.unlink()
    return right


def _put_back(new: Path, target: Path) -> None:
    try:
        exchange(new, target)
    except OSError as error:
        raise OSError(error.errno, f"what someone else wrote in the meantime is in {new}") from error


def exchange(one: Path, other: Path) -> bool:
    """Exchange the names of two files in one step; return False if that is not possible here.

    Raises:
        OSError: one of them is missing, or may not be renamed.
    """
    if sys.platform != "linux":
        return False
    import ctypes  # noqa: PLC0415  # Nobody who starts a server need wait for it.

    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:  # An older library.
        return False
    names = os.fsencode(one), os.fsencode(other)
    if rename(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0:
        return True
    if (number := ctypes.get_errno()) in _UNABLE:
        return False
    raise OSError(number, os.strerror(number), str(other))
