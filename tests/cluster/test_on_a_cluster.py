"""A Ray cluster that runs already: `serve deploy`, `--address`, and several replicas."""

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from conftest import Server, free_port, prepared, wait_for
from test_apis import LONG

EXPORT = 60.0
"""Seconds within which what was counted is exported."""


def done(server: Server, *words: str) -> None:
    """Run a command of Ray's, or ours, that must succeed."""
    ended = subprocess.run(words, env=server.environment, capture_output=True, text=True, timeout=240, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def dashboard() -> str:
    return f"{free_port()}"


@pytest.fixture(scope="module")
def cluster(dashboard: str) -> Iterator[Server]:
    """Start a cluster of this machine, as docs/serving.md does; nothing is deployed to it."""
    with prepared() as server:
        ports = {it: f"{free_port()}" for it in ("port", "dashboard-agent-listen-port", "ray-client-server-port")}
        flags = [f"--{name}={port}" for name, port in {**ports, "dashboard-port": dashboard}.items()]
        done(server, tool("ray"), "start", "--head", "--num-cpus=4", "--object-store-memory=134217728", *flags)
        server.ray = f"127.0.0.1:{ports['port']}"
        yield server


def tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def test_serve_deploy_takes_the_written_file(cluster: Server, dashboard: str) -> None:
    file = cluster.folder / "serve.yaml"
    done(cluster, *cluster.command("--replicas", "1-2", "--write-config", str(file)))
    done(cluster, tool("serve"), "deploy", "--address", f"http://127.0.0.1:{dashboard}", str(file))
    wait_for(cluster.healthy, "the deployment")
    assert cluster.post("/v1/completions", {"prompt": "x = ", "suffix": "\n"}).status_code == httpx.codes.OK
    refused = httpx.post(f"{cluster.url}/v1/completions", json={"prompt": "x = "}, timeout=60)
    assert refused.status_code == httpx.codes.UNAUTHORIZED, "the file of tokens was written, too"


def test_more_replicas_come_by_the_length_of_the_queue(cluster: Server) -> None:
    """The file deployed before says 1-2; Ray adds one after 30 s of load, and would take it back after 10 minutes."""
    assert cluster.replicas() == 1
    over = threading.Event()

    def press() -> None:
        while not over.is_set():
            assert cluster.post("/v1/fill", {**LONG, "drafts": False}).status_code in (200, 503)

    with ThreadPoolExecutor(8) as pool:
        work = [pool.submit(press) for _ in range(8)]
        try:
            wait_for(lambda: cluster.replicas() == 2, "the second replica")
        finally:
            over.set()
        for it in work:
            it.result()
    assert cluster.post("/v1/completions", {"prompt": "x = ", "suffix": "\n"}).status_code == httpx.codes.OK


@pytest.fixture(scope="module")
def two(cluster: Server) -> Server:
    """Bring two replicas to the cluster."""
    done(cluster, *cluster.command("--address", cluster.ray, "--replicas", "2"))
    wait_for(lambda: cluster.replicas() == 2, "two replicas")
    return cluster


def filled_by(server: Server, ask: Callable[[], None], count: int) -> Counter[str]:
    """Return which replicas filled what is asked, a number of requests."""
    before = server.filled()
    ask()
    wait_for(lambda: (server.filled() - before).total() >= count, "metrics", EXPORT)
    return server.filled() - before


def short(server: Server, document: str, times: int = 1) -> None:
    for _ in range(times):
        body = {"request": {"prefix": "x = ", "suffix": "\n"}, "options": {"steps": 4}, "document": document}
        answer = server.post("/v1/fill", body)
        assert answer.status_code == httpx.codes.OK, answer.text


def owner(server: Server, document: str) -> str:
    """Return the one replica that fills a document's requests."""
    found = filled_by(server, lambda: short(server, document, 3), 3)
    assert list(found.values()) == [3], f"{document} is filled by {found}"
    return next(iter(found))


def test_documents_are_shared_out_and_each_returns_to_its_replica(two: Server) -> None:
    owners = {f"document {it}": owner(two, f"document {it}") for it in range(2)}
    for number in range(2, 12):
        if len(set(owners.values())) == 2:
            break
        owners[f"document {number}"] = owner(two, f"document {number}")
    assert len(set(owners.values())) == 2, "both replicas are used"
    assert {it: owner(two, it) for it in owners} == owners


def test_a_busy_replica_gives_a_document_to_the_other_and_gets_it_back(two: Server) -> None:
    own = owner(two, "busy")
    over, begun = threading.Event(), Counter[int]()
    body = {**LONG, "options": {**LONG["options"], "n": 8}, "document": "busy"}  # type: ignore[dict-item]

    def hold(number: int) -> None:
        with httpx.stream("POST", f"{two.url}/v1/fill", json=body, headers=two.head, timeout=120) as answer:
            for _ in answer.iter_lines():
                begun[number] += 1
                if over.is_set():
                    return

    before = two.filled()
    with ThreadPoolExecutor(8) as pool:
        held = []
        try:  # Of one user a replica fills two at once: the third begins in the other one.
            while len(begun) < 3 and len(held) < 8:
                held.append(pool.submit(hold, len(held)))
                time.sleep(1)
            wait_for(lambda: len(begun) >= 3, "a third fill")
            assert two.filled() == before, "all of them still run"
            short(two, "busy")
        finally:
            over.set()
        for it in held:
            it.result()
    wait_for(lambda: (two.filled() - before).total() >= 1, "metrics", EXPORT)
    assert own not in two.filled() - before, "the four places of its replica were taken"
    assert owner(two, "busy") == own
