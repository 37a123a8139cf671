"""Keeps two processes from working on the same model at once; a process that dies releases its lock automatically."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infill_lsp.models.download import DownloadError

if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder while the context lasts.

    Raises:
        DownloadError: another process holds the folder, or it cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("a")
    except OSError as error:
        raise DownloadError(f"{folder}: cannot be written to ({error.strerror})") from error
    with file:
        try:
            _take(file.fileno())
        except OSError as error:
            raise DownloadError(
                f"another process is already working on {folder.name}; wait until it is done"
            ) from error
        yield
