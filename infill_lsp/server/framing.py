r"""Messages from a stream of bytes, however it is split and whatever it contains: `Content-Length: N\r\n\r\n`, a body.

After bytes that are not a header, parsing resumes at the next header. Must not depend on JSON or pipes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

LARGEST: Final = 256 * 1024 * 1024
"""Bytes; a longer message is treated as an error."""

_LONGEST_HEADER: Final = 64 * 1024

_LENGTH: Final = re.compile(rb"Content-Length:[ \t]*(\d{1,18})[ \t]*(?:\r?\n|$)", re.IGNORECASE)
_WITHIN_A_FIELD: Final = re.compile(rb"[\w-]+:.*|[\w-]*-", re.DOTALL)
"""Text before a match on its line that shows it to be in a value or part of a longer name, not a field's name."""
_OTHER_FIELDS: Final = re.compile(rb"(?:[\w-]+:[^\r\n]*(?:\r?\n|$))*")
_END: Final = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class Broken:
    """Bytes that are not a message, and what is wrong with them."""

    sentence: str


class Frames:
    """A parser that takes bytes in chunks and yields the bodies of complete messages."""

    def __init__(self, largest: int = LARGEST) -> None:
        """Accept messages of at most `largest` bytes."""
        self.largest = largest
        self._bytes = bytearray()
        self._wanted: int | None = None  # Bytes of the body whose header has been read.

    def feed(self, data: bytes) -> Iterator[bytes | Broken]:
        """Add bytes, and yield the messages that are now complete."""
        self._bytes += data
        while True:
            if self._wanted is None:
                found = self._header()
                if found is None:
                    return
                if isinstance(found, Broken):
                    yield found
                    continue
                self._wanted = found
            if len(self._bytes) < self._wanted:
                return
            body = self._take(self._wanted)
            self._wanted = None
            yield body

    def _header(self) -> int | Broken | None:
        """Return the length that the next header gives; None if the header is still incomplete.

        Bytes in front of a header are dropped first, and the header is found on the next call.
        """
        end = _END.search(self._bytes)
        if end is None:
            if len(self._bytes) <= _LONGEST_HEADER:
                return None
            self._take(_LONGEST_HEADER // 2)
            return Broken("Bytes without a header were dropped.")
        fields = bytes(self._bytes[: end.start()])
        length = _length(fields)
        if length is None:
            self._take(end.end())
            return Broken("A header has no Content-Length, or one that is not a number; it was dropped.")
        if not _OTHER_FIELDS.fullmatch(fields[: length.start()]):
            self._take(length.start())
            return Broken("Bytes before a header were dropped; is a Content-Length too small?")
        self._take(end.end())
        if int(length[1]) > self.largest:
            return Broken(f"A message of {int(length[1])} bytes is too long; at most {self.largest} are read.")
        return int(length[1])

    def _take(self, count: int) -> bytes:
        with memoryview(self._bytes) as view:
            taken = bytes(view[:count])
        del self._bytes[:count]
        return taken


def _length(fields: bytes) -> re.Match[bytes] | None:
    """Find the field with the length of the body, ignoring the values of other fields."""
    for found in _LENGTH.finditer(fields):
        line = fields.rfind(b"\n", 0, found.start()) + 1
        if not _WITHIN_A_FIELD.fullmatch(fields, line, found.start()):
            return found  # At the start of a line, or after a body that was longer than its header said.
    return None
