"""Reads the headers of safetensors files before any weights: which tensors, how large, and whether all are there.

Each file begins with a table of contents. A file shorter than its table says is an incomplete download.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infill_model.errors import WeightsError

_LENGTH: Final = 8
_LONGEST_TABLE: Final = 100_000_000


@dataclass(frozen=True, slots=True)
class Stored:
    """The contents of some files: how many numbers, in how many bytes."""

    numbers: int
    bytes: int


def stored_in(files: Iterable[Path]) -> Stored:
    """Return the total contents of the files of one checkpoint.

    Raises:
        WeightsError: one of them is truncated or damaged.
    """
    parts = [_in(it) for it in files]
    return Stored(sum(it.numbers for it in parts), sum(it.bytes for it in parts))


def _in(path: Path) -> Stored:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(_LENGTH), "little")
            if length > _LONGEST_TABLE:
                raise WeightsError(f"{path}: the file is damaged, or not in safetensors; download it again")
            table = file.read(length)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from error
    if size < _LENGTH or len(table) < length:
        raise WeightsError(f"{path}: the file is incomplete, not even its header is complete; {_AGAIN}")
    try:
        entries = [it for name, it in json.loads(table).items() if name != "__metadata__"]
        last = max((it["data_offsets"][1] for it in entries), default=0)
        numbers = sum(math.prod(it["shape"]) for it in entries)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise WeightsError(f"{path}: the file is damaged or incomplete ({error!r}); download it again") from error
    there = size - _LENGTH - length
    if there < last:
        share = f"{there / 1e9:.2f} of {last / 1e9:.2f} GB" if last > 1e8 else f"{there} of {last} bytes"
        raise WeightsError(f"{path}: the file is incomplete, {share} of its weights are there; {_AGAIN}")
    return Stored(numbers, last)


_AGAIN: Final = "the download was interrupted; start it again and it will resume"
