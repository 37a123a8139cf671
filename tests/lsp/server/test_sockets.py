"""TCP and WebSocket: several clients, one after another and at once, each with a server of its own."""

import asyncio
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import pytest
from raw_client import ENVIRONMENT, PATIENCE, fake
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

Message = dict[str, Any]


@contextmanager
def serving(*transport: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A server that listens, and the port that it says it listens on."""
    with subprocess.Popen(fake(transport=transport), stderr=subprocess.PIPE, env=ENVIRONMENT) as process:
        try:
            assert process.stderr
            words = process.stderr.readline().decode()
            found = re.fullmatch(r"infill-lsp listens on 127\.0\.0\.1:(\d+)\n", words)
            assert found, words
            yield process, int(found[1])
        finally:
            process.terminate()


def messages(text: str) -> list[Message]:
    item = {"uri": "file:///a.py", "languageId": "python", "version": 1, "text": text}
    position = {"textDocument": {"uri": "file:///a.py"}, "position": {"line": 1, "character": 4}}
    inline = position | {"context": {"triggerKind": 2}}
    return [
        {"id": 1, "method": "initialize", "params": {"processId": 1, "rootUri": None, "capabilities": {}}},
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


async def filled(client: Any, text: str) -> str:
    """What one client is given, once its engine is ready."""
    first, *others, ask = messages(text)
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
    async def client(port: int, text: str) -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            return await filled(Tcp(reader, writer), f"# fill {text}\nx = ")
        finally:
            writer.close()

    async def all_of_them(port: int) -> list[str]:
        return [*await asyncio.gather(client(port, "a"), client(port, "b")), await client(port, "c")]

    with serving("--tcp", ":0") as (process, port):
        assert asyncio.run(asyncio.wait_for(all_of_them(port), PATIENCE)) == ["a", "b", "c"]
        _, alive = psutil.wait_procs(psutil.Process(process.pid).children(), PATIENCE)
        assert not alive, "the engine of a client that has gone goes too"
        process.terminate()
        assert process.wait(PATIENCE) == 0


class WebSocket:
    def __init__(self, connection: Any) -> None:
        self.connection = connection

    async def send(self, message: Message) -> None:
        await self.connection.send(json.dumps({"jsonrpc": "2.0", **message}))

    async def receive(self) -> Message:
        message: Message = json.loads(await self.connection.recv())
        return message


def test_a_client_over_websocket_and_pages_from_elsewhere_are_kept_out() -> None:
    async def session(port: int) -> str:
        uri = f"ws://127.0.0.1:{port}"
        with pytest.raises(InvalidStatus, match="403"):
            await connect(uri, origin="https://example.com").__aenter__()
        async with connect(uri, origin=f"http://localhost:{port}") as connection:
            await connection.send("{no JSON")
            client = WebSocket(connection)
            assert (await client.receive())["error"]["code"] == -32700
            return await filled(client, "# fill a\nx = ")

    with serving("--ws", "127.0.0.1:0") as (_, port):
        assert asyncio.run(asyncio.wait_for(session(port), PATIENCE)) == "a"


@pytest.mark.parametrize("flags", [("--tcp", "nowhere"), ("--tcp", ":99999"), ("--tcp", ":1", "--stdio"), ()])
def test_what_cannot_be_meant_is_refused(flags: tuple[str, ...]) -> None:
    done = subprocess.run(fake(transport=flags), capture_output=True, env=ENVIRONMENT, check=False)
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1


def test_a_port_that_is_taken_is_said_in_one_line() -> None:
    with serving("--tcp", ":0") as (_, port):
        flags = ("--tcp", f"localhost:{port}")
        done = subprocess.run(fake(transport=flags), capture_output=True, env=ENVIRONMENT, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"infill-lsp: localhost:{port} cannot be listened on".encode())
    assert done.stderr.count(b"\n") == 1
