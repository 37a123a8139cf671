"""One editor's session: its open documents and notebooks, its settings, its engine, and how that is.

Only opening, changing and closing replace a document; a question is answered from the document as it was asked of.
The newest question of a document is the only one that is answered. It knows no LSP types.
"""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from infill_lsp.complete import Question, Surroundings, complete, rebased
from infill_lsp.document import Document
from infill_lsp.engine.client import Engine
from infill_lsp.engine.messages import Status as EngineStatus
from infill_lsp.errors import (
    EngineFailedError,
    InfillError,
    RequestCancelledError,
    RequestFailedError,
    RequestRefusedError,
)
from infill_lsp.settings import EngineSettings, ServerSettings
from infill_lsp.stand_in import Insertion, Workspace, inactive_reason

EngineCommand = Callable[[EngineSettings], Sequence[str]]
"""From settings to the command line that starts an engine."""

_SWITCHED_OFF: Final = "Suggestions are switched off by infill.enable."


@dataclass(frozen=True, slots=True)
class Inactive:
    """A document in which nothing is suggested, and why."""

    uri: str
    reason: str


@dataclass(frozen=True, slots=True)
class Status:
    """How it is, in the words that people are shown.

    Attributes:
        state: of the engine.
        reason: a sentence when `degraded`.
        model: its name, once it is loaded.
        device: what it runs on.
        inactive: the document asked for last, when nothing is suggested there.
    """

    state: Literal["starting", "ready", "busy", "degraded"] = "starting"
    reason: str = ""
    model: str = ""
    device: str = ""
    inactive: Inactive | None = None

    @property
    def sentence(self) -> str:
        """For the log."""
        model = f" ({self.model} on {self.device})" if self.model else ""
        state = f"infill is {self.state}{model}."
        return " ".join(it for it in (state, self.reason, self.inactive.reason if self.inactive else "") if it)


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a notebook: the name of its document, and whether there is code in it."""

    name: str
    code: bool


@dataclass(frozen=True, slots=True)
class Notebook:
    """The cells of a notebook, in order."""

    cells: tuple[Cell, ...]

    def spliced(self, start: int, count: int, cells: tuple[Cell, ...]) -> "Notebook":
        """The notebook with other cells in the place of `count` of them."""
        return Notebook(self.cells[:start] + cells + self.cells[start + count :])

    def replaced(self, cells: tuple[Cell, ...]) -> "Notebook":
        """The notebook with these in the place of the cells of the same names."""
        new = {cell.name: cell for cell in cells}
        return Notebook(tuple(new.get(cell.name, cell) for cell in self.cells))

    def before(self, name: str) -> tuple[str, ...]:
        """The names of the cells with code before this one; none if it is not in this notebook."""
        names = [cell.name for cell in self.cells]
        first = names.index(name) if name in names else 0
        return tuple(cell.name for cell in self.cells[:first] if cell.code)


class Session:
    """What there is as long as an editor is connected: `start`, then anything, then `close`."""

    def __init__(
        self, engine_command: EngineCommand, settings: ServerSettings, on_status: Callable[[Status], None]
    ) -> None:
        self.settings = settings
        self.documents: dict[str, Document] = {}
        self.notebooks: dict[str, Notebook] = {}
        self.status = Status()
        self._told: Status | None = None
        self.engine: Engine | None = None
        self._engine_command, self._on_status = engine_command, on_status
        self._roots: tuple[Path, ...] = ()
        self._workspace = Workspace((), settings.exclude)
        self._numbers = itertools.count(1)
        self._newest: dict[str, int] = {}
        self._changing = asyncio.Lock()
        self._started = asyncio.Event()

    async def start(self) -> None:
        """Start the engine in the background, or another one where settings say so."""
        async with self._changing:
            await self._end_engine()
            command = self._engine_command(self.settings.engine)
            self.engine = await Engine(command, on_status=self._engine_is).__aenter__()
            self._started.set()

    async def loaded(self) -> None:
        """Wait until the model is loaded, or it is clear that it will not be."""
        if self.engine is not None:
            with suppress(InfillError):
                await self.engine.ready()

    async def close(self) -> None:
        """End the engine, and what is read in the background."""
        self._workspace.close()
        async with self._changing:
            await self._end_engine()

    async def _end_engine(self) -> None:
        """End the engine, whose last words are no news to anyone."""
        engine, self.engine = self.engine, None
        if engine is not None:
            await engine.__aexit__(None, None, None)

    def enter(self, roots: tuple[Path, ...]) -> None:
        """The editor's workspace has these folders now."""
        self._roots = roots
        self._workspace.close()
        self._workspace = Workspace(roots, self.settings.exclude)
        for document in self.documents.values():
            self._workspace.opened(document)

    async def configure(self, settings: ServerSettings) -> None:
        """Take new settings; the engine starts again only where it must."""
        before, self.settings = self.settings, settings
        if before.exclude != settings.exclude:
            self.enter(self._roots)
        if self.engine is not None and before.engine != settings.engine:
            await self.start()

    def put(self, document: Document) -> None:
        """A document was opened or changed."""
        tell = self._workspace.changed if document.name in self.documents else self._workspace.opened
        self.documents[document.name] = document
        tell(document)

    def drop(self, name: str) -> None:
        """A document was closed; one that was not open is no error."""
        if self.documents.pop(name, None):
            self._newest.pop(name, None)
            self._workspace.closed(name)

    async def ask(self, question: Question, number: int) -> tuple[Insertion, ...]:
        """What to insert; nothing when a newer question came, the document went another way, or there is no engine.

        Args:
            question: what is asked.
            number: from `next_number`, taken when the question came.
        """
        try:
            found = await self._answer(question, number)
        except RequestCancelledError:
            return ()
        except (RequestFailedError, RequestRefusedError) as error:
            self._tell(replace(self.status, reason=str(error)))
            return ()
        except InfillError:  # There is no engine now; its status says why.
            return ()
        now = self.documents.get(question.document.name)
        if now is None or not self._is_newest(question, number):
            return ()
        return tuple(it for one in found if (it := rebased(one, question.document, now)))

    async def _answer(self, question: Question, number: int) -> tuple[Insertion, ...]:
        """Wait for an engine that is starting, then ask it."""
        if self._is_inactive(question.document):
            return ()
        try:
            async with asyncio.timeout(self.settings.budget.of(question.invoked) / 1e3):
                engine = await self._loaded_engine()
        except TimeoutError:
            return ()
        if not self._is_newest(question, number) or self._is_inactive(question.document):
            return ()
        surroundings = Surroundings(self._cells_before(question.document), self._excerpts(question))
        return await complete(question, surroundings, engine, self.settings)

    async def _loaded_engine(self) -> Engine:
        await self._started.wait()
        if self.engine is None:
            raise EngineFailedError("The session has ended.")
        await self.engine.ready()
        return self.engine

    def next_number(self, name: str) -> int:
        """The number of a new question about a document; older ones are no longer answered."""
        self._newest[name] = number = next(self._numbers)
        return number

    def _is_newest(self, question: Question, number: int) -> bool:
        return self._newest.get(question.document.name) == number

    def inactive(self, document: Document) -> str | None:
        """Why nothing is suggested in a document; None where something may be."""
        if not self.settings.enable:
            return _SWITCHED_OFF
        if reason := inactive_reason(document.name, document.text, self.settings.exclude):
            return reason
        info = self.engine.info if self.engine else None
        if info is None or (document.language and document.language.id in info.languages):
            return None
        language = document.language.name if document.language else "this language"
        return f"The model was not trained on {language}."

    def _is_inactive(self, document: Document) -> bool:
        reason = self.inactive(document)
        inactive = Inactive(document.name, reason) if reason else None
        if inactive != self.status.inactive:
            self._tell(replace(self.status, inactive=inactive))
        return inactive is not None

    def _cells_before(self, document: Document) -> str:
        """The code of the cells before this one, of the same language."""
        names = (name for notebook in self.notebooks.values() for name in notebook.before(document.name))
        cells = (self.documents[name] for name in names if name in self.documents)
        return "".join(cell.text.rstrip() + "\n\n" for cell in cells if cell.language == document.language)

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
        self._tell(replace(self.status, state=status.state, reason=status.reason, model=model, device=device))

    def _tell(self, status: Status) -> None:
        if status != self._told:
            self.status = self._told = status
            self._on_status(status)
