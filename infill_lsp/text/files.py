"""Reads files with care, and replaces them so that nothing is ever lost.

Handles bytes and text. Must not depend on gaps, syntax or models.
"""

import errno
import os
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from infill_lsp.errors import SourceError
from infill_lsp.text.swap import put_in_place

LARGEST: Final = 5_000_000
"""Bytes; a larger file is not code that a person wrote."""

_BOM: Final = "\ufeff"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A text file as it was read.

    Attributes:
        path: its location.
        data: its bytes.
        text: its text without a byte order mark, line ends unchanged.
    """

    path: Path
    data: bytes
    text: str

    def write(self, text: str) -> None:
        """Replace the file's text with `text`; a byte order mark stays.

        Raises:
            SourceError: the file changed since it was read, or cannot be written; it is unchanged.
        """
        bom = _BOM if self.data.startswith(_BOM.encode()) else ""
        replace_file(self.path, (bom + text).encode(), expected=self.data)


def read_file(path: Path) -> SourceFile:
    """Read a text file.

    Raises:
        SourceError: the file is missing, not a regular file, too large, or not UTF-8 text.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise SourceError(f"{path}: is a folder, not a file")
        if not stat.S_ISREG(mode):
            raise SourceError(f"{path}: is not a regular file")
        with path.open("rb") as stream:
            data = _read_all(stream, str(path))
    except FileNotFoundError as error:
        raise SourceError(f"{path}: there is no such file") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise SourceError(f"{path}: cannot be read ({_reason(error)})") from error
    return SourceFile(path, data, decode(data, str(path)))


def read_stream(stream: BinaryIO, name: str) -> str:
    """Read all text of a stream.

    Raises:
        SourceError: the text is too large, or not UTF-8.
    """
    return decode(_read_all(stream, name), name)


def decode(data: bytes, name: str) -> str:
    """Decode UTF-8 bytes to text, without a byte order mark.

    Raises:
        SourceError: the bytes are not text.
    """
    if (at := data.find(b"\0")) >= 0:
        raise SourceError(f"{name}: is binary (byte {at} is NUL); only text can be filled")
    try:
        return data.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError as error:
        byte = data[error.start]
        raise SourceError(f"{name}: is not UTF-8 (byte {error.start} is 0x{byte:02x}); convert it first") from error


def check_writable(path: Path) -> None:
    """Check in advance whether `path` may be written; the write itself may still fail.

    Raises:
        SourceError: it may not be written.
    """
    target = path.resolve()
    if target.is_dir():
        raise SourceError(f"{path}: is a folder, not a file")
    if target.exists() and not target.is_file():
        raise SourceError(f"{path}: is not a regular file")
    if target.exists() and (names := target.stat().st_nlink) > 1:
        raise SourceError(f"{path}: has {names} names (hard links), and only one of them would be written")
    if not target.parent.is_dir():
        raise SourceError(f"{path}: there is no folder {path.parent}")
    if (target.exists() and not os.access(target, os.W_OK)) or not os.access(target.parent, os.W_OK):
        raise SourceError(f"{path}: no permission to write it")


def replace_file(path: Path, data: bytes, *, expected: bytes | None = None) -> None:
    """Give `path` the content `data` in one step: at every moment it holds all of the old or all of the new.

    A link stays a link, and a file keeps its mode, its extended attributes and, where allowed, its owner.

    Args:
        path: the file, which need not exist if `expected` is None.
        data: its new content.
        expected: the content that it must have now.

    Raises:
        SourceError: the file has other content or other names, or cannot be written; it is unchanged.
    """
    check_writable(path)
    target = path.resolve()
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".infill-")
        temporary = Path(name)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        _take_after(target, temporary)
        if expected is None:
            temporary.replace(target)
        elif not put_in_place(temporary, target, lambda it: it == expected):
            raise SourceError(f"{path}: was changed by someone else in the meantime; nothing was written")
        temporary = None
        _sync_folder(target.parent)
    except OSError as error:
        raise SourceError(f"{path}: cannot be written ({_reason(error)}); it is unchanged") from error
    finally:
        if temporary and data.startswith(temporary.read_bytes()):  # Never another writer's file, whatever went wrong.
            temporary.unlink()


def _read_all(stream: BinaryIO, name: str) -> bytes:
    data = stream.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise SourceError(f"{name}: is larger than {LARGEST // 10**6} MB, too large for handwritten code")
    return data


def _take_after(target: Path, temporary: Path) -> None:
    """Give a new file the owner, mode and extended attributes of the one it replaces, or the defaults of a new file.

    Raises:
        OSError: the old file's rights or attributes cannot be given to the new one.
    """
    if not target.exists():
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        return
    was = target.stat()
    with suppress(OSError, AttributeError):  # owners may not do that, or the system does not support it
        os.chown(temporary, was.st_uid, was.st_gid)
    _copy_attributes(target, temporary)
    temporary.chmod(stat.S_IMODE(was.st_mode))  # Last, because a change of owner removes its special bits.
    now, special = temporary.stat(), was.st_mode & (stat.S_ISUID | stat.S_ISGID)
    if special and (now.st_mode, now.st_uid, now.st_gid) != (was.st_mode, was.st_uid, was.st_gid):
        raise PermissionError(errno.EPERM, "its owner or its setuid and setgid bits cannot be kept")


def _copy_attributes(target: Path, temporary: Path) -> None:
    """Copy extended attributes, including access lists, if the system has them; existing ones stay."""
    if not hasattr(os, "listxattr"):
        return
    for name in _attributes(target):
        value = os.getxattr(target, name)
        if name in _attributes(temporary) and os.getxattr(temporary, name) == value:
            continue
        try:
            os.setxattr(temporary, name, value)
        except OSError as error:
            raise PermissionError(errno.EPERM, f"its extended attribute {name} cannot be kept") from error


def _attributes(path: Path) -> list[str]:
    try:
        return os.listxattr(path)
    except OSError:  # A file system without attributes.
        return []


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a power cut, if the system supports that."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _reason(error: OSError | ValueError) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()
