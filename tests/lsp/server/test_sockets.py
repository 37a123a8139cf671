"""TCP and WebSocket: several clients, one after another and at once, each with a server of its own."""

import asyncio
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from pace import slowness
from raw_client import ENVIRONMENT, PATIENCE, fake
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from infill_lsp.server import transport as server_transport
from infill_lsp.server.access import Access

Message = dict[str, Any]
Process = subprocess.Popen[bytes]


@contextmanager
def serving(*transport: str, engine: tuple[str, ...] = (), **variables: str) -> Iterator[tuple[Process, str]]:
    """Start a listening server, and yield it with the message that states its address."""
    environment = ENVIRONMENT | variables
    command = fake(*engine, transport=transport)
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment) as process:
        try:
            assert process.stderr
            words = process.stderr.readline().decode()
            assert words.startswith("infill-lsp listens on "), words
            yield process, words.removeprefix("infill-lsp listens on ").strip()
        finally:
            process.kill()


def port_of(words: str) -> int:
    found = re.search(r"127\.0\.0\.1:(\d+)", words)
    assert found, words
    return int(found[1])


def token_of(words: str) -> str | None:
    found = re.search(r'"token": "([^"]+)"', words) or re.search(r"token=(\S+)", words)
    return found[1] if found else None


MINE = {"INFILL_LSP_TOKEN": "mine"}


def initialize(token: str | None = None, **options: object) -> Message:
    given = options | ({"token": token} if token else {})
    params = {"processId": 1, "rootUri": None, "capabilities": {}, "initializationOptions": given}
    return {"id": 1, "method": "initialize", "params": params}


def messages(text: str, token: str | None = None) -> list[Message]:
    item = {"uri": "file:///a.py", "languageId": "python", "version": 1, "text": text}
    position = {"textDocument": {"uri": "file:///a.py"}, "position": {"line": 1, "character": 4}}
    inline = position | {"context": {"triggerKind": 2}}
    return [
        initialize(token),
        {"method": "initialized", "params": {}},
        {"method": "textDocument/didOpen", "params": {"textDocument": item}},
        {"id": 2, "method": "textDocument/inlineCompletion", "params": inline},
    ]


class Tcp:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, message: Message) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    async def receive(self) -> Message:
        head = await self.reader.readuntil(b"\r\n\r\n")
        found = re.search(rb"Content-Length: (\d+)", head)
        assert found
        message: Message = json.loads(await self.reader.readexactly(int(found[1])))
        return message


async def filled(client: Any, text: str, token: str | None = None) -> str:
    """Return the suggestion that one client receives, once its engine is ready."""
    first, *others, ask = messages(text, token)
    await client.send(first)
    for message in others:
        await client.send(message)
    while (await client.receive()).get("params", {}).get("state") != "ready":
        pass
    await client.send(ask)
    while (message := await client.receive()).get("id") != 2:
        pass
    return str(message["result"]["items"][0]["insertText"])


def test_clients_over_tcp_at_once_and_after_one_another() -> None:
    async def client(words: str, text: str) -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(words))
        try:
            return await filled(Tcp(reader, writer), f"# fill {text}\nx = ", token_of(words))
        finally:
            writer.close()

    async def all_of_them(words: str) -> list[str]:
        return [*await asyncio.gather(client(words, "one"), client(words, "two")), await client(words, "three")]

    with serving("--tcp", ":0") as (process, words):
        assert asyncio.run(asyncio.wait_for(all_of_them(words), PATIENCE)) == ["one", "two", "three"]
        _, alive = psutil.wait_procs(psutil.Process(process.pid).children(), PATIENCE)
        assert not alive, "the engine of a client that has gone goes too"
        process.terminate()
        assert process.wait(PATIENCE) == 0


def sent(port: int, data: bytes) -> bytes:
    """Return everything the server answers to some bytes until it closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(data)
        answer = b""
        with suppress(ConnectionResetError):  # The server had not read all of it.
            while piece := connection.recv(65536):
                answer += piece
        return answer


def framed(*messages: Message) -> bytes:
    bodies = [json.dumps({"jsonrpc": "2.0", **it}).encode() for it in messages]
    return b"".join(b"Content-Length: %d\r\n\r\n%s" % (len(it), it) for it in bodies)


@pytest.mark.parametrize("token", [None, "wrong", "", "é", 5, ["x"]])
def test_tcp_serves_nobody_without_the_token(token: object) -> None:
    with serving("--tcp", ":0") as (process, words):
        first = initialize()
        first["params"]["initializationOptions"] = {"token": token}
        answer = sent(port_of(words), framed(first, {"method": "initialized", "params": {}}))
        assert answer.count(b"jsonrpc") == 1
        assert b"that was printed at the start" in answer
        assert psutil.Process(process.pid).children() == [], "an engine was started for a stranger"


def test_the_token_is_another_each_time_or_the_users_own_and_can_be_done_without() -> None:
    with serving("--tcp", ":0") as (_, first), serving("--tcp", ":0") as (_, second):
        assert len(token_of(first) or "") >= 32
        assert token_of(first) != token_of(second)
    with serving("--tcp", ":0", **MINE) as (_, words):
        assert token_of(words) == "mine"
    with serving("--tcp", ":0", "--no-token") as (_, words):
        assert token_of(words) is None
        answer = sent(port_of(words), framed(initialize(), {"id": 2, "method": "shutdown"}, {"method": "exit"}))
        assert b'"capabilities"' in answer
        assert b"no setting" not in answer


@pytest.mark.parametrize("flags", [(), ("--no-token",)])
@pytest.mark.parametrize(
    "head",
    [
        "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
        "POST / HTTP/1.1\r\nReferer: http://a.host.org/?Content-Length:{}\r\n\r\n",
        "Referer: http://a.host.org/?Content-Length:{}\r\n\r\n",
        "GET /?Content-Length:{}\r\n\r\n",
        "hello Content-Length: {}\r\n\r\n",
        "Content-Length: 99999999\r\n\r\n",
    ],
)
def test_tcp_drops_what_begins_as_a_request_of_a_browser(head: str, flags: tuple[str, ...]) -> None:
    with serving("--tcp", ":0", *flags, **MINE) as (process, words):
        body = json.dumps({"jsonrpc": "2.0", **initialize("mine")})
        answer = sent(port_of(words), (head.format(len(body)) + body).encode() + framed(initialize("mine")))
        assert answer == b""
        assert psutil.Process(process.pid).children() == []


class WebSocket:
    def __init__(self, connection: Any) -> None:
        self.connection = connection

    async def send(self, message: Message) -> None:
        await self.connection.send(json.dumps({"jsonrpc": "2.0", **message}))

    async def receive(self) -> Message:
        message: Message = json.loads(await self.connection.recv())
        return message


def test_tcp_waits_only_so_long_for_the_first_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_transport, "FIRST_WITHIN", 0.1)

    async def closed() -> bytes:
        making = pytest.fail
        listening = asyncio.ensure_future(server_transport._tcp(making, "127.0.0.1", port, Access(None)))
        while not listening.done():
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                break
            except OSError:
                await asyncio.sleep(0)
        writer.write(b"Content-Length: 5\r\n")
        try:
            return await asyncio.wait_for(reader.read(), PATIENCE)
        finally:
            writer.close()
            listening.cancel()
            await asyncio.wait({listening})

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert asyncio.run(closed()) == b""


PAGE = "http://localhost:8888"


def test_a_client_over_websocket() -> None:
    async def session(address: str) -> str:
        async with connect(address) as connection:
            await connection.send("{no JSON")
            client = WebSocket(connection)
            assert (await client.receive())["error"]["code"] == -32700
            return await filled(client, "# fill aha\nx = ")

    with serving("--ws", "127.0.0.1:0") as (_, address):
        assert address.startswith("ws://127.0.0.1:")
        assert asyncio.run(asyncio.wait_for(session(address), PATIENCE)) == "aha"


async def status_of(address: str, **how: Any) -> int:
    """Return 101 if a client is admitted, else the status of the refusal."""
    try:
        async with connect(address, **how):
            return 101
    except InvalidStatus as error:
        return error.response.status_code


def test_a_websocket_needs_the_token() -> None:
    async def attempts(address: str) -> list[int]:
        bare, _, token = address.partition("?token=")
        heads = [{"Authorization": it} for it in (f"Bearer {token}", "Bearer wrong", token)]
        by_address = [await status_of(it) for it in (address, bare, f"{bare}?token=", f"{bare}?token={token}x")]
        return by_address + [await status_of(bare, additional_headers=it) for it in heads]

    with serving("--ws", ":0") as (_, address):
        assert asyncio.run(attempts(address)) == [101, 401, 401, 401, 101, 401, 401]
    with serving("--ws", ":0", "--no-token") as (_, address):
        assert asyncio.run(status_of(address)) == 101


def test_a_page_connects_only_where_it_is_allowed_by_name() -> None:
    async def attempts(address: str) -> list[int]:
        own = "http://" + address.removeprefix("ws://").partition("/")[0]
        pages = (PAGE, "http://localhost:8889", own, "https://example.com", "null")
        return [await status_of(address, origin=it) for it in pages]

    with serving("--ws", ":0") as (_, address):
        assert asyncio.run(attempts(address)) == [403] * 5
    with serving("--ws", ":0", "--allow-origin", PAGE) as (_, address):
        assert asyncio.run(attempts(address)) == [101, 403, 403, 403, 403]
        bare = address.partition("?")[0]
        assert asyncio.run(status_of(bare, origin=PAGE)) == 401, "its name alone is not enough"


@pytest.mark.parametrize("transport", ["--tcp", "--ws"])
def test_over_a_socket_no_command_runs_and_nobody_is_asked(tmp_path: Path, transport: str) -> None:
    trap, state = tmp_path / "ran", tmp_path / "state"
    command = [sys.executable, "-c", f"open({str(trap)!r}, 'w')"]
    endpoint = {"url": "http://127.0.0.1:9", "keyCommand": command, "keyEnvironment": "FILL_KEY"}
    options = {"model": "endpoint", "endpoint": endpoint}

    async def session(words: str) -> str:
        if transport == "--ws":
            async with connect(words) as connection:
                return await talk(WebSocket(connection), None)
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(words))
        try:
            return await talk(Tcp(reader, writer), token_of(words))
        finally:
            writer.close()

    async def talk(client: Any, token: str | None) -> str:
        seen = []
        await client.send(initialize(token, **options))
        await client.send({"method": "initialized", "params": {}})
        await client.send({"method": "workspace/didChangeConfiguration", "params": {"settings": {"infill": options}}})
        while (message := await client.receive()).get("params", {}).get("state") not in ("ready", "degraded"):
            seen.append(message)
            if message.get("method") == "window/showMessageRequest":
                await client.send({"id": message["id"], "result": {"title": "Allow"}})
        await client.send({"id": 9, "method": "shutdown", "params": None})
        while message.get("id") != 9:
            seen.append(message)
            message = await client.receive()
        return repr(seen)

    with serving(transport, ":0", XDG_STATE_HOME=str(state), FILL_KEY="k3y") as (_, words):
        told = asyncio.run(asyncio.wait_for(session(words), PATIENCE))
    assert "infill.endpoint.keyCommand is not accepted over a socket" in told
    assert "showMessageRequest" not in told
    assert "Nothing is sent to 127.0.0.1:9 until you allow it" in told
    assert not trap.exists()
    assert not state.exists()


@pytest.mark.parametrize("transport", ["--tcp", "--ws"])
def test_it_ends_within_a_second_of_sigterm_whatever_clients_and_engines_do(transport: str) -> None:
    async def connected(process: Process, words: str) -> float:
        """Connect a client whose engine is ready and a silent one; neither reads on when the server is to end."""
        port = port_of(words)
        silent = await asyncio.open_connection("127.0.0.1", port)
        if transport == "--ws":
            connection = await connect(words, close_timeout=0).__aenter__()
            await filled(WebSocket(connection), "# fill aha\nx = ")
            connection.transport.pause_reading()
        else:
            reader, other = await asyncio.open_connection("127.0.0.1", port)
            await filled(Tcp(reader, other), "# fill aha\nx = ", token_of(words))
        engines = psutil.Process(process.pid).children()
        assert engines
        for engine in engines:
            engine.suspend()  # It does not end by itself.
        start = time.monotonic()
        process.terminate()
        code = await asyncio.to_thread(process.wait, PATIENCE)
        took = time.monotonic() - start
        silent[1].close()
        assert code == 0, process.stderr and process.stderr.read()
        assert not psutil.wait_procs(engines, PATIENCE)[1]
        return took

    with serving(transport, ":0") as (process, words):
        assert asyncio.run(connected(process, words)) < 1.0 * slowness()


@pytest.mark.parametrize(
    "flags",
    [
        ("--tcp", "nowhere"),
        ("--tcp", ":99999"),
        ("--tcp", ":1", "--stdio"),
        (),
        ("--stdio", "--no-token"),
        ("--tcp", ":1", "--allow-origin", "http://localhost"),
    ],
)
def test_what_cannot_be_meant_is_refused(flags: tuple[str, ...]) -> None:
    done = subprocess.run(fake(transport=flags), capture_output=True, env=ENVIRONMENT, check=False)
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1


def test_a_port_that_is_taken_is_said_in_one_line() -> None:
    with serving("--tcp", ":0") as (_, words):
        port = port_of(words)
        flags = ("--tcp", f"localhost:{port}")
        done = subprocess.run(fake(transport=flags), capture_output=True, env=ENVIRONMENT, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"infill-lsp: cannot listen on localhost:{port}: ".encode())
    assert done.stderr.count(b"\n") == 1
