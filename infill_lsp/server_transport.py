"""How messages come in and go out: standard input and output, TCP, or WebSocket.

Each connection has a server of its own, with an engine of its own; it ends with its stream or with `exit`, on standard
input also with the process that started this one, and its engine ends with it. Nothing else that comes in ends it. It
knows nothing of what messages mean.
"""

import asyncio
import json
import logging
import os
import re
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from infill_lsp.framing import Broken, Frames
from infill_lsp.server_editor import InfillServer
from infill_lsp.stdio import claim_stdio

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection

_CHUNK: Final = 65536

_PARENT_CHECK: Final = 1.0
"""Seconds between two looks whether the process that started this one is still there."""

_LOCAL_PAGES: Final = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?")
"""Pages in a browser that may connect; any other page would be let in by the user's own browser."""

_log: Final = logging.getLogger(__name__)

# What pygls notes of each odd message would go to standard error, and a client that never reads that would stop us.
logging.getLogger("pygls").setLevel(logging.CRITICAL)

MakeServer = Callable[[], InfillServer]


def serve_stdio(make: MakeServer) -> int:
    """Serve the one client on standard input and output.

    Returns:
        The exit status: 0 if the client asked to shut down before it left, else 1.
    """
    stdin, stdout = claim_stdio()
    return asyncio.run(_stdio(make(), stdin, stdout))


def serve_tcp(make: MakeServer, host: str, port: int) -> int:
    """Serve any number of clients that connect to a port, until the process is told to end."""
    asyncio.run(_tcp(make, host, port))
    return 0


def serve_websocket(make: MakeServer, host: str, port: int) -> int:
    """Serve any number of clients over WebSocket, one message a frame, until the process is told to end."""
    asyncio.run(_websocket(make, host, port))
    return 0


class _Pipe:
    """Writes to a pipe, as pygls wants it; a reader that is gone is noticed by who reads from it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, data: bytes) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(data)
            self._stream.flush()

    def close(self) -> None:
        """Nothing: the process ends soon, and then it is closed."""


class _Socket:
    """Writes to a socket; what a client does not fetch waits in memory, for nobody can wait for it."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    def write(self, data: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(data)

    def close(self) -> None:
        self._writer.close()


class _Frames:
    """Writes WebSocket frames, in the order in which they were given."""

    def __init__(self, connection: "ServerConnection") -> None:
        self._connection = connection
        self._waiting: asyncio.Queue[str] = asyncio.Queue()

    def write(self, data: bytes) -> None:
        self._waiting.put_nowait(data.decode())

    def close(self) -> None:
        """Nothing: the connection is closed by who accepted it."""

    async def send_all(self) -> None:
        while True:
            await self._connection.send(await self._waiting.get())


async def _stdio(server: InfillServer, stdin: BinaryIO, stdout: BinaryIO) -> int:
    server.protocol.set_writer(_Pipe(stdout))
    chunks: asyncio.Queue[bytes] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        data = b"-"
        while data:
            data = os.read(stdin.fileno(), _CHUNK)
            with suppress(RuntimeError):  # The loop has ended.
                loop.call_soon_threadsafe(chunks.put_nowait, data)

    # A thread of its own that nobody waits for: one of a pool would keep the process from ending.
    threading.Thread(target=read, daemon=True).start()

    async def received() -> AsyncIterator[bytes]:
        while data := await chunks.get():
            yield data

    await _serve(server, _bodies(received()), watch_parent=True)
    return 0 if server.protocol.was_shut_down else 1


async def _tcp(make: MakeServer, host: str, port: int) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def received() -> AsyncIterator[bytes]:
            with suppress(ConnectionError):
                while data := await reader.read(_CHUNK):
                    yield data

        server = make()
        server.protocol.set_writer(_Socket(writer))
        try:
            await _serve(server, _bodies(received()), watch_parent=False)
        finally:
            writer.close()

    listener = await asyncio.start_server(connected, host, port)
    async with listener:
        _say_where(listener.sockets)
        await _told_to_end()


async def _websocket(make: MakeServer, host: str, port: int) -> None:
    from websockets.asyncio.server import serve  # noqa: PLC0415  # only when asked for
    from websockets.exceptions import ConnectionClosed  # noqa: PLC0415

    async def connected(connection: "ServerConnection") -> None:
        async def received() -> AsyncIterator[bytes | Broken]:
            with suppress(ConnectionClosed):
                while True:
                    yield await connection.recv(decode=False)

        server, frames = make(), _Frames(connection)
        server.protocol.set_writer(frames, include_headers=False)
        sender = asyncio.create_task(frames.send_all())
        try:
            await _serve(server, received(), watch_parent=False)
        finally:
            sender.cancel()

    async with serve(connected, host, port, origins=[None, _LOCAL_PAGES], max_size=None) as listener:
        _say_where(listener.sockets)
        await _told_to_end()


async def _bodies(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes | Broken]:
    frames = Frames()
    async for chunk in chunks:
        for body in frames.feed(chunk):
            yield body


async def _serve(server: InfillServer, bodies: AsyncIterator[bytes | Broken], *, watch_parent: bool) -> None:
    """Serve a connection to its end, and end its engine."""
    ends = [asyncio.create_task(_take_all(server, bodies)), asyncio.create_task(server.protocol.left.wait())]
    if watch_parent:
        ends.append(asyncio.create_task(_parent_gone(server)))
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for end in ends:
            end.cancel()
        await asyncio.gather(*ends, return_exceptions=True)
        await server.close()


async def _take_all(server: InfillServer, bodies: AsyncIterator[bytes | Broken]) -> None:
    async for body in bodies:
        _take(server, body)
        await asyncio.sleep(0)  # Handlers go on between two messages, however many there are.


def _take(server: InfillServer, body: bytes | Broken) -> None:
    if isinstance(body, Broken):
        server.protocol.refuse_garbage(body.sentence)
        return
    try:
        message: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        server.protocol.refuse_garbage(f"This is not JSON: {error}")
        return
    try:
        server.protocol.handle_message(message)
    except Exception as error:  # A mistake of ours; the next message may fare better.
        _log.exception("a message could not be handled")
        server.report_server_error(error, type(error))


async def _parent_gone(server: InfillServer) -> None:
    """Wait for the end of the process that started this one, for its end of our pipe may be held by others."""
    while True:
        await asyncio.sleep(_PARENT_CHECK)
        if server.process_id and os.name == "posix" and not _runs(server.process_id):
            return


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _say_where(sockets: Iterable[Any]) -> None:
    for socket in sockets:
        host, port, *_ = socket.getsockname()
        print(f"infill-lsp listens on {host}:{port}", file=sys.stderr, flush=True)


async def _told_to_end() -> None:
    """Wait until a signal tells the process to end."""
    told = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows
            asyncio.get_running_loop().add_signal_handler(name, told.set)
    await told.wait()
