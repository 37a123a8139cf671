"""Puts one file in the place of another in one step, and looks at what was there after that: so no writer is lost.

Between looking at a file and replacing it somebody else may write it. Where a system can exchange two names, what was
replaced is looked at when nobody can reach it by its name any more, and put back if it is not what it should be.
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
"""What a kernel or file system says that cannot exchange names."""


def put_in_place(new: Path, target: Path, is_right: Callable[[bytes], bool]) -> bool:
    """Give `target` the content of `new`, if what it holds is right at that moment.

    Args:
        new: a file beside `target`, of which nothing is left where it is put in place.
        target: a file.
        is_right: whether `target` may be replaced where it holds this.

    Returns:
        Whether it was; otherwise `target` holds what it held, and `new` is as it was.

    Raises:
        OSError: it cannot be; `target` holds what it held.
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
        raise OSError(error.errno, f"what someone else wrote meanwhile is in {new}") from error


def exchange(one: Path, other: Path) -> bool:
    """Exchange the names of two files in one step; false where that cannot be done here.

    Raises:
        OSError: one of them is not there, or may not be renamed.
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
