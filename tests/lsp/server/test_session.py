"""A session without an editor: its engine, its settings, its notebooks, and why nothing is suggested."""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
import fake_engine
import pytest
from pace import slowness

from infill_lsp.completion.question import Question
from infill_lsp.privacy.rules import inactive_reason
from infill_lsp.session import session as module
from infill_lsp.session.notebooks import Cell, Notebook
from infill_lsp.session.session import Session
from infill_lsp.session.status import Notice, ServerStatus
from infill_lsp.settings.settings import EngineSettings, ServerSettings
from infill_lsp.suggestions.suggestion import Suggestion
from infill_lsp.syntax import languages
from infill_lsp.text.document import Document

PYTHON = languages.by_id("python")


def run(body: Callable[[Session, list[ServerStatus]], Coroutine[Any, Any, None]], *flags: str) -> list[EngineSettings]:
    """Run with a session that is not started; return the settings that engines were started with."""
    started: list[EngineSettings] = []
    seen: list[ServerStatus] = []

    def engine(settings: EngineSettings) -> Sequence[str]:
        started.append(settings)
        return fake_engine.command(*flags)

    async def session() -> None:
        it = Session(engine, ServerSettings(), seen.append)
        try:
            await asyncio.wait_for(body(it, seen), 30)
        finally:
            await it.close()

    asyncio.run(session())
    return started


async def ask(session: Session, text: str, name: str = "file:///a.py", *, invoked: bool = False) -> list[str]:
    document = Document(name, text, PYTHON)
    session.put(document)
    question = Question(document, len(text), invoked)
    found = await session.suggester.ask(question, session.suggester.next_number(question))
    return [it.text for it in found]


def test_only_another_engine_takes_another_engine() -> None:
    async def body(session: Session, seen: list[ServerStatus]) -> None:
        await session.start()
        await session.loaded()
        engine = session.engine
        await session.configure(replace(session.settings, candidates=2))
        assert session.engine is engine
        assert await ask(session, "# fill aha\n# aha1\nx = ", invoked=True) == ["aha", "aha1"]
        await session.configure(replace(session.settings, threads=2))
        assert session.engine is not engine
        await session.loaded()
        assert await ask(session, "# fill aha\n# aha1\nx = ", invoked=True) == ["aha", "aha1"]
        assert "degraded" not in {it.state for it in seen}, "an engine that is replaced is no misfortune"

    assert run(body) == [EngineSettings(), EngineSettings(threads=2)]


def test_asking_before_the_start_waits_for_the_budget_and_no_longer() -> None:
    async def body(session: Session, seen: list[ServerStatus]) -> None:
        start = time.monotonic()
        assert await ask(session, "# fill aha\nx = ") == []
        assert 0.1 < time.monotonic() - start < 1.0 * slowness()

    assert run(body) == []


def test_asking_while_the_engine_starts_is_answered_when_it_is_there_in_time() -> None:
    async def body(session: Session, seen: list[ServerStatus]) -> None:
        session.settings = replace(session.settings, budget=replace(session.settings.budget, invoked=20_000))
        await session.start()
        assert await ask(session, "# fill aha\nx = ", invoked=True)

    run(body)


def test_asking_after_the_end_gets_nothing() -> None:
    async def body(session: Session, seen: list[ServerStatus]) -> None:
        await session.start()
        await session.loaded()
        await session.close()
        assert await ask(session, "# fill aha\nx = ") == []

    run(body)


def test_switched_off_means_nothing_and_says_so() -> None:
    async def body(session: Session, seen: list[ServerStatus]) -> None:
        await session.start()
        await session.loaded()
        await session.configure(replace(session.settings, enable=False))
        assert await ask(session, "# fill aha\nx = ") == []
        assert seen[-1].inactive
        assert seen[-1].inactive.reason == "Suggestions are switched off by infill.enable."
        await session.configure(replace(session.settings, enable=True))
        assert await ask(session, "# fill aha\nx = ") == ["aha"]
        assert seen[-1].inactive is None

    run(body)


def test_a_file_that_may_hold_secrets_is_not_sent_and_the_status_says_why() -> None:
    async def body(session: Session, seen: list[ServerStatus]) -> None:
        await session.start()
        await session.loaded()
        asked = busy(seen)
        for name, why in (
            ("file:///home/.env", ".env may hold secrets: its name matches '.env'"),
            ("file:///home/id_rsa_old", "id_rsa_old may hold secrets: its name matches 'id_rsa*'"),
        ):
            assert await ask(session, "# fill aha\nx = ", name, invoked=True) == []
            assert seen[-1].inactive == Notice(name, why)
        assert busy(seen) == asked, "the engine is not asked"
        assert await ask(session, "# fill aha\nx = ") == ["aha"]
        assert seen[-1].inactive is None

    run(body)


def test_a_key_looks_at_the_disk_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    def counted(name: str, text: str = "", patterns: Sequence[str] = ()) -> str | None:
        looked.append(name)
        return inactive_reason(name, text, patterns)

    async def body(session: Session, seen: list[ServerStatus]) -> None:
        await session.start()
        await session.loaded()
        monkeypatch.setattr(module, "inactive_reason", counted)
        for number in range(3):
            assert await ask(session, f"# fill aha\nx{number} = ") == ["aha"]
        assert len(looked) == 3

    run(body)


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_a_link_that_leads_elsewhere_now_is_noticed_without_a_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "a.py"
    link.symlink_to(tmp_path / "b.py")
    monkeypatch.setattr(module, "CHECKED_EVERY", 0.05)

    async def body(session: Session, seen: list[ServerStatus]) -> None:
        document = Document(link.as_uri(), "x = ", PYTHON)
        assert session.inactive(document) is None
        link.unlink()
        link.symlink_to(tmp_path / "id_rsa")
        await asyncio.sleep(0.06)
        assert "id_rsa may hold secrets" in (session.inactive(document) or "")

    run(body)


def test_an_excluded_file_is_not_sent_nor_given_to_another_as_context() -> None:
    async def body(session: Session, seen: list[ServerStatus]) -> None:
        await session.start()
        await session.loaded()
        text, name = "# fill aha\nx = ", "file:///private/a.py"
        assert await ask(session, text, name) == ["aha"]
        await session.configure(replace(session.settings, exclude=("private/",)))
        asked = busy(seen)
        assert await ask(session, text, name) == [], "what is remembered is not shown either"
        assert await ask(session, text + "1 + ", name, invoked=True) == []
        assert busy(seen) == asked, "the engine is not asked"
        why = "a.py matches the pattern 'private/' of your settings"
        assert seen[-1].inactive == Notice(name, why)
        other = Document("file:///b.py", text, PYTHON)
        session.put(other)
        for _ in range(2):
            assert session._workspace.excerpts(other, len(text), 1000) == ()
            assert session._workspace.settle()

    run(body)


def test_new_settings_hold_for_what_was_suggested_before_them_and_for_what_is_being_asked() -> None:
    async def body(session: Session, seen: list[ServerStatus]) -> None:
        await session.start()
        await session.loaded()
        assert await ask(session, "# fill aha\nx = ") == ["aha"]
        await session.configure(replace(session.settings, confidence=0.99))
        assert await ask(session, "# fill aha\nx = ") == []
        await session.configure(ServerSettings())
        asked = asyncio.create_task(ask(session, "# fill aha\nx = "))
        await asyncio.sleep(0)
        await session.configure(replace(session.settings, enable=False))
        assert await asked == []

    run(body)


def test_a_document_that_is_closed_while_it_is_asked_about_is_forgotten() -> None:
    async def body(session: Session, seen: list[ServerStatus]) -> None:
        await session.start()
        await session.loaded()
        asked = asyncio.create_task(ask(session, "# fill aha\nx = "))
        await asyncio.sleep(0)
        session.drop("file:///a.py")
        assert await asked == []
        before = busy(seen)
        session.put(Document("file:///a.py", "# fill aha\nx = aha", PYTHON))
        assert session.suggester._prepared == {}, "nobody has taken anything"
        assert busy(seen) == before

    run(body)


def test_what_the_engine_refuses_is_said_and_is_no_error() -> None:
    async def body(session: Session, seen: list[ServerStatus]) -> None:
        await session.start()
        await session.loaded()
        assert await ask(session, "# memory\nx = ") == []
        assert any("ran out of memory" in it.reason for it in seen)
        assert await ask(session, "# fill aha\nx = ") == ["aha"]

    run(body)


def test_a_document_that_was_closed_and_opened_again_does_not_get_the_old_answer() -> None:
    async def body(session: Session, seen: list[ServerStatus]) -> None:
        await session.start()
        await session.loaded()
        document = Document("file:///a.py", "# fill aha\nx = ", PYTHON)
        session.put(document)
        question = Question(document, len(document.text), False)
        old = asyncio.create_task(session.suggester.ask(question, session.suggester.next_number(question)))
        await asyncio.sleep(0)
        session.drop(document.name)
        session.put(document)
        new = session.suggester.ask(question, session.suggester.next_number(question))
        assert [len(it) for it in await asyncio.gather(old, new)] == [0, 1]

    run(body)


def test_a_stale_answer_is_moved_along_or_dropped() -> None:
    async def body(session: Session, seen: list[ServerStatus]) -> None:
        await session.start()
        await session.loaded()

        async def typing(text: str) -> tuple[Suggestion, ...]:
            document = Document(f"file:///{text}.py", "# fill abc\nx = ", PYTHON)
            session.put(document)
            question = Question(document, len(document.text), False)
            asked = asyncio.create_task(session.suggester.ask(question, session.suggester.next_number(question)))
            await asyncio.sleep(0)
            session.put(document.edited(len(document.text), len(document.text), text))
            return await asked

        (found,) = await typing("a")
        assert (found.text, found.end - found.start) == ("abc", 1)
        assert await typing("z") == ()

    run(body)


def test_a_cell_that_holds_a_key_is_no_context_for_later_cells() -> None:
    async def body(session: Session, seen: list[ServerStatus]) -> None:
        await session.start()
        names = [f"vscode-notebook-cell:/w/n.ipynb#{it}" for it in "ab"]
        session.notebooks["n"] = Notebook(tuple(Cell(it, True) for it in names))
        key = "-----BEGIN PRIVATE" + " KEY-----\nabc\n"
        for cell, asked, expected in (("", "x = ", "aha"), (key, "# filled\ny = ", "filled")):
            session.put(Document(names[0], f"# fill aha\naha = 1\n{cell}", PYTHON))
            assert (await ask(session, asked, names[1], invoked=True))[0] == expected

    run(body)


def test_a_notebook_knows_what_comes_before_a_cell() -> None:
    notebook = Notebook(tuple(Cell(name, name != "text") for name in ("a", "text", "b", "c")))
    assert notebook.before("c") == ("a", "b")
    assert notebook.before("a") == ()
    assert notebook.before("unknown") == ()
    assert notebook.spliced(1, 2, (Cell("new", True),)).before("c") == ("a", "new")
    assert notebook.replaced((Cell("b", False), Cell("unknown", True))).before("c") == ("a",)


def busy(seen: Sequence[ServerStatus]) -> int:
    """Return how often the engine has started working."""
    return sum(after.state == "busy" != before.state for before, after in pairwise(seen))


def test_typing_what_is_shown_asks_nobody_and_taking_letters_back_restores_it() -> None:
    async def body(session: Session, seen: list[ServerStatus]) -> None:
        await session.start()
        await session.loaded()
        start = "# fill abc(xyz)\n# zabc\nx = "
        assert await ask(session, start) == ["abc(xyz)"]
        asked = busy(seen)
        for typed, left in (("a", "bc(xyz)"), ("abc(", "xyz)"), ("ab", "c(xyz)"), ("", "abc(xyz)")):
            assert await ask(session, start + typed) == [left]
        assert busy(seen) == asked
        assert await ask(session, start + "z") == ["abc(xyz)"], "something else is a new question"
        assert busy(seen) == asked + 1

    run(body)


def test_after_an_accept_the_next_suggestion_is_ready() -> None:
    async def body(session: Session, seen: list[ServerStatus]) -> None:
        await session.start()
        await session.loaded()
        start = "# fill + abc\nx = y "
        assert await ask(session, start) == ["+ abc"]
        asked = busy(seen)
        before = session.documents["file:///a.py"]
        accepted = before.edited(len(start), len(start), "+ abc")
        session.put(accepted)
        while busy(seen) == asked:  # It prepares without a request.
            await asyncio.sleep(0.005)
        question = Question(accepted, len(accepted.text), invoked=False)
        found = await session.suggester.ask(question, session.suggester.next_number(question))
        assert [it.text for it in found] == ["+ abc"]
        assert busy(seen) == asked + 1, "what was prepared is what is answered"

    run(body)


def test_after_an_accept_that_leads_to_nothing_the_engine_is_asked_once() -> None:
    async def body(session: Session, seen: list[ServerStatus]) -> None:
        await session.start()
        await session.loaded()
        start = "# fill = 1\nx "
        assert await ask(session, start) == ["= 1"]
        asked = busy(seen)
        before = session.documents["file:///a.py"]
        accepted = before.edited(len(start), len(start), "= 1")
        session.put(accepted)
        question = Question(accepted, len(accepted.text), invoked=False)
        found = await session.suggester.ask(question, session.suggester.next_number(question))
        assert found == (), "`x = 1= 1` is no Python"
        assert busy(seen) == asked + 1

    run(body)


def test_an_editors_own_question_does_not_take_the_place_of_the_users_at_the_same_cursor() -> None:
    async def body(session: Session, seen: list[ServerStatus]) -> None:
        await session.start()
        await session.loaded()
        document = Document("file:///a.py", "# fill aha\n# aha1 aha2 aha3\nx = ", PYTHON)
        session.put(document)
        suggester = session.suggester
        questions = [Question(document, len(document.text), invoked) for invoked in (True, False)]
        asked = [suggester.ask(it, suggester.next_number(it)) for it in questions]
        by_hand, automatic = await asyncio.gather(*asked)
        assert [it.text for it in by_hand] == ["aha", "aha1", "aha2", "aha3"]
        assert [it.text for it in automatic][:1] == ["aha"]

    run(body)


def test_what_is_shown_stays_the_first_when_more_is_asked_for_by_hand() -> None:
    async def body(session: Session, seen: list[ServerStatus]) -> None:
        await session.start()
        await session.loaded()
        start = "# fill abcd\n# aabcd aabcd1 aabcd2 abcd1 abcd2\nx = "
        assert await ask(session, start) == ["abcd"]
        assert await ask(session, start + "a", invoked=True) == ["bcd", "abcd", "abcd1", "abcd2"]
        assert await ask(session, start + "a") == ["bcd"]

    run(body)
