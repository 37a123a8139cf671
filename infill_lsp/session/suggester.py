"""Asks for suggestions and edits: the newest question about a document wins, and suggestions are remembered.

When a suggestion is taken, the next one is prepared before anyone asks for it. An answer that comes late is preceded by
copies, where the client can be told to ask again. Must not import LSP types, and depends on the session only through
`Host`.
"""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, Protocol

from infill_lsp.completion.cache import Memory
from infill_lsp.completion.clock import AnswerClock
from infill_lsp.completion.copies import Copies
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
from infill_lsp.session.prepared import Prepared
from infill_lsp.settings.settings import ServerSettings
from infill_lsp.suggestions.suggestion import Suggestion
from infill_lsp.text.document import Document
from infill_lsp.text.progress import Watcher

_NOTHING: Final = "The model found nothing that fits here."

SOON: Final = 0.15
"""Seconds that an answer may take before copies are shown in its place; none if the last answer took longer."""


class Host(Protocol):
    """The part of a session that a suggester needs."""

    watcher: Watcher | None
    on_timing: Callable[[Question, AnswerClock], None] | None
    on_refresh: Callable[[Document], None] | None

    @property
    def answers(self) -> bool:
        """Whether the engine's model is loaded."""

    @property
    def documents(self) -> Mapping[str, Document]:
        """The open documents, by name."""

    @property
    def effective_settings(self) -> ServerSettings:
        """The settings, with the model that `auto` chose."""

    def inactive(self, document: Document) -> str | None:
        """Return why nothing is suggested in a document; None if something may be."""

    def limited(self, document: Document) -> str | None:
        """Return why only copies are suggested in a document; None if the model writes, too."""

    def tell_notices(self, document: Document) -> bool:
        """Put a document's notices into the status; return whether something may be suggested in it."""

    def tell_failure(self, sentence: str) -> None:
        """Put the reason why a request failed into the status."""

    def surroundings(self, question: Question) -> Surroundings:
        """Return the further context of a question for the model."""

    async def engine_while_typing(self) -> FallbackEngine:
        """Return the engine, once its model is loaded."""

    async def engine_by_hand(self) -> FallbackEngine:
        """Return the engine, once its model is loaded; raise as soon as it ends or cannot load."""


class Suggester:
    """The questions and edits of one session."""

    def __init__(self, host: Host, on_why: Callable[[str], None], on_nothing: Callable[[str], None]) -> None:
        """Ask nothing yet.

        Args:
            host: the session.
            on_why: called with where and why something is not suggested.
            on_nothing: called with the reason if a user who asked by hand gets nothing.
        """
        self._host, self._on_why, self._on_nothing = host, on_why, on_nothing
        self._numbers = itertools.count(1)
        self._newest: dict[str, int] = {}
        self._memory = Memory()
        self._prepared: dict[str, Prepared] = {}
        self._last_ms = 0.0
        self._by_hand: dict[str, tuple[Question, asyncio.Future[None]]] = {}
        self._edits: dict[str, asyncio.Task[Edit | None]] = {}

    def forget(self) -> None:
        """Forget all suggestions, because they may be different now, or none."""
        self._memory = Memory()
        for name in list(self._prepared):
            self._end_preparing(name)

    def changed(self, document: Document) -> None:
        """End the edit of a changed document; if the change took a suggestion, prepare the next one."""
        self._end_edit(document.name)
        cursor = None if document.is_too_large else self._memory.taken(document)
        if cursor is not None:
            self._prepare(Question(document, cursor, invoked=False))

    def closed(self, name: str) -> None:
        """End all work for a closed document."""
        self._newest.pop(name, None)
        self._end_edit(name)
        self.leave_alone(name)

    def leave_alone(self, name: str) -> None:
        """Forget all suggestions in a document."""
        self._memory.drop(name)
        self._end_preparing(name)

    def next_number(self, question: Question) -> int:
        """Number a new question; older ones about the same document are no longer answered.

        An editor also asks by itself at the place where the user has just asked by hand. Its question takes the number
        of the user's, so that both are answered.
        """
        name = question.document.name
        if self._asked_by_hand(question) is None:
            self._newest[name] = next(self._numbers)
            self._end_by_hand(name)
        if question.invoked:
            self._by_hand[name] = question, asyncio.get_running_loop().create_future()
        return self._newest[name]

    def _asked_by_hand(self, question: Question) -> "asyncio.Future[None] | None":
        """Return a future of the answer to the same question asked by hand; None if there is none."""
        asked, answered = self._by_hand.get(question.document.name, (None, None))
        if asked is None or question.invoked or question.selected is not None:
            return None
        same = (asked.document.text, asked.offset) == (question.document.text, question.offset)
        return answered if same else None

    async def ask(self, question: Question, number: int) -> tuple[Suggestion, ...]:
        """Return suggestions; none if a newer question came, the text no longer fits them, or there is no engine.

        Args:
            question: the question to answer.
            number: from `next_number`, taken when the question came.
        """
        if (answered := self._asked_by_hand(question)) is not None:  # What it finds is remembered.
            await asyncio.wait({answered}, timeout=self._host.effective_settings.budget_ms(False) / 1e3)
        whys: list[str] = []
        clock = AnswerClock()
        try:
            prepared = await self._prepared_for(question)
            if prepared is None:
                found = await self._first(question, number, whys.append, clock)
            else:
                found, clock.source = prepared, "prepared"
        finally:
            if self._by_hand.get(question.document.name, (None,))[0] is question:
                self._end_by_hand(question.document.name)
        now = self._host.documents.get(question.document.name)
        if now is None or not self._is_newest(question, number):
            return ()
        if self._host.on_timing is not None:
            self._host.on_timing(question, clock)
        inactive = self._host.inactive(now)
        shown = () if inactive else [it for one in found if (it := rebased(one, question.document, now))]
        if question.invoked and not shown:
            moved = ["The document was changed in the meantime."] if found else []
            self._on_nothing(inactive or self._host.limited(now) or [*moved, *whys, _NOTHING][0])
        return tuple(shown)

    def _end_by_hand(self, name: str) -> None:
        if found := self._by_hand.pop(name, None):
            found[1].set_result(None)

    async def _first(
        self, question: Question, number: int, tell: Callable[[str], None], clock: AnswerClock
    ) -> tuple[Suggestion, ...]:
        """Return suggestions; if they come late, copies, and the client is told to ask again once they are there."""
        patience = self._patience(question)
        if patience is None:
            return await self._found(question, number, tell, clock)
        task = asyncio.ensure_future(self._found(question, number, tell, clock))
        try:
            await asyncio.wait({task}, timeout=patience)
            copies = () if task.done() else await self._copies(question)
            if task.done() or not copies:
                return await task
        except asyncio.CancelledError:
            task.cancel()
            raise
        clock.source = "copies"
        self._memory.show_meanwhile(question.document, copies[0])
        self._put(prepared := Prepared(question, task, copies))
        task.add_done_callback(lambda _: self._arrived(prepared))
        return copies

    def _patience(self, question: Question) -> float | None:
        """Return the seconds after which copies are shown; None if they never are, for they could not be replaced."""
        if question.invoked or question.selected is not None or self._host.on_refresh is None:
            return None
        return SOON if self._host.answers and self._last_ms <= SOON * 1e3 else 0.0

    async def _copies(self, question: Question) -> tuple[Suggestion, ...]:
        """Return what can be copied, judged as the model's fills are."""
        if not self._host.tell_notices(question.document):
            return ()
        from infill_lsp.completion.complete import complete  # noqa: PLC0415  # `initialize` need not wait for it.

        return await complete(question, self._host.surroundings(question), Copies(), self._host.effective_settings)

    def _arrived(self, prepared: Prepared) -> None:
        """Have the client ask again if the suggestion that has come is another than the copy that it shows."""
        asked = prepared.question.document
        now = self._host.documents.get(asked.name)
        if now is None or now.text != asked.text or self._prepared.get(asked.name) is not prepared:
            return
        if prepared.differs and self._host.on_refresh is not None:
            self._host.on_refresh(now)

    async def _found(
        self,
        question: Question,
        number: int | None,
        tell: Callable[[str], None] = lambda sentence: None,
        clock: AnswerClock | None = None,
    ) -> tuple[Suggestion, ...]:
        """Find suggestions; none if that fails. Without a number, the question is current until cancelled."""

        def why(sentence: str) -> None:
            line, column = question.document.place(question.offset)
            self._on_why(f"{question.document.name}:{line}:{column}: {sentence}")
            tell(sentence)

        try:
            return await self._answer(question, number, why, clock or AnswerClock())
        except RequestCancelledError:
            return ()
        except InfillError as error:
            if isinstance(error, RequestFailedError | RequestRefusedError):  # The engine's status tells of all others.
                self._host.tell_failure(str(error))
            why(str(error))
            return ()

    async def _answer(
        self, question: Question, number: int | None, why: Callable[[str], None], clock: AnswerClock
    ) -> tuple[Suggestion, ...]:
        """Return remembered suggestions, or else wait for an engine that is starting, and ask it.

        While the user types, the wait ends silently with the budget; a user who asks by hand waits for the answer.
        """
        host = self._host
        if not host.tell_notices(question.document):
            return ()
        if known := self._remembered(question):
            clock.source = "remembered"
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

        memory, settings = self._memory, host.effective_settings  # Both are replaced if settings change meanwhile.
        watcher = host.watcher if question.invoked else None
        found = await complete(question, host.surroundings(question), clock.timed(engine), settings, why, watcher)
        self._last_ms = clock.engine_ms
        if question.selected is None and question.document.name in host.documents:
            found = memory.joined(question.document, question.offset, found)[: settings.candidates]
            memory.add(question.document, question.offset, found)
        return found

    def _is_newest(self, question: Question, number: int | None) -> bool:
        return number is None or self._newest.get(question.document.name) == number

    def _remembered(self, question: Question) -> tuple[Suggestion, ...]:
        """Return known suggestions, less what has been typed of them; a user who asks by hand gets new ones."""
        if question.invoked or question.selected:
            return ()
        return self._memory.find(question.document, question.offset)

    def _prepare(self, question: Question) -> None:
        """Find the likely next suggestions before anyone asks for them."""
        self._put(Prepared(question, asyncio.ensure_future(self._found(question, None))))

    def _put(self, prepared: Prepared) -> None:
        """Keep the work on a question; end what was being prepared for its document."""
        self._end_preparing(name := prepared.question.document.name)
        self._prepared[name] = prepared

    async def _prepared_for(self, question: Question) -> tuple[Suggestion, ...] | None:
        """Return the suggestions being prepared if they are for this very question; otherwise end that work.

        Returns:
            The suggestions, once they are there; None if they are for another question, or their work was ended.
        """
        prepared = self._prepared.get(question.document.name)
        if prepared is None:
            return None
        if not prepared.answers(question):
            self._end_preparing(question.document.name)
            return None
        return await prepared.found()

    def _end_preparing(self, name: str) -> None:
        if prepared := self._prepared.pop(name, None):
            prepared.task.cancel()

    async def edit(self, offer: Offer) -> Edit | None:
        """Make an edit that was offered; return None if the model found nothing suitable.

        Raises:
            StaleError: the document has changed since the offer, possibly while the model was asked.
            InactiveError: nothing is filled in this document.
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
            self._offered(offer)  # If a change of the document ended it, that is the error to raise.
            raise
        finally:
            task.cancel()
            if self._edits.get(offer.name) is task:
                del self._edits[offer.name]

    async def _resolved(self, document: Document, offer: Offer) -> Edit | None:
        from infill_lsp.edits.resolve import resolve  # noqa: PLC0415  # `initialize` need not wait for it.

        engine = await self._host.engine_by_hand()
        ask = partial(engine.ask, stream=f"edit {offer.name}")
        reads = engine.info is not None and engine.info.reads
        return await resolve(document, offer, ask, watcher=self._host.watcher, reads=reads)

    def _offered(self, offer: Offer) -> Document:
        """Return the document of an offer, if it is still unchanged."""
        document = self._host.documents.get(offer.name)
        if document is None:
            raise StaleError(f"{offer.name} is no longer open")
        offer.check(document)
        return document

    def _end_edit(self, name: str) -> None:
        if task := self._edits.get(name):
            task.cancel()
