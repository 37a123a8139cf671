"""The C library's heap while a model is loaded: what is freed goes back to the system at once."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
"""glibc's `M_TRIM_THRESHOLD` and `M_MMAP_THRESHOLD`."""

_WHILE_LOADING: Final = 1 << 17
_AT_WORK: Final = {
    _TRIM_THRESHOLD: ("MALLOC_TRIM_THRESHOLD_", 1 << 28),
    _MMAP_THRESHOLD: ("MALLOC_MMAP_THRESHOLD_", 1 << 25),
}
"""The variables that the engine is started with, and what holds without them."""


@contextmanager
def given_back() -> Iterator[None]:
    """Return freed memory to the system in the block, where glibc is in use; afterwards it is kept for the next step.

    At work an engine reuses its freed memory, because fresh pages take time in every step. Packing a model leaves some
    hundred megabytes that no step would ever use.
    """
    library = ctypes.CDLL(None) if os.name == "posix" else None
    if library is None or not hasattr(library, "mallopt") or not hasattr(library, "malloc_trim"):
        yield
        return
    for parameter in _AT_WORK:
        library.mallopt(parameter, _WHILE_LOADING)
    try:
        yield
    finally:
        for parameter, (variable, otherwise) in _AT_WORK.items():
            value = os.environ.get(variable, "")
            library.mallopt(parameter, int(value) if value.isdecimal() else otherwise)
        library.malloc_trim(0)
