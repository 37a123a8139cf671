"""One editor's session: its open documents and notebooks, its settings, its engine, and how that is.

Only opening, changing and closing replace a document; a question is answered from the document as it was asked of.
The newest question of a document is the only one that is answered. It knows no LSP types.
"""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from infill_lsp.document import LARGEST, Document
from infill_lsp.edits.edit import Edit
from infill_lsp.edits.offer import Offer
from infill_lsp.engine.fallback import FallbackEngine
from infill_lsp.engine.messages import Status as EngineStatus
from infill_lsp.errors import (
    EngineFailedError,
    InactiveError,
    InfillError,
    RequestCancelledError,
    RequestFailedError,
    RequestRefusedError,
    StaleError,
)
from infill_lsp.notebooks import Notebook
from infill_lsp.privacy import inactive_reason
from infill_lsp.question import Question, Surroundings, knows_language, rebased
from infill_lsp.secret_files import secret_reason
from infill_lsp.settings import EngineSettings, ServerSettings
from infill_lsp.status import Notice, Status
from infill_lsp.suggestions.insertion import Insertion
from infill_lsp.suggestions.memory import Memory
from infill_lsp.watching import Watcher

if TYPE_CHECKING:
    from infill_lsp.context import Workspace

EngineCommand = Callable[[EngineSettings], Sequence[str]]
"""From settings to the command line that starts an engine."""

_PATIENCE: Final = 10.0
"""Seconds that who asks by hand waits for an engine that is not even starting."""

_SWITCHED_OFF: Final = "Suggestions are switched off by infill.enable."

_NOTHING: Final = "The model found nothing that fits here."


class Session:
    """What there is as long as an editor is connected: `start`, then anything, then `close`."""

    def __init__(
        self,
        engine_command: EngineCommand,
        settings: ServerSettings,
        on_status: Callable[[Status], None],
        on_why: Callable[[str], None] = lambda sentence: None,
        on_nothing: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        """Start nothing yet.

        Args:
            engine_command: from settings to the command line that starts an engine.
            settings: that hold at first.
            on_status: told whenever the status changes.
            on_why: told where, and why, something is not suggested: for who looks into it.
            on_nothing: told why someone who asked by hand gets nothing.
        """
        self.settings = self._effective = settings
        self.documents: dict[str, Document] = {}
        self.notebooks: dict[str, Notebook] = {}
        self.status = Status()
        self._told: Status | None = None
        self.engine: FallbackEngine | None = None
        self.watcher: Watcher | None = None
        self._engine_command, self._on_status, self._on_why = engine_command, on_status, on_why
        self._on_nothing = on_nothing
        self._roots: tuple[Path, ...] = ()
        self._files: Workspace | None = None
        self._numbers = itertools.count(1)
        self._newest: dict[str, int] = {}
        self._memory = Memory()
        self._prepared: dict[str, tuple[Question, asyncio.Task[tuple[Insertion, ...]]]] = {}
        self._edits: dict[str, asyncio.Task[Edit | None]] = {}
        self._changing = asyncio.Lock()
        self._started = asyncio.Event()
        self._closed = False

    async def start(self) -> None:
        """Start the engine in the background, or another one where settings say so."""
        async with self._changing:
            await self._end_engine()
            self._effective = self._chosen()
            self.engine = await self._chosen_engine().__aenter__()
            self._started.set()
        inactive_reason("any")  # It makes ready now what it needs, rather than while someone waits for a suggestion.

    async def choose_again(self) -> bool:
        """Start another engine where `auto` chooses another model now, or the chosen one has failed; whether it did."""
        engine = self.engine
        if engine is None or (self._chosen() == self._effective and not engine.reason):
            return False
        self._forget()
        await self.start()
        return True

    def _chosen(self) -> ServerSettings:
        """The settings, with the model that `auto` chooses now."""
        from infill_lsp.models.choice import resolved  # noqa: PLC0415  # `initialize` need not wait for it.

        return resolved(self.settings)

    def _chosen_engine(self) -> FallbackEngine:
        chosen = self._effective.engine
        other = self._engine_command(chosen.embedded) if chosen.can_fall_back else None
        return FallbackEngine(self._engine_command(chosen), other, on_status=self._engine_is)

    async def loaded(self) -> None:
        """Wait until the model is loaded, or it is clear that it will not be."""
        if self.engine is not None:
            with suppress(InfillError):
                await self.engine.ready()

    async def close(self) -> None:
        """End the engine, and what is read in the background."""
        self._leave_workspace()
        self._forget()
        async with self._changing:
            await self._end_engine()
            self._closed = True
            self._started.set()  # Nobody need wait any longer.

    async def _end_engine(self) -> None:
        """End the engine, whose last words are no news to anyone."""
        self._started.clear()
        engine, self.engine = self.engine, None
        if engine is not None:
            await engine.__aexit__(None, None, None)

    def enter(self, roots: tuple[Path, ...]) -> None:
        """The editor's workspace has these folders now."""
        self._roots = roots
        self._leave_workspace()

    @property
    def _workspace(self) -> "Workspace":
        """What other files say; `initialize` need not wait for it, so it is made when it is first asked for."""
        if self._files is None:
            from infill_lsp.context import Workspace  # noqa: PLC0415

            self._files = Workspace(self._roots, self.settings.exclude)
            for document in self.documents.values():
                if not document.is_too_large:
                    self._files.opened(document)
        return self._files

    def _leave_workspace(self) -> None:
        if self._files is not None:
            self._files.close()
            self._files = None

    async def configure(self, settings: ServerSettings) -> None:
        """Take new settings; the engine starts again where it must, or where it has failed and now may not."""
        before, self.settings = self.settings, settings
        if before != settings:
            self._forget()
        if before.exclude != settings.exclude:
            self.enter(self._roots)
        engine = self.engine
        self._effective = replace(settings, model=self._effective.model)
        failed = engine is not None and (engine.reason or engine.status.state == "degraded")
        if engine is not None and (before.engine != settings.engine or (failed and before != settings)):
            await self.start()

    def _forget(self) -> None:
        """Forget what was suggested: it may be other now, or nothing."""
        self._memory = Memory()
        for name in list(self._prepared):
            self._end_preparing(name)

    def put(self, document: Document) -> None:
        """A document was opened or changed."""
        self.documents[document.name] = document
        self._end_edit(document.name)
        if document.is_too_large:
            self._leave_alone(document.name)
            return
        self._workspace.changed(document)
        cursor = self._memory.taken(document)
        if cursor is not None and self.engine is not None:
            self._prepare(Question(document, cursor, invoked=False))

    def drop(self, name: str) -> None:
        """A document was closed; one that was not open is no error."""
        if self.documents.pop(name, None):
            self._newest.pop(name, None)
            self._end_edit(name)
            self._leave_alone(name)

    def _leave_alone(self, name: str) -> None:
        """Keep nothing that was found out about a document."""
        self._memory.drop(name)
        self._end_preparing(name)
        if self._files is not None:
            self._files.closed(name)

    async def ask(self, question: Question, number: int) -> tuple[Insertion, ...]:
        """What to insert; nothing when a newer question came, the document went another way, or there is no engine.

        Args:
            question: what is asked.
            number: from `next_number`, taken when the question came.
        """
        await self._prepared_for(question)
        whys: list[str] = []
        found = await self._found(question, number, whys.append)
        now = self.documents.get(question.document.name)
        if now is None or not self._is_newest(question, number):
            return ()
        shown = () if self.inactive(now) else [it for one in found if (it := rebased(one, question.document, now))]
        if question.invoked and not shown:
            moved = ["The document was changed meanwhile."] if found else []
            self._on_nothing(self.inactive(now) or self.limited(now) or [*moved, *whys, _NOTHING][0])
        return tuple(shown)

    async def _found(
        self, question: Question, number: int | None, tell: Callable[[str], None] = lambda sentence: None
    ) -> tuple[Insertion, ...]:
        """What to insert; nothing where that cannot be found out. Without a number it is wanted until cancelled."""

        def why(sentence: str) -> None:
            self._why(question, sentence)
            tell(sentence)

        try:
            return await self._answer(question, number, why)
        except RequestCancelledError:
            return ()
        except InfillError as error:
            if isinstance(
                error, RequestFailedError | RequestRefusedError
            ):  # Of other errors the engine's status tells.
                self._tell(replace(self.status, reason=str(error)))
            why(str(error))
            return ()

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
        if reason := self.inactive(document) or self.limited(document):
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

        engine = await self._engine_by_hand()
        ask = partial(engine.ask, stream=f"edit {offer.name}")
        return await resolve(document, offer, ask, watcher=self.watcher)

    def _offered(self, offer: Offer) -> Document:
        """The document of an offer, if it is still as it was."""
        document = self.documents.get(offer.name)
        if document is None:
            raise StaleError(f"{offer.name} is not open any more")
        offer.check(document)
        return document

    def _end_edit(self, name: str) -> None:
        if task := self._edits.get(name):
            task.cancel()

    async def _answer(
        self, question: Question, number: int | None, why: Callable[[str], None]
    ) -> tuple[Insertion, ...]:
        """What is remembered; else wait for an engine that is starting, and ask it.

        Who types goes on typing and is told nothing when their time is up; who asks by hand waits for the answer.
        """
        if self._is_inactive(question.document):
            return ()
        if known := self._remembered(question):
            return known
        try:
            async with asyncio.timeout(None if question.invoked else self._effective.budget_ms(False) / 1e3):
                engine = await (self._engine_by_hand() if question.invoked else self._loaded_engine())
        except TimeoutError:
            why("The engine is not ready yet.")
            return ()
        if not self._is_newest(question, number) or self._is_inactive(question.document):
            return ()
        from infill_lsp.complete import complete  # noqa: PLC0415  # `initialize` need not wait for it.

        memory = self._memory  # It is another one if settings change meanwhile.
        surroundings = Surroundings(self._cells_before(question.document), self._excerpts(question))
        watcher = self.watcher if question.invoked else None
        found = await complete(question, surroundings, engine, self._effective, why, watcher)
        if question.selected is None and question.document.name in self.documents:
            found = memory.joined(question.document, question.offset, found)[: self.settings.candidates]
            memory.add(question.document, question.offset, found)
        return found

    def _why(self, question: Question, sentence: str) -> None:
        line, column = question.document.place(question.offset)
        self._on_why(f"{question.document.name}:{line}:{column}: {sentence}")

    def _remembered(self, question: Question) -> tuple[Insertion, ...]:
        """What is suggested already, as far as it has not been typed; who asks by hand wants it all anew."""
        if question.invoked or question.selected:
            return ()
        return self._memory.find(question.document, question.offset)

    async def _loaded_engine(self) -> FallbackEngine:
        await self._started.wait()
        if self.engine is None:
            raise EngineFailedError("The session has ended.")
        await self.engine.ready()
        return self.engine

    async def _engine_by_hand(self) -> FallbackEngine:
        """The engine once its model is loaded, however long that takes; an error as soon as it ends or cannot load."""
        while not self._closed:
            try:
                await asyncio.wait_for(self._started.wait(), _PATIENCE)
            except TimeoutError:
                raise EngineFailedError("The engine was not started, for the editor is not initialized.") from None
            engine = self.engine
            try:
                if engine is not None:
                    await engine.up()
                    return engine
            except InfillError:
                if engine is self.engine:  # Otherwise it was replaced by another one meanwhile.
                    raise
        raise EngineFailedError("The session has ended.")

    def next_number(self, name: str) -> int:
        """The number of a new question about a document; older ones are no longer answered."""
        self._newest[name] = number = next(self._numbers)
        return number

    def _is_newest(self, question: Question, number: int | None) -> bool:
        return number is None or self._newest.get(question.document.name) == number

    def inactive(self, document: Document) -> str | None:
        """Why nothing is suggested in a document; None where something may be."""
        if not self.settings.enable:
            return _SWITCHED_OFF
        if document.is_too_large:
            return _too_large(document)
        if reason := inactive_reason(document.name, document.text, self.settings.exclude):
            return reason
        return self.unconfirmed

    @property
    def unconfirmed(self) -> str | None:
        """Why nothing may be sent to the endpoint of the settings yet; None where it may, or there is none."""
        endpoint = self.settings.engine.endpoint
        if endpoint is None:
            return None
        from infill_lsp.endpoints import consent  # noqa: PLC0415  # Most servers ask no endpoint.

        return consent.refusal(endpoint)

    def confirmed(self) -> None:
        """The user allowed an endpoint, or took that back: say how it is now."""
        if self.engine is not None:
            self._engine_is(self.engine.status)

    def limited(self, document: Document) -> str | None:
        """Why only copies are suggested in a document; None where the model writes, too."""
        info = self.engine.info if self.engine else None
        if info is None or knows_language(info, document):
            return None
        language = document.language.name if document.language else "this language"
        return f"The model was not trained on {language}: only copies from here and from files nearby are suggested."

    def _is_inactive(self, document: Document) -> bool:
        reasons = self.inactive(document), self.limited(document)
        inactive, limited = (Notice(document.name, it) if it else None for it in reasons)
        if (inactive, limited) != (self.status.inactive, self.status.limited):
            self._tell(replace(self.status, inactive=inactive, limited=limited))
        return inactive is not None

    def _cells_before(self, document: Document) -> str:
        """The code of the cells before this one, of the same language; those that may hold secrets are left out."""
        names = (name for notebook in self.notebooks.values() for name in notebook.before(document.name))
        cells = (self.documents[name] for name in names if name in self.documents)
        alike = (it for it in cells if it.language == document.language)
        return "".join(it.text.rstrip() + "\n\n" for it in alike if not secret_reason("", it.text))

    def _excerpts(self, question: Question) -> tuple[str, ...]:
        context = self.settings.context
        if not context.enable or not context.chars:
            return ()
        return self._workspace.excerpts(question.document, question.offset, context.chars)

    def _engine_is(self, status: EngineStatus) -> None:
        if self.engine is None:
            return
        info = self.engine.info
        model, device = (info.name, info.device) if info else ("", "")
        reason = status.reason or self.unconfirmed or ""
        if self.engine.given_up:
            reason = f"{reason.rstrip('.')}. It is tried again when a setting of infill changes."
        self._tell(replace(self.status, state=status.state, reason=reason, model=model, device=device))

    def _tell(self, status: Status) -> None:
        if status != self._told:
            self.status = self._told = status
            self._on_status(status)


def _too_large(document: Document) -> str:
    size, most = (f"{it / 1e6:.1f} million characters" for it in (document.lines.length, LARGEST))
    name = unquote(document.name).rpartition("/")[2]
    return f"{name} has {size}; nothing is suggested in documents of more than {most}."
