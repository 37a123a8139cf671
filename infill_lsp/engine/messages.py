"""The messages between the server and an engine, and their encoding on a pipe or socket.

A message is a four-byte length, then JSON: `[name, fields]`. The same messages go to a local process and to a remote
engine. Must not depend on processes or models, and nothing on the wire is ever code.
"""

import asyncio
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, BinaryIO, Final, Literal

from infill_lsp.errors import MessageError
from infill_model.request import Fill, Frame, Info, Options, Request

EngineState = Literal["starting", "ready", "busy", "degraded"]
FailureKind = Literal["cancelled", "refused", "memory", "internal", "broken"]

LARGEST: Final = 64 * 1024 * 1024
"""Bytes; a longer message is treated as garbage. The largest real one is a 5 MB file with every character escaped."""

_LENGTH: Final = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Ask:
    """To the engine: fill these gaps. Of the requests of one `stream` (a document) only the newest is worth answering.

    It is answered by exactly one `Filled` or `Failed`, preceded by `Partial`s if `drafts` is set.
    """

    id: int
    stream: str
    request: Request
    options: Options
    drafts: bool = False


@dataclass(frozen=True, slots=True)
class Cancel:
    """To the engine: the answer is no longer wanted. The `Ask` is still answered, within one denoising step."""

    id: int


@dataclass(frozen=True, slots=True)
class Ping:
    """To the engine: send `text` back, to measure the way there and back."""

    id: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Pong:
    """From the engine: the text of a `Ping`. It is sent even while the engine fills."""

    id: int
    text: str


@dataclass(frozen=True, slots=True)
class Beat:
    """From the engine, each second: it is running."""


@dataclass(frozen=True, slots=True)
class Partial:
    """From the engine: the canvas after one step."""

    id: int
    frame: Frame


@dataclass(frozen=True, slots=True)
class Filled:
    """From the engine: the requested fills, best first."""

    id: int
    fills: tuple[Fill, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """From the engine: there is no fill, and why."""

    id: int
    kind: FailureKind
    sentence: str


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """From the engine: its state. `info` comes with the first `ready`; `reason` is a sentence if `degraded`."""

    state: EngineState
    reason: str = ""
    info: Info | None = None


Message = Ask | Cancel | Ping | Pong | Beat | Partial | Filled | Failed | EngineStatus

_TYPES: Final[dict[str, type[Message]]] = {
    kind.__name__.lower(): kind for kind in (Ask, Cancel, Ping, Pong, Beat, Partial, Filled, Failed, EngineStatus)
}


def encode(message: Message) -> bytes:
    """Return the message as it is sent, length included."""
    fields = _converters()[0](message)
    body = json.dumps([type(message).__name__.lower(), fields], separators=(",", ":")).encode("ascii")
    return _LENGTH.pack(len(body)) + body


def decode(body: bytes) -> Message:
    """Return the message with the encoded body `body`.

    Raises:
        MessageError: these bytes are not a message.
    """
    try:
        name, fields = json.loads(body)
        return _converters()[1](fields, _TYPES[name])
    except Exception as error:  # Any error that foreign bytes cause in the parser or the converter.
        raise MessageError(f"The engine and this program use different protocols: {error!r}") from error


def write(stream: BinaryIO, message: Message) -> None:
    """Write one message and flush it."""
    stream.write(encode(message))
    stream.flush()


def read(stream: BinaryIO) -> Message | None:
    """Wait for one message; return None when the other side has closed the stream, even in mid-message.

    Raises:
        MessageError: the bytes are not a message.
    """
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    length = _checked_length(head)
    body = stream.read(length)
    return decode(body) if len(body) == length else None


async def read_async(stream: asyncio.StreamReader) -> Message | None:
    """Read a message as `read` does, for asyncio."""
    try:
        length = _checked_length(await stream.readexactly(_LENGTH.size))
        return decode(await stream.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def _checked_length(head: bytes) -> int:
    length: int = _LENGTH.unpack(head)[0]
    if length > LARGEST:
        raise MessageError(f"The engine and this program use different protocols: a message of {length} bytes")
    return length


@cache
def _converters() -> tuple[Callable[[Message], Any], Callable[[Any, type[Message]], Message]]:
    """Return functions from dataclass to plain values and back. cattrs generates each type's code on its first use."""
    from cattrs import Converter  # noqa: PLC0415  # 40 ms that `--help` need not wait for

    converter = Converter(detailed_validation=False, unstruct_collection_overrides={tuple: list})
    return converter.unstructure, converter.structure
