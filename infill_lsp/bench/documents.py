"""`infill-lsp bench documents`: measures what large documents and folders cost a server, each figure with its bound.

A real server is driven from outside as by an editor, one key and one request at a time. Processor time is that of its
main thread, which runs the event loop, so other load on the machine hardly affects it.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infill_lsp.bench.editor import Editor, loop_ms, memory_mb, processor_ms
from infill_lsp.bench.figures import Figure, show
from infill_lsp.settings.flags import declare_engine, engine_settings, integer
from infill_lsp.settings.settings import EngineCommand, EngineSettings

_CODE: Final = """def total(price, count):
    found = 0
    for item in count:
        found += price[item]
    return found


"""

_QUIET: Final = 0.5
"""Seconds without work after which a server counts as having finished."""


@dataclass(frozen=True, slots=True)
class DocumentKind:
    """A document to type into: lines of some kind, megabytes, and the bound for a key in milliseconds."""

    name: str
    unit: str
    megabytes: float
    bound_ms: float

    @property
    def text(self) -> str:
        """The full text."""
        return self.unit * int(self.megabytes * 1e6 / len(self.unit))


KINDS: Final = (
    DocumentKind("short lines", "x = 1\n", 0.1, 20),
    DocumentKind("short lines", "x = 1\n", 1, 20),
    DocumentKind("short lines", "x = 1\n", 5, 60),
    DocumentKind("functions", _CODE, 1, 20),
    DocumentKind("functions", _CODE, 5, 60),
)


def declare(flags: argparse.ArgumentParser) -> None:
    """Declare the flags of `bench documents`."""
    flags.add_argument("--keys", type=integer(1, 10_000), default=20, metavar="N", help="keys typed into each (20)")
    flags.add_argument(
        "--files", type=integer(1, 100_000), default=16_000, metavar="N", help="files in a folder (16000)"
    )
    flags.add_argument("--idle", type=integer(1, 3_600), default=20, metavar="S", help="seconds without work (20)")
    flags.add_argument("--json", action="store_true", help="print JSON")
    declare_engine(flags)


def run(chosen: argparse.Namespace, engine: EngineCommand) -> int:
    """Measure with the given flags, on a separate server; return the exit code.

    Raises:
        InfillError: the server does not work.
    """
    settings = engine_settings(chosen)
    return measure(settings, keys=chosen.keys, files=chosen.files, idle_s=chosen.idle, as_json=chosen.json)


def measure(settings: EngineSettings, *, keys: int, files: int, idle_s: int, as_json: bool) -> int:
    """Measure and print; return 0 regardless of the results.

    Raises:
        InfillError: the server does not work.
    """
    options = {"model": settings.model, "device": settings.device, "threads": settings.threads or 1}
    figures = [it for kind in KINDS for it in _document(kind, options, keys)]
    figures += [*_folder(files, options), _idle(idle_s, options)]
    if as_json:
        print(json.dumps({"figures": [it.as_json() for it in figures]}, indent=2))
    else:
        show(f"infill-lsp bench documents, medians over {keys} keys", figures)
    return 0


def _document(kind: DocumentKind, options: dict[str, Any], keys: int) -> Iterator[Figure]:
    """Yield the cost of a key in a document, the delay it causes other documents, and the document's memory."""
    uri, text = "file:///large.py", kind.text
    with Editor(options) as editor:
        before = memory_mb(editor.pid)
        editor.open(uri, text)
        editor.turn()
        took, waited = _typed(editor, uri, text.count("\n") // 2, keys)
        taken = memory_mb(editor.pid) - before
    name = f"{kind.megabytes:g} MB of {kind.name}"
    yield Figure(f"a key in {name}, event loop", statistics.median(took), "ms", kind.bound_ms)
    yield Figure("  other documents wait, at most", max(waited), "ms", 50)
    if kind.megabytes >= 1:  # In a small document, fixed overhead outweighs the text.
        yield Figure("  memory, times the text", taken * 2**20 / len(text), "x", 12)


def _typed(editor: Editor, uri: str, line: int, keys: int) -> tuple[list[float], list[float]]:
    """Return, for each key, the event loop's milliseconds and those until it serves a request for another document."""
    took, waited = [], []
    for number in range(keys + 1):
        before = loop_ms(editor.pid)
        editor.type(uri, number + 2, {"line": line, "character": number}, "y")
        asked = editor.ask(uri, {"line": line, "character": number + 1})
        waited.append(editor.turn())
        editor.answered(asked)
        editor.turn()
        took.append(loop_ms(editor.pid) - before)
    return took[1:], waited[1:]  # The first key also loads grammars and other modules.


def _folder(files: int, options: dict[str, Any]) -> Iterator[Figure]:
    """Yield the cost of finding a document's neighbours, the first time and when excerpts are chosen again."""
    with tempfile.TemporaryDirectory(prefix="infill-bench-") as folder:
        root = Path(folder)
        for number in range(files):
            (root / f"module_{number:05}.py").write_bytes(b"")
        time.sleep(2.5)  # A folder that has just changed is listed again, because its mtime may be coarse.
        with Editor(options, root) as editor:
            uri = (root / f"module_{files // 2:05}.py").as_uri()
            editor.open(uri, "value = 1\n" * 200)
            first, again = (_until_quiet(editor, uri, line) for line in (10, 150))
    yield Figure(f"a folder of {files:,} files, first", first, "ms", 200)
    yield Figure("  and when excerpts are chosen again", again, "ms", 50)


def _until_quiet(editor: Editor, uri: str, line: int) -> float:
    """Return the milliseconds of processor time, over all threads, that a request causes."""
    start = before = processor_ms(editor.pid)
    editor.answered(editor.ask(uri, {"line": line, "character": 9}))
    while True:
        time.sleep(_QUIET)
        now = processor_ms(editor.pid)
        if not now - before > 1.0:
            return now - start
        before = now


def _idle(seconds: int, options: dict[str, Any]) -> Figure:
    """Return the share of a processor that an idle server takes."""
    with Editor(options) as editor:
        editor.open("file:///a.py", _CODE)
        editor.turn()
        time.sleep(_QUIET)
        before = processor_ms(editor.pid)
        time.sleep(seconds)
        share = (processor_ms(editor.pid) - before) / (seconds * 1000)
    return Figure(f"processor of an idle server, over {seconds} s", share * 100, "%", 0.1)
