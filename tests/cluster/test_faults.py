"""What goes wrong in a team: killed processes, slow and silent clients, updates while people type."""

import asyncio
import socket
import subprocess
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from conftest import Server, wait_for
from test_apis import LONG

from infill_serve import tokens

router = pytest.importorskip("infill_serve.router", reason="needs Ray: make cluster")

LINE = {"prompt": "def area(width, height):\n    return width ", "suffix": "\n", "stop": ["\n"]}


def asks(server: Server, count: int, body: object, path: str = "/v1/completions") -> "list[httpx.Response | Exception]":
    """Send requests at once; return the answers, or the errors of the connections."""

    def one(_: int) -> "httpx.Response | Exception":
        try:
            return server.post(path, body)
        except httpx.HTTPError as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_slow_readers_and_one_who_never_reads_hold_nobody_up(server: Server) -> None:
    async def slow(number: int) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
        body = b'{"prompt": "x = ", "suffix": "\\n", "stream": true, "max_tokens": 8}'
        head = f"POST /v1/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token}\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        if number % 10 == 0:
            await asyncio.sleep(5)  # Never reads.
            writer.close()
            return 0
        text = b""
        while piece := await reader.read(40):
            text += piece
            await asyncio.sleep(0.02)
        return int(text.split(b" ", 2)[1])

    async def everybody() -> tuple[list[int], float]:
        readers = [asyncio.create_task(slow(it)) for it in range(200)]
        await asyncio.sleep(1)
        began = time.monotonic()
        async with httpx.AsyncClient(timeout=60) as client:
            head = {"authorization": f"Bearer {other}"}
            answer = await client.post(f"{server.url}/v1/completions", json=LINE, headers=head)
        assert answer.status_code == httpx.codes.OK
        took = time.monotonic() - began
        return await asyncio.gather(*readers), took

    other = tokens.add(server.folder / "tokens", "grace")
    statuses, _ = asyncio.run(everybody())
    found = Counter(statuses)
    assert found[0] == 20
    assert set(found) <= {0, 200, 429}, found
    assert found[200] >= 20
    assert server.post("/v1/completions", LINE).status_code == httpx.codes.OK


def test_one_who_floods_does_not_delay_another(server: Server) -> None:
    other = {"authorization": f"Bearer {tokens.add(server.folder / 'tokens', 'grace')}"}
    with ThreadPoolExecutor(20) as pool:
        flood = [pool.submit(server.post, "/v1/fill", {**LONG, "drafts": False}) for _ in range(20)]
        wait_for(lambda: any(it.done() for it in flood), "the first of the flood")
        answer = httpx.post(f"{server.url}/v1/completions", json=LINE, headers=other, timeout=60)
        left = sum(not it.done() for it in flood)
        assert answer.status_code == httpx.codes.OK
        assert left > 8, "the flood still waits"
        assert {it.result().status_code for it in flood} <= {200, 503}


def test_a_replica_that_is_killed_ends_no_request_without_a_word(server: Server) -> None:
    with ThreadPoolExecutor(4) as pool:
        work = [pool.submit(asks, server, 1, {**LONG, "drafts": number % 2 == 0}, "/v1/fill") for number in range(4)]
        time.sleep(1)
        (replica,) = server.processes("ServeReplica:infill:replica")
        replica.kill()
        answers = [it.result()[0] for it in work]
    for it in answers:
        assert isinstance(it, httpx.Response), repr(it)
        assert it.status_code in (200, 503)
        assert '"fills"' in it.text or "try again" in it.text or "No answer within" in it.text, it.text[-300:]
    wait_for(server.healthy, "a new replica")
    assert server.post("/v1/completions", LINE).status_code == httpx.codes.OK


def test_an_update_fails_no_request(server: Server) -> None:
    (before,) = [it.pid for it in server.processes("ServeReplica:infill:replica")]
    statuses: Counter[int] = Counter()
    over = threading.Event()

    def type_on() -> None:
        while not over.is_set():
            statuses[server.post("/v1/completions", LINE).status_code] += 1

    typists = [threading.Thread(target=type_on) for _ in range(3)]
    for it in typists:
        it.start()
    command = [*server.command("--address", server.ray), "--places", "5", "--seconds", "120"]
    update = subprocess.run(command, env=server.environment, capture_output=True, text=True, timeout=240, check=False)
    time.sleep(1)
    over.set()
    for it in typists:
        it.join()
    assert update.returncode == 0, update.stderr
    assert before not in [it.pid for it in server.processes("ServeReplica:infill:replica")]
    assert set(statuses) == {200}, statuses
    assert statuses[200] > 3


def test_a_wrong_flag_or_an_unreadable_file_is_one_sentence(tmp_path: Path, server: Server) -> None:
    (tmp_path / "tokens").write_text("rubbish\n")
    for flags, words in (
        (["--host", "0.0.0.0"], "Others can reach 0.0.0.0"),  # noqa: S104  # It is refused.
        (["--tokens", str(tmp_path / "tokens")], "line 1 is not NAME sha256:HASH"),
        (["--tls-key", "key.pem"], "need each other"),
        (["--replicas", "3-1"], "neither a number of replicas nor MIN-MAX"),
    ):
        command = [*server.command()[:5], *flags]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode in (1, 2), done.stderr
        assert words in done.stderr
        assert done.stderr.count("\n") == 1, done.stderr


def test_the_server_ends_with_ray_and_starts_again(server: Server) -> None:
    """The last of these tests: Ray's head is killed, the command ends, and whoever runs it starts it again."""
    (head,) = server.processes("gcs_server")
    head.kill()
    wait_for(lambda: server.ended, "the end of the command", 90)
    assert server.process is not None
    assert server.process.returncode != 0
    wait_for(lambda: not server.processes(), "the end of Ray's processes", 60)
    server.start()
    wait_for(server.healthy, "the new server")
    assert server.post("/v1/completions", LINE).status_code == httpx.codes.OK
    assert server.stop() == 0
    assert server.processes() == []
    with pytest.raises(OSError, match="refused"), socket.create_connection(("127.0.0.1", server.port), 5):
        pass


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_document_keeps_its_replica_and_a_new_one_takes_only_its_share(count: int) -> None:
    names = [f"replica {it}" for it in range(count)]
    documents = [f"document {it}" for it in range(500)]
    owners = {it: router.preferred(it, names) for it in documents}
    assert set(owners.values()) == set(names)
    moved = [it for it in documents if router.preferred(it, [*names, "new"]) != owners[it]]
    assert all(router.preferred(it, [*names, "new"]) == "new" for it in moved)
    assert len(moved) < 2 * len(documents) / (count + 1)
    assert router.document_of(()) == ""
