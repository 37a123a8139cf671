"""Transports of messages: standard input and output, TCP, or WebSocket.

Each connection has its own server and its own engine. It ends with its stream or with `exit`, on standard input also
with the process that started this one, and its engine ends with it. No other input ends it. A client of a socket is
served once `access` has admitted it.
"""

import asyncio
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, BinaryIO, Final
from urllib.parse import quote

from infill_lsp.engine.stdio import claim_stdio
from infill_lsp.server.access import FIRST_WITHIN, LARGEST_FIRST, Access, Refused
from infill_lsp.server.client import InfillServer
from infill_lsp.server.framing import LARGEST, Broken, Frames

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request, Response

_CHUNK: Final = 65536

_PARENT_CHECK: Final = 1.0
"""Seconds between two checks that the process that started this one still runs."""

_LAST_WORDS: Final = (0.1, 0.2, 0.2)
"""Seconds that connections have to end by themselves, then after being told once, then after being told again."""

_REFUSED: Final = -32600
"""JSON-RPC's code for an invalid request."""

_log: Final = logging.getLogger(__name__)

# pygls would log each odd message to standard error, and a client that never reads it would block the server.
logging.getLogger("pygls").setLevel(logging.CRITICAL)

MakeServer = Callable[[], InfillServer]


def serve_stdio(make: MakeServer) -> int:
    """Serve the one client on standard input and output.

    Returns:
        The exit status: 0 if the client asked to shut down before it left, else 1.
    """
    stdin, stdout = claim_stdio()
    return asyncio.run(_stdio(make(), stdin, stdout))


def serve_tcp(make: MakeServer, host: str, port: int, access: Access) -> int:
    """Serve any number of clients that connect to a port, until the process is told to end."""
    asyncio.run(_tcp(make, host, port, access))
    return 0


def serve_websocket(make: MakeServer, host: str, port: int, access: Access) -> int:
    """Serve any number of clients over WebSocket, one message per frame, until the process is told to end."""
    asyncio.run(_websocket(make, host, port, access))
    return 0


class _Pipe:
    """A writer to a pipe, as pygls needs it; that the client is gone is noticed where its messages are read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, data: bytes) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(data)
            self._stream.flush()

    def close(self) -> None:
        """Do nothing: the process ends soon, which closes the pipe."""


class _Socket:
    """A writer to a socket; data that a client does not fetch stays in memory, because no caller can wait for it."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    def write(self, data: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(data)

    def close(self) -> None:
        self._writer.close()


class _Frames:
    """A writer of WebSocket frames, in the order in which they were given."""

    def __init__(self, connection: "ServerConnection") -> None:
        self._connection = connection
        self._waiting: asyncio.Queue[str] = asyncio.Queue()

    def write(self, data: bytes) -> None:
        self._waiting.put_nowait(data.decode())

    def close(self) -> None:
        """Do nothing: the code that accepted the connection closes it."""

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

    # A thread that nothing waits for: one from a pool would keep the process from ending.
    threading.Thread(target=read, daemon=True).start()

    async def received() -> AsyncIterator[bytes]:
        while data := await chunks.get():
            yield data

    await _serve(server, _bodies(received(), Frames()), watch_parent=True)
    return 0 if server.protocol.was_shut_down else 1


async def _tcp(make: MakeServer, host: str, port: int, access: Access) -> None:
    serving: set[asyncio.Task[Any]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def received() -> AsyncIterator[bytes]:
            with suppress(ConnectionError):
                while data := await reader.read(_CHUNK):
                    yield data

        with _among(serving):
            try:
                await _serve_if_admitted(make, received(), _Socket(writer), access)
            finally:
                writer.close()

    listener = await asyncio.start_server(connected, host, port)
    hint = f'; clients need "token": "{access.token}" in their initializationOptions' if access.token else ""
    for address in _addresses(listener.sockets):
        _say(f"{address}{hint}")
    await _told_to_end()
    listener.close()
    await _end(serving)


async def _serve_if_admitted(make: MakeServer, chunks: AsyncIterator[bytes], socket: _Socket, access: Access) -> None:
    """Serve a client whose first message is admitted; bytes of another protocol, such as a browser's, get no answer."""
    frames = Frames(LARGEST_FIRST)
    bodies = _bodies(chunks, frames)
    try:
        async with asyncio.timeout(FIRST_WITHIN):
            first = access.first(await anext(bodies, None))
    except TimeoutError:
        return
    if isinstance(first, Refused):
        if first.sentence:
            error = {"code": _REFUSED, "message": first.sentence}
            answer = json.dumps({"jsonrpc": "2.0", "id": first.id, "error": error}).encode()
            socket.write(b"Content-Length: %d\r\n\r\n%s" % (len(answer), answer))
        return
    frames.largest = LARGEST
    server = make()
    server.protocol.set_writer(socket)
    await _serve(server, _after(first, bodies), watch_parent=False)


async def _after(first: bytes, others: AsyncIterator[bytes | Broken]) -> AsyncIterator[bytes | Broken]:
    yield first
    async for body in others:
        yield body


async def _websocket(make: MakeServer, host: str, port: int, access: Access) -> None:
    from websockets.asyncio.server import serve  # noqa: PLC0415  # needed only with --ws
    from websockets.exceptions import ConnectionClosed  # noqa: PLC0415
    from websockets.typing import Origin  # noqa: PLC0415

    serving: set[asyncio.Task[Any]] = set()

    def admit(connection: "ServerConnection", request: "Request") -> "Response | None":
        if access.admits_request(request.path, request.headers.get("Authorization")):
            return None
        return connection.respond(HTTPStatus.UNAUTHORIZED, "The address lacks the token that was printed.\n")

    async def connected(connection: "ServerConnection") -> None:
        async def received() -> AsyncIterator[bytes | Broken]:
            with suppress(ConnectionClosed):
                while True:
                    yield await connection.recv(decode=False)

        server, frames = make(), _Frames(connection)
        server.protocol.set_writer(frames, include_headers=False)
        sender = asyncio.create_task(frames.send_all())
        with _among(serving):
            try:
                await _serve(server, received(), watch_parent=False)
            finally:
                sender.cancel()

    origins = [None, *map(Origin, access.origins)]
    listener = await serve(connected, host, port, origins=origins, process_request=admit, max_size=None)
    for address in _addresses(listener.sockets):
        _say(f"ws://{address}/?token={quote(access.token)}" if access.token else f"ws://{address}")
    await _told_to_end()
    listener.close()  # It tells the clients, and does not wait for those that do not answer.
    await _end(serving)


@contextmanager
def _among(tasks: set[asyncio.Task[Any]]) -> Iterator[None]:
    """Add the running task to a set while the context lasts."""
    running = {task} if (task := asyncio.current_task()) else set()
    tasks |= running
    try:
        yield
    finally:
        tasks -= running


async def _end(tasks: set[asyncio.Task[Any]]) -> None:
    """Wait for connections to end, within a second; one told twice ends without waiting for its engine."""
    for patience in _LAST_WORDS:
        if not tasks:
            return
        _, pending = await asyncio.wait(set(tasks), timeout=patience)
        for task in pending:
            task.cancel()


async def _bodies(chunks: AsyncIterator[bytes], frames: Frames) -> AsyncIterator[bytes | Broken]:
    async for chunk in chunks:
        for body in frames.feed(chunk):
            yield body


async def _serve(server: InfillServer, bodies: AsyncIterator[bytes | Broken], *, watch_parent: bool) -> None:
    """Serve a connection until it ends, then end its engine."""
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
        await asyncio.sleep(0)  # Lets handlers run between two messages, however many there are.


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
    except Exception as error:  # An internal error; the next message may succeed.
        _log.exception("a message could not be handled")
        server.report_server_error(error, type(error))


async def _parent_gone(server: InfillServer) -> None:
    """Wait for the end of the process that started this one, because others may hold its end of the pipe open."""
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


def _addresses(sockets: Iterable[Any]) -> Iterator[str]:
    for socket in sockets:
        host, port, *_ = socket.getsockname()
        yield f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _say(where: str) -> None:
    print(f"infill-lsp listens on {where}", file=sys.stderr, flush=True)


async def _told_to_end() -> None:
    """Wait until a signal tells the process to end."""
    told = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows
            asyncio.get_running_loop().add_signal_handler(name, told.set)
    await told.wait()
