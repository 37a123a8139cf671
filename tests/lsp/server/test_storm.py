"""Requests that come faster than they can be answered, seen from inside: at most one running, and none left behind."""

import asyncio
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import fake_engine

from infill_lsp.completion.question import Question
from infill_lsp.session.session import Session
from infill_lsp.session.status import ServerStatus
from infill_lsp.settings.settings import ServerSettings
from infill_lsp.syntax import languages
from infill_lsp.text.document import Document

PYTHON = languages.by_id("python")


def test_five_hundred_requests_cancelled_at_random_leave_nothing() -> None:
    dice = random.Random(5)
    document = Document("file:///slow.py", "# slow\nx = ", PYTHON)
    other = Document("file:///b.py", "# fill 12\nx = ", PYTHON)
    idle = asyncio.Event()

    def on_status(status: ServerStatus) -> None:
        (idle.set if status.state == "ready" else idle.clear)()

    async def body() -> None:
        session = Session(lambda settings: fake_engine.command(), ServerSettings(), on_status)
        await session.start()
        await session.loaded()
        usual = len(asyncio.all_tasks())
        session.put(document)
        session.put(other)
        tasks: list[asyncio.Task[object]] = []
        for _ in range(500):
            question = Question(document, len(document.text), dice.random() < 0.5)
            tasks.append(asyncio.create_task(session.suggester.ask(question, session.suggester.next_number(question))))
            if dice.random() < 0.5:
                await asyncio.sleep(0)
            if dice.random() < 0.7:
                dice.choice(tasks[-5:]).cancel()
        tasks[-1].cancel()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(it == () or isinstance(it, asyncio.CancelledError) for it in answers)
        await asyncio.wait_for(idle.wait(), 1.0)
        engine = session.engine
        assert engine
        assert await asyncio.wait_for(engine._chosen.ping("x"), 1.0) < 1000
        question = Question(other, len(other.text), False)
        (found,) = await session.suggester.ask(question, session.suggester.next_number(question))
        assert found.text == "12"
        assert engine._chosen._asks == {}
        assert len(asyncio.all_tasks()) == usual
        await session.close()

    asyncio.run(body())


def test_the_newest_question_of_a_document_is_the_only_one_at_work() -> None:
    """The engine reports `busy` when it begins a request, and `ready` when it has ended it."""
    document = Document("file:///slow.py", "# slow\nx = ", PYTHON)
    states: list[str] = []
    busy = asyncio.Event()

    def on_status(status: ServerStatus) -> None:
        states.append(status.state)
        if status.state == "busy":
            busy.set()

    async def body() -> None:
        session = Session(lambda settings: fake_engine.command(), ServerSettings(), on_status)
        await session.start()
        await session.loaded()
        session.put(document)
        question = Question(document, len(document.text), True)
        before: asyncio.Task[object] | None = None
        for _ in range(20):
            busy.clear()
            task = asyncio.create_task(session.suggester.ask(question, session.suggester.next_number(question)))
            await busy.wait()
            if before is not None:
                assert await asyncio.wait_for(before, 1.0) == (), "by itself it would have taken two seconds"
            before = task
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await session.close()

    asyncio.run(asyncio.wait_for(body(), 60))
    begun = [it for it in states if it in {"busy", "ready"}]
    assert begun[: 2 * 20] == ["ready", "busy"] * 20, "no request begins before the one before has ended"
