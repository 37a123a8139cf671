"""The process that runs tested programs: started as a script, it forks once for each program.

It reads programs from standard input (four bytes of length, then UTF-8) and writes one byte for each to standard
output: `p` passed, `f` failed, `t` too slow. A program passed if it ran to its end without an exception, so
`sys.exit(0)` half-way is a failure.

A program has an empty folder of its own, no standard streams, no network, and limits on time, memory and file size. It
can start no process (nor a thread, where the system counts both alike) and change no file elsewhere. This guards
against a model's accidents, not against an attacker: running hostile code requires a virtual machine around it.

The process and the programs use only the standard library; it imports nothing of this package, so that a fork is cheap.
"""

import ctypes
import importlib
import math
import os
import random
import resource
import select
import shutil
import signal
import stat
import struct
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final, NoReturn

_PRELOADED: Final = ("bisect", "cmath", "collections", "copy", "datetime", "decimal", "fractions", "functools",
                     "hashlib", "heapq", "itertools", "json", "math", "operator", "random", "re", "statistics",
                     "string", "textwrap", "typing")  # fmt: skip
"""Modules that the benchmarks' programs import, preloaded for every fork."""

_NEW_NETWORK: Final = 0x40000000
"""CLONE_NEWNET of `unshare(2)`."""

_NOBODY: Final = 65534
_FILE_BYTES: Final = 1 << 20
_OPEN_FILES: Final = 64

_REFUSED: Final = ("ctypes.", "os.exec", "os.fork", "os.kill", "os.posix_spawn", "os.spawn", "os.system", "pty.spawn",
                   "socket.bind", "socket.connect", "socket.get", "socket.send", "subprocess.")  # fmt: skip
"""Prefixes of the audit events that no program may cause."""

_CHANGES: Final = ("os.chflags", "os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir",
                   "os.symlink", "os.truncate", "os.utime", "shutil.")  # fmt: skip
"""Prefixes of the audit events whose paths must lie in the program's folder."""

_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def serve(seconds: float, memory_mb: int) -> None:
    """Serve programs until standard input ends."""
    _leave_network()
    for name in _PRELOADED:
        importlib.import_module(name)
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while (program := _read(requests)) is not None:
        answers.write(_run(program, seconds, memory_mb))
        answers.flush()


def _read(requests: BinaryIO) -> str | None:
    header = requests.read(4)
    if len(header) < 4:
        return None
    (length,) = struct.unpack("!I", header)
    return requests.read(length).decode("utf-8", "surrogatepass")


def _leave_network() -> None:
    """Leave the network where the system allows it; elsewhere only the audit hook blocks the network."""
    unshare = getattr(ctypes.CDLL(None), "unshare", None)
    if unshare is not None:
        unshare(_NEW_NETWORK)


def _run(program: str, seconds: float, memory_mb: int) -> bytes:
    folder = tempfile.mkdtemp(prefix="infill-program-")
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        _execute(program, folder, tell, seconds, memory_mb)
    os.close(tell)
    try:
        ready, _, _ = select.select([told], [], [], seconds)
        return (os.read(told, 1) or b"f") if ready else b"t"
    finally:
        os.close(told)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        shutil.rmtree(folder, ignore_errors=True)


def _execute(program: str, folder: str, tell: int, seconds: float, memory_mb: int) -> NoReturn:
    """Run the program in this process and end the process; `tell` gets a byte if the program reached its end."""
    try:
        _confine(folder, seconds, memory_mb)
        tell = _keep_only(tell)
        sys.addaudithook(_guard(folder))
    except BaseException:
        traceback.print_exc()
        os._exit(2)
    try:
        exec(compile(program, "program.py", "exec"), {"__name__": "__main__"})  # noqa: S102 - this is its purpose.
    except BaseException:
        os._exit(1)
    os.write(tell, b"p")
    os._exit(0)


def _confine(folder: str, seconds: float, memory_mb: int) -> None:
    os.setsid()
    os.chdir(folder)
    random.seed(0)
    # A second after the server's own deadline, so that no program outlives a killed server.
    signal.alarm(math.ceil(seconds) + 1)
    _limit(resource.RLIMIT_CPU, math.ceil(seconds) + 1)
    _limit(resource.RLIMIT_AS, memory_mb << 20)
    _limit(resource.RLIMIT_FSIZE, _FILE_BYTES)
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NPROC, 0)
    if os.geteuid() == 0 and _is_open_to_all(Path(os.__file__)):
        os.chown(folder, _NOBODY, _NOBODY)
        os.setgroups([])
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    try:
        resource.setrlimit(kind, (value, value))
    except (OSError, ValueError):
        pass  # macOS refuses some of these limits; the deadline still holds.


def _is_open_to_all(library: Path) -> bool:
    """Report whether other users can import the standard library, which may lie in a user's home folder."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in library.resolve().parents)


def _keep_only(tell: int) -> int:
    """Close every file but one, point the standard streams at the null device, and return the file's new number."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(null, stream)
    kept = os.dup2(tell, 3) if tell != 3 else tell
    os.closerange(kept + 1, 256)
    return kept


def _guard(folder: str) -> Callable[[str, tuple[object, ...]], None]:
    """Return an audit hook that blocks access beyond the program and its folder."""
    home = os.path.realpath(folder) + os.sep

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event.startswith(_REFUSED):
            raise PermissionError(f"{event} is refused")
        changed = arguments if event.startswith(_CHANGES) else ()
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING:
            changed = arguments[:1]
        for path in changed:
            if isinstance(path, str | bytes | os.PathLike) and not _is_inside(os.fsdecode(path), home):
                raise PermissionError(f"{event} of {path!r} is refused")

    return hook


def _is_inside(path: str, home: str) -> bool:
    return path == os.devnull or os.path.realpath(path).startswith(home)


if __name__ == "__main__":
    serve(float(sys.argv[1]), int(sys.argv[2]))
