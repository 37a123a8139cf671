"""One editor's session: its open documents and notebooks, its settings, its engine, and the engine's status.

Only opening, changing and closing a document replace it. Suggestions are left to the suggester. Must not import LSP
types.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from infill_lsp.completion.clock import AnswerClock
from infill_lsp.completion.question import Question, Surroundings, knows_language
from infill_lsp.engine.fallback import FallbackEngine
from infill_lsp.engine.messages import EngineStatus
from infill_lsp.errors import (
    EngineFailedError,
    InfillError,
)
from infill_lsp.privacy.rules import inactive_reason
from infill_lsp.privacy.secret_files import secret_reason
from infill_lsp.session.next_edits import NextEdits
from infill_lsp.session.notebooks import Notebook
from infill_lsp.session.status import Notice, ServerStatus
from infill_lsp.session.suggester import Suggester
from infill_lsp.settings.settings import EngineCommand, ServerSettings
from infill_lsp.text.document import LARGEST, Document
from infill_lsp.text.progress import Watcher

if TYPE_CHECKING:
    from infill_lsp.context import Workspace
    from infill_lsp.edits.next_edits.history import Offered

_PATIENCE: Final = 10.0
"""Seconds that a user who asks by hand waits for an engine that is not even starting."""

CHECKED_EVERY: Final = 1.0
"""Seconds after which the disk is asked again where the path of an unchanged document leads."""

_SWITCHED_OFF: Final = "Suggestions are switched off by infill.enable."


@dataclass(frozen=True, slots=True)
class _Checked:
    """Why a document may not be read, None if it may; found at a time in seconds of a monotonic clock."""

    document: Document
    exclude: tuple[str, ...]
    at: float
    reason: str | None


class Session:
    """The state of a connection to an editor: call `start`, then anything, then `close`."""

    def __init__(
        self,
        engine_command: EngineCommand,
        settings: ServerSettings,
        on_status: Callable[[ServerStatus], None],
        on_why: Callable[[str], None] = lambda sentence: None,
        on_nothing: Callable[[str], None] = lambda sentence: None,
        on_next_edits: "Callable[[Document, tuple[Offered, ...]], None]" = lambda document, offered: None,
    ) -> None:
        """Start nothing yet.

        Args:
            engine_command: returns the command line that starts an engine with given settings.
            settings: the initial settings.
            on_status: called whenever the status changes.
            on_why: called with where and why something is not suggested, for debugging.
            on_nothing: called with the reason if a user who asked by hand gets nothing.
            on_next_edits: called with what waits in a document once that changes.
        """
        self.settings = self.effective_settings = settings
        self.documents: dict[str, Document] = {}
        self.notebooks: dict[str, Notebook] = {}
        self.status = ServerStatus()
        self._told: ServerStatus | None = None
        self.engine: FallbackEngine | None = None
        self.watcher: Watcher | None = None
        self.on_timing: Callable[[Question, AnswerClock], None] | None = None
        self.on_refresh: Callable[[Document], None] | None = None
        self.suggester = Suggester(self, on_why, on_nothing)
        self.next_edits = NextEdits(self._has_next_edits, on_next_edits, lambda: self.engine)
        self._engine_command, self._on_status = engine_command, on_status
        self._roots: tuple[Path, ...] = ()
        self._checked: _Checked | None = None
        self._files: Workspace | None = None
        self._changing = asyncio.Lock()
        self._started = asyncio.Event()
        self._closed = False

    async def start(self) -> None:
        """Start the engine in the background, or replace it by the one that the settings now require."""
        async with self._changing:
            await self._end_engine()
            self.effective_settings = self._chosen()
            self.engine = await self._chosen_engine().__aenter__()
            self._started.set()
        inactive_reason("any")  # Loads what it needs now, rather than while a user waits for a suggestion.
        self.next_edits.load()

    async def choose_again(self) -> bool:
        """Start another engine if `auto` now chooses another model or the chosen one failed; return whether it did."""
        engine = self.engine
        if engine is None or (self._chosen() == self.effective_settings and not engine.reason):
            return False
        self.suggester.forget()
        await self.start()
        return True

    def _chosen(self) -> ServerSettings:
        """Return the settings with the model that `auto` chooses now."""
        from infill_lsp.models.choice import resolved  # noqa: PLC0415  # `initialize` need not wait for it.

        return resolved(self.settings)

    def _chosen_engine(self) -> FallbackEngine:
        chosen = self.effective_settings.engine
        other = self._engine_command(chosen.embedded) if chosen.can_fall_back else None
        return FallbackEngine(self._engine_command(chosen), other, on_status=self._engine_is)

    @property
    def answers(self) -> bool:
        """Whether the engine's model is loaded."""
        return self.engine is not None and self.engine.status.state in {"ready", "busy"}

    async def loaded(self) -> None:
        """Wait until the model is loaded, or has failed to load."""
        if self.engine is not None:
            with suppress(InfillError):
                await self.engine.ready()

    async def close(self) -> None:
        """End the engine, and all reading in the background."""
        self._leave_workspace()
        self.suggester.forget()
        self.next_edits.close()
        async with self._changing:
            await self._end_engine()
            self._closed = True
            self._started.set()  # Releases all that still wait for the engine.

    async def _end_engine(self) -> None:
        """End the engine, ignoring its last changes of status."""
        self._started.clear()
        engine, self.engine = self.engine, None
        if engine is not None:
            await engine.__aexit__(None, None, None)

    def enter(self, roots: tuple[Path, ...]) -> None:
        """Set the folders of the editor's workspace."""
        self._roots = roots
        self._leave_workspace()

    @property
    def _workspace(self) -> "Workspace":
        """The contents of other files; created on first use, because `initialize` need not wait for it."""
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
        """Take new settings; the engine restarts if it must, or if it has failed and may work now."""
        before, self.settings = self.settings, settings
        if before != settings:
            self.suggester.forget()
        if before.exclude != settings.exclude:
            self.enter(self._roots)
        engine = self.engine
        self._take_back_next_edits()
        self.effective_settings = replace(settings, model=self.effective_settings.model)
        failed = engine is not None and (engine.reason or engine.status.state == "degraded")
        if engine is not None and (before.engine != settings.engine or (failed and before != settings)):
            await self.start()

    def _has_next_edits(self, document: Document) -> bool:
        return self.settings.next_edit and document.language is not None and not self.inactive(document)

    def _take_back_next_edits(self) -> None:
        """Forget the edits of documents in which none are wanted by the present settings."""
        for document in self.documents.values():
            if not self._has_next_edits(document):
                self.next_edits.leave_alone(document)

    def put(self, document: Document) -> None:
        """Take a document that was opened or changed."""
        before = self.documents.get(document.name)
        self.documents[document.name] = document
        if document.is_too_large:
            self._leave_alone(document.name)
        else:
            self._workspace.changed(document)
        self.suggester.changed(document)
        self.next_edits.changed(before, document)

    def drop(self, name: str) -> None:
        """Forget a closed document; one that was not open is no error."""
        if self.documents.pop(name, None):
            self._leave_alone(name)
            self.suggester.closed(name)
            self.next_edits.closed(name)

    def _leave_alone(self, name: str) -> None:
        """Forget all that was derived from a document."""
        self.suggester.leave_alone(name)
        if self._files is not None:
            self._files.closed(name)

    async def engine_while_typing(self) -> FallbackEngine:
        """Return the engine, once its model is loaded.

        Raises:
            EngineFailedError: the session has ended.
            InfillError: the model cannot be loaded.
        """
        await self._started.wait()
        if self.engine is None:
            raise EngineFailedError("The session has ended.")
        await self.engine.ready()
        return self.engine

    async def engine_by_hand(self) -> FallbackEngine:
        """Return the engine once its model is loaded, however long that takes; raise once it ends or cannot load."""
        while not self._closed:
            try:
                await asyncio.wait_for(self._started.wait(), _PATIENCE)
            except TimeoutError:
                raise EngineFailedError("The engine was not started, because the editor is not initialized.") from None
            engine = self.engine
            try:
                if engine is not None:
                    await engine.up()
                    return engine
            except InfillError:
                if engine is self.engine:  # Otherwise another one has replaced it meanwhile.
                    raise
        raise EngineFailedError("The session has ended.")

    def inactive(self, document: Document) -> str | None:
        """Return why nothing is suggested in a document; None if something may be."""
        if not self.settings.enable:
            return _SWITCHED_OFF
        if document.is_too_large:
            return _too_large(document)
        return self._secrecy(document) or self.unconfirmed

    def _secrecy(self, document: Document) -> str | None:
        """Return why a document is not read at all; it is asked several times at each key, and looks at the disk."""
        now, exclude = time.monotonic(), self.settings.exclude
        known = self._checked
        if known and known.document is document and known.exclude == exclude and now - known.at < CHECKED_EVERY:
            return known.reason
        reason = inactive_reason(document.name, document.text, exclude)
        self._checked = _Checked(document, exclude, now, reason)
        return reason

    @property
    def unconfirmed(self) -> str | None:
        """Why nothing may be sent to the endpoint of the settings yet; None if it may, or there is none."""
        endpoint = self.settings.engine.endpoint
        if endpoint is None:
            return None
        from infill_lsp.endpoints import consent  # noqa: PLC0415  # Most servers ask no endpoint.

        return consent.refusal(endpoint)

    def confirmed(self) -> None:
        """Update the status after the user has allowed an endpoint or withdrawn that."""
        if self.engine is not None:
            self._engine_is(self.engine.status)

    def limited(self, document: Document) -> str | None:
        """Return why only copies are suggested in a document; None if the model writes, too."""
        info = self.engine.info if self.engine else None
        if info is None or knows_language(info, document):
            return None
        language = document.language.name if document.language else "this language"
        return f"The model was not trained on {language}: only copies from this file and nearby files are suggested."

    def tell_notices(self, document: Document) -> bool:
        """Put a document's notices into the status; return whether something may be suggested in it."""
        reasons = self.inactive(document), self.limited(document)
        inactive, limited = (Notice(document.name, it) if it else None for it in reasons)
        if (inactive, limited) != (self.status.inactive, self.status.limited):
            self._tell(replace(self.status, inactive=inactive, limited=limited))
        return inactive is None

    def tell_failure(self, sentence: str) -> None:
        """Put the reason why a request failed into the status."""
        self._tell(replace(self.status, reason=sentence))

    def surroundings(self, question: Question) -> Surroundings:
        """Return the further context of a question for the model: earlier cells, and excerpts of other files."""
        return Surroundings(self._cells_before(question.document), self._excerpts(question))

    def _cells_before(self, document: Document) -> str:
        """Return the code of earlier cells in the same language, except those that may hold secrets."""
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
            reason = f"{reason.rstrip('.')}. It will be tried again when a setting of infill changes."
        self._tell(replace(self.status, state=status.state, reason=reason, model=model, device=device))

    def _tell(self, status: ServerStatus) -> None:
        if status != self._told:
            self.status = self._told = status
            self._on_status(status)


def _too_large(document: Document) -> str:
    size, most = (f"{it / 1e6:.1f} million characters" for it in (document.lines.length, LARGEST))
    name = unquote(document.name).rpartition("/")[2]
    return f"{name} has {size}; nothing is suggested in documents of more than {most}."
