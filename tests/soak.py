"""A user types for a long time: does the server keep its memory, descriptors and threads, and answer everything?

`python tests/soak.py [--minutes 20] [--keys-per-second 8]` types into a file of 2,000 lines, makes a request at most
keys, cancels requests and kills the engine in between, prints a line a minute, and ends with status 1 if a request was
never answered or descriptors or threads have grown. It is not a test: it takes as long as it is told to, and reads
`/proc`.
"""

import argparse
import os
import queue
import random
import signal
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent / "lsp/server"))
from raw_client import REAL, RawClient

LINES = 2_000
URI = "file:///soak.py"
KILLED_EVERY = 45.0
"""Seconds between kills."""

MOVED_EVERY = 60
"""Keys after which the cursor moves elsewhere."""

LATE = 10.0
"""Seconds after which a request counts as unanswered."""

TYPED = [
    "value = total + ",
    "for name in names:",
    "    return self.items[",
    "if not found:",
    "x, y = y, x",
    "print(f'{",
]


@dataclass
class Counts:
    keys: int = 0
    asked: int = 0
    cancelled: int = 0
    shown: int = 0
    killed: int = 0
    waits: list[float] = field(default_factory=list)


class Typist:
    """A typing user; the server's answers are taken between two keys."""

    def __init__(self, client: RawClient, dice: random.Random) -> None:
        self.client, self.dice, self.counts = client, dice, Counts()
        self.waiting: dict[int, float] = {}
        self.line, self.column, self.version = LINES // 2, 0, 1
        self.text = ""

    def key(self) -> None:
        """Type a character, or delete one; then request, as an editor does."""
        self.counts.keys += 1
        if self.counts.keys % MOVED_EVERY == 0 or not self.text:
            self.begin_line()
        if self.column and self.dice.random() < 0.05:
            self.change({"line": self.line, "character": self.column - 1}, "")
            self.column -= 1
        else:
            sign, self.text = self.text[0], self.text[1:]
            self.change({"line": self.line, "character": self.column}, sign)
            self.column += 1
        if self.dice.random() < 0.8:
            self.ask()

    def begin_line(self) -> None:
        """Begin a line elsewhere, and remove another, so that the file keeps its length."""
        other = self.dice.randrange(10, LINES - 10)
        self.replace({"line": other, "character": 0}, {"line": other + 1, "character": 0}, "")
        self.line, self.column, self.text = self.dice.randrange(10, LINES - 10), 0, self.dice.choice(TYPED)
        self.change({"line": self.line, "character": 0}, "\n", end={"line": self.line, "character": 0})

    def change(self, start: dict[str, int], text: str, end: dict[str, int] | None = None) -> None:
        """Insert a text at the cursor, or delete from `start` to the cursor."""
        self.replace(start, end or {"line": self.line, "character": self.column}, text)

    def replace(self, start: dict[str, int], end: dict[str, int], text: str) -> None:
        self.version += 1
        change = {"range": {"start": start, "end": end}, "text": text}
        document = {"uri": URI, "version": self.version}
        self.client.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})

    def ask(self) -> None:
        if self.waiting and self.dice.random() < 0.3:
            self.client.notify("$/cancelRequest", {"id": self.dice.choice([*self.waiting])})
            self.counts.cancelled += 1
        by_hand = 1 if self.dice.random() < 0.03 else 2
        self.waiting[self.client.inline(URI, self.line, self.column, by_hand)] = time.monotonic()
        self.counts.asked += 1

    def take(self) -> None:
        """Take the server's messages."""
        while True:
            try:
                message = self.client.messages.get_nowait()
            except queue.Empty:
                return
            if message is None:
                raise SystemExit("the server has ended: " + b"".join(self.client.words).decode())
            if "method" in message and "id" in message:
                self.client.send({"jsonrpc": "2.0", "id": message["id"], "result": None})
            elif "id" in message:
                self.answered(message)

    def answered(self, message: dict[str, Any]) -> None:
        self.counts.waits.append(time.monotonic() - self.waiting.pop(message["id"]))
        self.counts.shown += bool((message.get("result") or {}).get("items"))

    def kill(self) -> None:
        """Kill the engine, whatever it is doing."""
        for pid in children(self.client.process.pid):
            os.kill(pid, signal.SIGKILL)
            self.counts.killed += 1

    def unanswered(self) -> int:
        return sum(time.monotonic() - asked > LATE for asked in self.waiting.values())


def children(pid: int) -> list[int]:
    found = [it.read_text() for it in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(child) for it in found for child in it.split()]


def state(pid: int) -> tuple[float, int, int]:
    """Return the megabytes, descriptors and threads of a process; zeros if it has just ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        memory = int(status.split("VmRSS:")[1].split()[0]) / 1024
        return memory, len(list(Path(f"/proc/{pid}/fd").iterdir())), len(list(Path(f"/proc/{pid}/task").iterdir()))
    except (OSError, IndexError):
        return 0.0, 0, 0


def report(minute: float, typist: Typist) -> tuple[float, int, int]:
    counts = typist.counts
    server = state(typist.client.process.pid)
    engine = state(next(iter(children(typist.client.process.pid)), 0))
    waits = sorted(counts.waits) or [0.0]
    print(
        f"{minute:5.1f} min  keys {counts.keys}  asked {counts.asked}  cancelled {counts.cancelled}  "
        f"killed {counts.killed}  shown {counts.shown}  unanswered {typist.unanswered()}  "
        f"answer p50 {statistics.median(waits) * 1e3:.0f} p99 {waits[int(len(waits) * 0.99)] * 1e3:.0f} ms  |  "
        f"server {server[0]:.1f} MB {server[1]} fds {server[2]} threads  |  "
        f"engine {engine[0]:.0f} MB {engine[1]} fds {engine[2]} threads",
        flush=True,
    )
    return server


def document() -> str:
    """Return 2,000 lines of the standard library's own code."""
    lines = Path(argparse.__file__).read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join((lines * 2)[:LINES])


def main() -> int:
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--minutes", type=float, default=20.0)
    flags.add_argument("--keys-per-second", type=float, default=8.0)
    chosen = flags.parse_args()
    with RawClient(REAL) as client:
        client.initialize(initializationOptions={"threads": 1})
        client.status("ready")
        client.open(document(), URI)
        typist = Typist(client, random.Random(7))
        started = time.monotonic()
        first: tuple[float, int, int] | None = None
        reported, killed = started, started
        while (now := time.monotonic()) - started < chosen.minutes * 60:
            typist.key()
            typist.take()
            if now - killed > KILLED_EVERY:
                killed = now
                typist.kill()
            if now - reported > 60:
                reported = now
                last = report((now - started) / 60, typist)
                first = first or last
            time.sleep(typist.dice.expovariate(chosen.keys_per_second))
        deadline = time.monotonic() + LATE + 5
        while typist.waiting and time.monotonic() < deadline:
            time.sleep(0.05)
            typist.take()
        last = report((time.monotonic() - started) / 60, typist)
        left = len(typist.waiting)
        grown = first is not None and (last[1] > first[1] + 2 or last[2] > first[2] + 2)
        print(f"unanswered at the end: {left}; descriptors or threads have {'grown' if grown else 'not grown'}")
        return 1 if left or grown or client.end() else 0


if __name__ == "__main__":
    sys.exit(main())
