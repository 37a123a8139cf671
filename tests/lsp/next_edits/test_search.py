"""When a model is asked for next edits, and that it is not asked twice: a session's searches with a scripted model."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from fake_engine import INFO, read

from infill_lsp.edits.next_edits.history import Offered
from infill_lsp.session.next_edits import NextEdits
from infill_lsp.syntax import languages
from infill_lsp.text.document import Document
from infill_model.request import Fill, Options, Request, Timing

TEXT = 'KIND = "red"\n\n\ndef paint(wall):\n    wall.cover("red")\n    return wall\n'
START = TEXT.index("red")


class Model:
    """Stands for an engine: reads as the scripted one does, writes one text, and may be held up."""

    def __init__(self) -> None:
        self.info = replace(INFO, reads=True)
        self.asked: list[tuple[Request, Options]] = []
        self.cancelled = 0
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def ask(self, request: Request, options: Options, *, stream: str) -> Sequence[Fill]:
        self.asked.append((request, options))
        try:
            await self.goes_on.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if options.steps == 0 and options.start:
            return [read(request, options.start[0])]
        return [Fill(('blue")',), (), 0.5, None, 1, 1, Timing(0.0, 0.0, 0.0), "complete")]

    def read_behind(self, line: str) -> int:
        """Return how often lines below a line were read."""
        return sum(request.prefix == line and options.steps == 0 for request, options in self.asked)


class Typist:
    """Changes documents of a session, and waits for what it is told."""

    def __init__(self, model: Any) -> None:
        self.told: asyncio.Queue[tuple[str, tuple[Offered, ...]]] = asyncio.Queue()
        self.next_edits = NextEdits(
            lambda document: True,
            lambda document, offered: self.told.put_nowait((document.name, offered)),
            lambda: model,
        )
        self.documents: dict[str, Document] = {}

    def open(self, name: str, text: str = TEXT) -> None:
        self.documents[name] = Document(name, text, languages.by_id("python"))
        self.next_edits.changed(None, self.documents[name])

    def put(self, name: str, start: int, end: int, text: str) -> None:
        before = self.documents[name]
        self.documents[name] = before.edited(start, end, text)
        self.next_edits.changed(before, self.documents[name])

    async def wait(self) -> tuple[str, list[str]]:
        name, offered = await asyncio.wait_for(self.told.get(), 20)
        return name, [it.edit.change.text for it in offered]


async def until(holds: Any) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.01)


def test_the_state_before_an_edit_is_read_at_the_first_rest_only() -> None:
    async def session() -> None:
        model = Model()
        typist = Typist(model)
        typist.open("a.py")
        typist.put("a.py", START, START + 3, "bl")
        await until(lambda: model.read_behind('KIND = "bl"\n') == 1)
        typist.put("a.py", START + 2, START + 2, "ue")
        assert await typist.wait() == ("a.py", ['blue")'])
        assert model.read_behind('KIND = "red"\n') == 1
        assert model.read_behind('KIND = "blue"\n') == 1
        typist.next_edits.close()

    asyncio.run(session())


def test_a_key_ends_a_search_in_its_document_alone() -> None:
    async def session() -> None:
        model = Model()
        model.goes_on.clear()
        typist = Typist(model)
        for name in ("a.py", "b.py"):
            typist.open(name)
            typist.put(name, START, START + 3, "blue")
        await until(lambda: len(model.asked) == 2)
        typist.put("a.py", len(TEXT), len(TEXT), "\n\nx = 1")
        await until(lambda: model.cancelled == 1)
        model.goes_on.set()
        assert await typist.wait() == ("b.py", ['blue")'])
        typist.next_edits.close()

    asyncio.run(session())


def test_nothing_is_left_of_a_document_that_is_closed_while_it_is_read() -> None:
    async def session() -> None:
        model = Model()
        model.goes_on.clear()
        typist = Typist(model)
        typist.open("a.py")
        typist.put("a.py", START, START + 3, "blue")
        await until(lambda: len(model.asked) == 1)
        typist.next_edits.closed("a.py")
        await until(lambda: model.cancelled == 1)
        model.goes_on.set()
        typist.open("a.py")
        typist.put("a.py", START, START + 3, "blue")
        assert await typist.wait() == ("a.py", ['blue")'])
        assert model.read_behind('KIND = "red"\n') == 2, "what was read is forgotten with the document"
        typist.next_edits.close()

    asyncio.run(session())
