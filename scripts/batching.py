"""Measures what sharing forwards gives: answers per second of processor time, and rows in a forward, in one process.

python scripts/batching.py [--users 16] [--encodings 1,4,8] [--seconds 8] [--rounds 5] [--threads 1]

Each user fills the middle of a random line of its own document, one request after the other, as `bench load --busy`.
Settings alternate, and other work on the machine disturbs processor time less than the clock.
"""

import argparse
import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import infill_lsp
from infill_lsp.engine.worker import load_shared
from infill_lsp.settings.settings import EngineSettings
from infill_model.embedded import step_batch
from infill_model.filler import SharedFiller
from infill_model.request import Options, Request


def request_in(text: str, chance: random.Random) -> Request:
    """Return a request in the middle of a random line."""
    lines = text.splitlines(keepends=True)
    number = chance.choice([at for at, it in enumerate(lines) if len(it.strip()) > 3])
    line = lines[number].rstrip()
    middle = (len(line) - len(line.lstrip()) + len(line)) // 2
    return Request("".join(lines[:number]) + line[:middle], "\n" + "".join(lines[number + 1 :]))


def measure(filler: SharedFiller, documents: Sequence[str], users: int, seconds: float, run: tuple[str, int]) -> str:
    """Fill for some seconds; return what came of it, in words. Each run begins with nothing cached."""
    times: list[float] = []
    (forwards, rows), cpu, began = filler.batches, time.process_time(), time.monotonic()

    def ask(user: int) -> None:
        chance = random.Random(1000 * run[1] + user)  # noqa: S311
        while (asked := time.monotonic()) < began + seconds:
            filler.fill(f"{run} {user}", request_in(documents[user % len(documents)], chance), Options(n=1))
            times.append(time.monotonic() - asked)

    with ThreadPoolExecutor(users) as pool:
        list(pool.map(ask, range(users)))
    cpu, took = time.process_time() - cpu, time.monotonic() - began
    forwards, rows = filler.batches[0] - forwards, filler.batches[1] - rows
    p95 = sorted(times)[int(len(times) * 0.95)]
    return (
        f"{len(times) / took:.2f} answers a second, {len(times) / cpu:.2f} a second of processor time, "
        f"{rows / max(1, forwards):.1f} rows a forward, p50 {median(times):.2f} s, p95 {p95:.2f} s"
    )


def main() -> None:
    """Alternate the settings for some rounds."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--users", type=int, default=16)
    flags.add_argument("--encodings", default="1,4,8")
    flags.add_argument("--seconds", type=float, default=8.0)
    flags.add_argument("--rounds", type=int, default=5)
    flags.add_argument("--threads", type=int, default=1)
    chosen = flags.parse_args()
    filler = load_shared(EngineSettings(threads=chosen.threads))
    texts = [it.read_text() for it in sorted(Path(str(infill_lsp.__file__)).parent.rglob("*.py"))]
    documents = [it for it in texts if len(it) > 200]
    filler.fill("", Request("x = ", "\n"), Options(steps=4))
    for number in range(chosen.rounds):
        for encodings in chosen.encodings.split(","):
            step_batch.ENCODINGS = int(encodings)  # type: ignore[misc]
            said = measure(filler, documents, chosen.users, chosen.seconds, (encodings, number))
            print(f"{encodings} encodings, {chosen.users} users: {said}", flush=True)


if __name__ == "__main__":
    main()
