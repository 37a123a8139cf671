"""Asks for suggestions and edits: the newest question of a document wins, and what was found out is remembered.

What comes next is asked for before anybody asks: when a suggestion is taken, the next one is prepared. It knows no LSP
types, and of a session only what `Host` says.
"""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, Protocol

from infill_lsp.completion.cache import Memory
from infill_lsp.completion.question import Question, Surroundings, rebased
from infill_lsp.edits.edit import Edit
from infill_lsp.edits.offer import Offer
from infill_lsp.engine.fallback import FallbackEngine
from infill_lsp.errors import (
    InactiveError,
    InfillError,
    RequestCancelledError,
    RequestFailedError,
    RequestRefusedError,
    StaleError,
)
from infill_lsp.settings.settings import ServerSettings
from infill_lsp.suggestions.suggestion import Suggestion
from infill_lsp.text.document import Document
from infill_lsp.text.progress import Watcher

_NOTHING: Final = "The model found nothing that fits here."


class Host(Protocol):
    """What a suggester asks of its session."""

    watcher: Watcher | None

    @property
    def documents(self) -> Mapping[str, Document]:
        """Those that are open, by name."""

    @property
    def effective_settings(self) -> ServerSettings:
        """The settings, with the model that `auto` chose."""

    def inactive(self, document: Document) -> str | None:
        """Why nothing is suggested in a document; None where something may be."""

    def limited(self, document: Document) -> str | None:
        """Why only copies are suggested in a document; None where the model writes, too."""

    def tell_notices(self, document: Document) -> bool:
        """Let the status say whether the document is inactive or limited; whether something may be suggested in it."""

    def tell_failure(self, sentence: str) -> None:
        """Let the status say why a request failed."""

    def surroundings(self, question: Question) -> Surroundings:
        """What else the model is told of a question."""

    async def engine_while_typing(self) -> FallbackEngine:
        """The engine, once its model is loaded."""

    async def engine_by_hand(self) -> FallbackEngine:
        """The engine, once its model is loaded; an error as soon as it ends or cannot load."""


class Suggester:
    """Questions and edits of one session."""

    def __init__(self, host: Host, on_why: Callable[[str], None], on_nothing: Callable[[str], None]) -> None:
        """Ask nothing yet.

        Args:
            host: the session.
            on_why: told where, and why, something is not suggested.
            on_nothing: told why someone who asked by hand gets nothing.
        """
        self._host, self._on_why, self._on_nothing = host, on_why, on_nothing
        self._numbers = itertools.count(1)
        self._newest: dict[str, int] = {}
        self._memory = Memory()
        self._prepared: dict[str, tuple[Question, asyncio.Task[tuple[Suggestion, ...]]]] = {}
        self._edits: dict[str, asyncio.Task[Edit | None]] = {}

    def forget(self) -> None:
        """Forget what was suggested: it may be other now, or nothing."""
        self._memory = Memory()
        for name in list(self._prepared):
            self._end_preparing(name)

    def changed(self, document: Document) -> None:
        """End an edit of a document that has changed; where a suggestion was taken in it, prepare the next one."""
        self._end_edit(document.name)
        cursor = None if document.is_too_large else self._memory.taken(document)
        if cursor is not None:
            self._prepare(Question(document, cursor, invoked=False))

    def closed(self, name: str) -> None:
        """End all that goes on for a document that was closed."""
        self._newest.pop(name, None)
        self._end_edit(name)
        self.leave_alone(name)

    def leave_alone(self, name: str) -> None:
        """Keep nothing that was suggested in a document."""
        self._memory.drop(name)
        self._end_preparing(name)

    def next_number(self, name: str) -> int:
        """Number a new question about a document; older ones are no longer answered."""
        self._newest[name] = number = next(self._numbers)
        return number

    async def ask(self, question: Question, number: int) -> tuple[Suggestion, ...]:
        """Say what to insert; nothing when a newer question came, the document went another way, or there is no engine.

        Args:
            question: what is asked.
            number: from `next_number`, taken when the question came.
        """
        await self._prepared_for(question)
        whys: list[str] = []
        found = await self._found(question, number, whys.append)
        now = self._host.documents.get(question.document.name)
        if now is None or not self._is_newest(question, number):
            return ()
        inactive = self._host.inactive(now)
        shown = () if inactive else [it for one in found if (it := rebased(one, question.document, now))]
        if question.invoked and not shown:
            moved = ["The document was changed meanwhile."] if found else []
            self._on_nothing(inactive or self._host.limited(now) or [*moved, *whys, _NOTHING][0])
        return tuple(shown)

    async def _found(
        self, question: Question, number: int | None, tell: Callable[[str], None] = lambda sentence: None
    ) -> tuple[Suggestion, ...]:
        """What to insert; nothing where that cannot be found out. Without a number it is wanted until cancelled."""

        def why(sentence: str) -> None:
            line, column = question.document.place(question.offset)
            self._on_why(f"{question.document.name}:{line}:{column}: {sentence}")
            tell(sentence)

        try:
            return await self._answer(question, number, why)
        except RequestCancelledError:
            return ()
        except InfillError as error:
            if isinstance(error, RequestFailedError | RequestRefusedError):  # Of others the engine's status tells.
                self._host.tell_failure(str(error))
            why(str(error))
            return ()

    async def _answer(
        self, question: Question, number: int | None, why: Callable[[str], None]
    ) -> tuple[Suggestion, ...]:
        """What is remembered; else wait for an engine that is starting, and ask it.

        Who types goes on typing and is told nothing when their time is up; who asks by hand waits for the answer.
        """
        host = self._host
        if not host.tell_notices(question.document):
            return ()
        if known := self._remembered(question):
            return known
        try:
            async with asyncio.timeout(None if question.invoked else host.effective_settings.budget_ms(False) / 1e3):
                engine = await (host.engine_by_hand() if question.invoked else host.engine_while_typing())
        except TimeoutError:
            why("The engine is not ready yet.")
            return ()
        if not self._is_newest(question, number) or not host.tell_notices(question.document):
            return ()
        from infill_lsp.completion.complete import complete  # noqa: PLC0415  # `initialize` need not wait for it.

        memory, settings = self._memory, host.effective_settings  # They are others if settings change meanwhile.
        watcher = host.watcher if question.invoked else None
        found = await complete(question, host.surroundings(question), engine, settings, why, watcher)
        if question.selected is None and question.document.name in host.documents:
            found = memory.joined(question.document, question.offset, found)[: settings.candidates]
            memory.add(question.document, question.offset, found)
        return found

    def _is_newest(self, question: Question, number: int | None) -> bool:
        return number is None or self._newest.get(question.document.name) == number

    def _remembered(self, question: Question) -> tuple[Suggestion, ...]:
        """What is suggested already, as far as it has not been typed; who asks by hand wants it all anew."""
        if question.invoked or question.selected:
            return ()
        return self._memory.find(question.document, question.offset)

    def _prepare(self, question: Question) -> None:
        """Find out what may come next before anybody asks."""
        self._end_preparing(name := question.document.name)
        task = asyncio.ensure_future(self._found(question, None))
        self._prepared[name] = question, task

    async def _prepared_for(self, question: Question) -> None:
        """Wait for what is being prepared, if it is just what is asked for; else it is not worth going on with."""
        prepared = self._prepared.get(question.document.name)
        if prepared is None:
            return
        asked, task = prepared
        if question.invoked or (asked.document.text, asked.offset) != (question.document.text, question.offset):
            self._end_preparing(question.document.name)
        else:
            await asyncio.wait({task})

    def _end_preparing(self, name: str) -> None:
        if prepared := self._prepared.pop(name, None):
            prepared[1].cancel()

    async def edit(self, offer: Offer) -> Edit | None:
        """Make an edit that was offered; None where the model found nothing that is right.

        Raises:
            StaleError: the document has changed since the offer, be it while the model was asked.
            InactiveError: nothing is written in this document.
            InfillError: the engine cannot answer.
        """
        document = self._offered(offer)
        if reason := self._host.inactive(document) or self._host.limited(document):
            raise InactiveError(reason)
        self._end_edit(offer.name)
        task = self._edits[offer.name] = asyncio.ensure_future(self._resolved(document, offer))
        try:
            return await task
        except asyncio.CancelledError:
            self._offered(offer)  # If it was a change that ended it, that is what to say.
            raise
        finally:
            task.cancel()
            if self._edits.get(offer.name) is task:
                del self._edits[offer.name]

    async def _resolved(self, document: Document, offer: Offer) -> Edit | None:
        from infill_lsp.edits.resolve import resolve  # noqa: PLC0415  # `initialize` need not wait for it.

        engine = await self._host.engine_by_hand()
        ask = partial(engine.ask, stream=f"edit {offer.name}")
        return await resolve(document, offer, ask, watcher=self._host.watcher)

    def _offered(self, offer: Offer) -> Document:
        """The document of an offer, if it is still as it was."""
        document = self._host.documents.get(offer.name)
        if document is None:
            raise StaleError(f"{offer.name} is not open any more")
        offer.check(document)
        return document

    def _end_edit(self, name: str) -> None:
        if task := self._edits.get(name):
            task.cancel()
