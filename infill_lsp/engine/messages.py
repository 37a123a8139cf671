"""What the server and an engine say to each other, and how it is written on a pipe or socket.

A message is four bytes with the length of what follows, then JSON: `[name, fields]`. The same messages go to a local
process and to a remote engine. This module knows neither processes nor models, and nothing on the wire is ever code.
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
"""Bytes; a longer message is taken for garbage. The largest real one is a 5 MB file with every character escaped."""

_LENGTH: Final = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Ask:
    """To the engine: fill these gaps. Of the requests of one `stream` (a document) only the newest is worth answering.

    It is answered by exactly one `Filled` or `Failed`, before which come `Partial`s if `drafts` is set.
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
    """From the engine: the text of a `Ping`. It comes even while the engine fills."""

    id: int
    text: str


@dataclass(frozen=True, slots=True)
class Beat:
    """From the engine, each second: it runs."""


@dataclass(frozen=True, slots=True)
class Partial:
    """From the engine: the canvas after one step."""

    id: int
    frame: Frame


@dataclass(frozen=True, slots=True)
class Filled:
    """From the engine: the fills asked for, best first."""

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
    """From the engine: how it is. `info` comes with the first `ready`; `reason` is a sentence when `degraded`."""

    state: EngineState
    reason: str = ""
    info: Info | None = None


Message = Ask | Cancel | Ping | Pong | Beat | Partial | Filled | Failed | EngineStatus

_TYPES: Final[dict[str, type[Message]]] = {
    kind.__name__.lower(): kind for kind in (Ask, Cancel, Ping, Pong, Beat, Partial, Filled, Failed, EngineStatus)
}


def encode(message: Message) -> bytes:
    """The message as it stands on the wire, length included."""
    fields = _converters()[0](message)
    body = json.dumps([type(message).__name__.lower(), fields], separators=(",", ":")).encode("ascii")
    return _LENGTH.pack(len(body)) + body


def decode(body: bytes) -> Message:
    """The message whose bytes after the length are `body`.

    Raises:
        MessageError: these bytes are not a message.
    """
    try:
        name, fields = json.loads(body)
        return _converters()[1](fields, _TYPES[name])
    except Exception as error:  # whatever a stranger's bytes bring about in the parser and the converter
        raise MessageError(f"The engine and this program do not speak the same language: {error!r}") from error


def write(stream: BinaryIO, message: Message) -> None:
    """Write one message and flush it."""
    stream.write(encode(message))
    stream.flush()


def read(stream: BinaryIO) -> Message | None:
    """Wait for one message; None when the other side has closed the stream, be it in mid-message.

    Raises:
        MessageError: what came is not a message.
    """
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    length = _checked_length(head)
    body = stream.read(length)
    return decode(body) if len(body) == length else None


async def read_async(stream: asyncio.StreamReader) -> Message | None:
    """`read` for asyncio."""
    try:
        length = _checked_length(await stream.readexactly(_LENGTH.size))
        return decode(await stream.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def _checked_length(head: bytes) -> int:
    length: int = _LENGTH.unpack(head)[0]
    if length > LARGEST:
        raise MessageError(f"The engine and this program do not speak the same language: a message of {length} bytes")
    return length


@cache
def _converters() -> tuple[Callable[[Message], Any], Callable[[Any, type[Message]], Message]]:
    """Dataclass to plain values and back. cattrs generates the code for each type on its first use."""
    from cattrs import Converter  # noqa: PLC0415  # 40 ms that `--help` need not wait for

    converter = Converter(detailed_validation=False, unstruct_collection_overrides={tuple: list})
    return converter.unstructure, converter.structure
