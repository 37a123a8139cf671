"""The client of a connection: its capabilities, its configuration, and the progress and status sent to it.

Does not deal with documents or suggestions.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from infill_lsp import __version__
from infill_lsp.edits.edit import Edit
from infill_lsp.errors import InfillError
from infill_lsp.server import convert
from infill_lsp.server.jsonrpc import ServerProtocol
from infill_lsp.session.session import Session
from infill_lsp.session.status import Notice, ServerStatus
from infill_lsp.settings.settings import RUNS_COMMANDS, EngineCommand, ServerSettings, read
from infill_lsp.text.document import Document
from infill_lsp.text.progress import ProgressStep

if TYPE_CHECKING:
    from infill_lsp.completion.clock import AnswerClock
    from infill_lsp.completion.question import Question
    from infill_lsp.edits.next_edits.history import Offered
    from infill_lsp.endpoints.consent import Consent

STATUS: Final = "infill/status"
"""The notification with the server's status."""

PARTIAL: Final = "infill/partial"
"""The notification with a step of a fill, for editors that have asked for steps."""

NEXT_EDIT: Final = "infill/nextEdit"
"""The notification with the edits that wait in a document, for editors that can show them."""

TIMING: Final = "infill/timing"
"""The notification with the times of an answer, before that answer, for clients that measure."""

REFRESH: Final = "infill/refresh"
"""The notification that the model's word for copies shown in the meantime has come, for editors that ask again then."""

_NOTICEABLE: Final = 1.0
"""Seconds after which work still running is shown as progress."""

_LONG: Final = 0.5
"""Seconds after which a request still running is reported; those that a key press causes end sooner."""

_PATIENCE: Final = 2.0
"""Seconds that the editor has to send its configuration before the engine starts without it."""

_LEVELS: Final = {
    "error": types.MessageType.Error,
    "warning": types.MessageType.Warning,
    "info": types.MessageType.Info,
    "debug": types.MessageType.Debug,
}

_REFUSALS: Final = (types.LSPErrorCodes.RequestFailed, types.ErrorCodes.InvalidParams)

_NOTEBOOKS: Final = types.NotebookDocumentSyncOptions([types.NotebookDocumentFilterWithNotebook(notebook="*")])

T = TypeVar("T")


class InfillServer(LanguageServer):
    """A pygls server with a session; `app.create` registers its message handlers."""

    protocol: ServerProtocol

    def __init__(
        self,
        engine: EngineCommand,
        settings: ServerSettings,
        complaints: Sequence[str],
        *,
        over_socket: bool = False,
    ) -> None:
        super().__init__(
            "infill-lsp",
            __version__,
            types.TextDocumentSyncKind.Incremental,
            _NOTEBOOKS,
            protocol_cls=ServerProtocol,
        )
        self.session = Session(engine, settings, self.tell_status, self.trace, self.tell_nothing, self.tell_next_edits)
        self._base = settings
        self.over_socket = over_socket
        self._complaints = tuple(complaints)
        self._logged: set[str | Notice] = set()
        self._sent: ServerStatus | None = None
        self._busy: asyncio.TimerHandle | None = None
        self._consent: Consent | None = None
        self._background: set[asyncio.Task[None]] = set()

    @property
    def encoding(self) -> str:
        """The negotiated position encoding."""
        return types.PositionEncodingKind(self.server_capabilities.position_encoding or "utf-16").value

    @property
    def roots(self) -> tuple[Path, ...]:
        """The folders of the workspace that are on this machine."""
        uris = list(self.workspace.folders) or [self.workspace.root_uri or ""]
        paths = (to_fs_path(uri) for uri in uris if uri.startswith("file:"))
        return tuple(Path(path) for path in paths if path)

    def take_settings(self, raw: object) -> None:
        """Take the settings sent with `initialize`; complaints wait until messages to the editor are allowed."""
        self._base, complaints = self._read(raw, self._base, self._base)
        self._complaints += complaints
        self.session.settings = self._base

    async def configure(self, pushed: object = None) -> None:
        """Take the editor's configuration: pulled if the editor supports that, else the pushed one."""
        raw = await self._pulled() if self.can("workspace", "configuration") else pushed
        current = self.session.settings
        settings, complaints = self._read(raw, current if raw is None else self._base, current)
        for sentence in (*self._complaints, *complaints):
            self.log("warning", sentence)
        self._complaints = ()
        await self.session.configure(settings)

    def _read(
        self, raw: object, base: ServerSettings, current: ServerSettings
    ) -> tuple[ServerSettings, tuple[str, ...]]:
        """Read the settings that the client sent; over a socket, without those that run a command."""
        return read(raw, base, current, without=RUNS_COMMANDS if self.over_socket else ())

    async def follow_configuration(self) -> None:
        """Ask to be notified when the configuration changes."""
        if self.can("workspace", "did_change_configuration", "dynamic_registration"):
            options = types.DidChangeConfigurationRegistrationOptions(section="infill")
            await self.register(types.WORKSPACE_DID_CHANGE_CONFIGURATION, options)

    async def register(self, method: str, options: object) -> None:
        """Offer a capability after initialization; an editor that does not support that goes without."""
        registration = types.Registration(str(uuid.uuid4()), method, options)
        await self._answer(self.client_register_capability_async(types.RegistrationParams([registration])))

    def ask_consent(self) -> None:
        """Ask the user whether code may be sent to the endpoint of the settings, without waiting for the answer.

        Over a socket nobody is asked, because a program might answer; `infill-lsp endpoint allow` serves that case.
        """
        if not self.over_socket:
            self.in_background(self._ask_consent())

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Start work that nothing waits for; it ends with the connection."""
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _ask_consent(self) -> None:
        endpoint = self.session.settings.engine.endpoint
        if endpoint is None:
            return
        from infill_lsp.endpoints.consent import Consent  # noqa: PLC0415  # Most servers ask no endpoint.

        self._consent = self._consent or Consent()
        try:
            if await self._consent.ask(endpoint, partial(self.choice, level="warning")):
                self.session.confirmed()
        except InfillError as error:
            self.log("error", str(error))

    async def choice(self, question: str, *answers: str, level: str = "info") -> str | None:
        """Return the answer that the user chooses, with no time limit; None if the user or the editor gives none."""
        actions = [types.MessageActionItem(it) for it in answers]
        params = types.ShowMessageRequestParams(_LEVELS[level], question, actions)
        try:
            chosen = await self.window_show_message_request_async(params)
        except Exception as error:  # No answer of an editor may stop the server.
            self.log("debug", f"The editor did not answer as it should: {error!r}")
            return None
        return chosen.title if chosen else None

    async def start_engine(self) -> None:
        """Start the engine; if it takes long to load, the editor shows progress."""
        await self.session.start()
        await self.loaded()

    async def loaded(self) -> None:
        """Wait until the engine has loaded its model; if that takes long, the editor shows progress."""
        await self.with_progress(self.session.loaded(), None, "Loading the model")

    async def close(self) -> None:
        """End all remaining work, and the engine."""
        self.protocol.cancel_all()
        if self._busy:
            self._busy.cancel()
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self.session.close()

    def tell_status(self, status: ServerStatus) -> None:
        """Send the status to the editor, once per change; that a request is running only if it takes long."""
        if self._busy:
            self._busy.cancel()
        if status.state == "busy" and self._sent and replace(status, state=self._sent.state) == self._sent:
            self._busy = asyncio.get_running_loop().call_later(_LONG, self._send_status, status)
        else:
            self._send_status(status)
            if status.state != "busy":
                self._log_status(status)

    def _send_status(self, status: ServerStatus) -> None:
        if status != self._sent:
            self._sent = status
            self.protocol.notify(STATUS, {**asdict(status), "message": status.sentence})

    def _log_status(self, status: ServerStatus) -> None:
        """Log each change of the engine's state, and each notice about a document once."""
        if status.of_engine not in self._logged:
            self._logged = {status.of_engine, *(it for it in self._logged if isinstance(it, Notice))}
            self.log("warning" if status.state == "degraded" else "info", status.of_engine)
        for notice in status.notices:
            if notice not in self._logged:
                self._logged.add(notice)
                self.log("info", notice.reason)

    def tell_nothing(self, sentence: str) -> None:
        """Tell a user who asked by hand why there is no suggestion."""
        self.window_show_message(types.ShowMessageParams(types.MessageType.Info, f"No suggestion: {sentence}"))

    def tell_step(self, step: ProgressStep) -> None:
        """Send the current canvas of a fill to the editor."""
        range_ = convert.range_of(step.document, step.gap.start, step.gap.end, self.encoding)
        place = {"uri": step.document.name, "range": range_, "id": step.id}
        done = {"step": step.frame.step, "event": step.frame.event, "ms": step.frame.ms}
        self.protocol.notify(PARTIAL, {**place, **done, "frame": [asdict(it) for it in step.frame.tokens]})

    def tell_next_edits(self, document: Document, offered: "tuple[Offered, ...]") -> None:
        """Send the edits that wait in a document, if the editor can show them."""
        if not _declares(self.client_capabilities.experimental, "nextEdit"):
            return
        edits = [
            {
                "id": it.id,
                "range": convert.range_of(document, it.edit.change.start, it.edit.change.end, self.encoding),
                "newText": it.edit.change.text,
                "label": it.edit.label,
                "kind": it.edit.kind,
            }
            for it in offered
        ]
        self.protocol.notify(NEXT_EDIT, {"uri": document.name, "version": document.version, "edits": edits})

    def take_abilities(self) -> None:
        """Send what the protocol does not know from now on, if the client wants it."""
        if _declares(self.client_capabilities.experimental, "timing"):
            self.session.on_timing = self.tell_timing
        if _declares(self.client_capabilities.experimental, "refresh"):
            self.session.on_refresh = self.tell_refresh

    def tell_refresh(self, document: Document) -> None:
        """Tell the editor that the question it asked last about a document has another answer now."""
        self.protocol.notify(REFRESH, {"uri": document.name, "version": document.version})

    def tell_timing(self, question: "Question", clock: "AnswerClock") -> None:
        """Send the source and the times of an answer, in milliseconds."""
        line, column = question.document.place(question.offset)
        place = {"uri": question.document.name, "version": question.document.version, "line": line, "column": column}
        answer: dict[str, object] = {"source": clock.source, "engine": round(clock.engine_ms, 3)}
        if fill := clock.fill:
            written = sum(not it.pinned for it in fill.tokens)
            answer |= {"parts": asdict(fill.ms), "forwards": fill.forwards, "tokens": written, "copy": fill.retrieved}
        self.protocol.notify(TIMING, place | answer)

    def log(self, level: str, sentence: str) -> None:
        """Write to the editor's log, unless the settings exclude this level."""
        if _LEVELS[level] <= _LEVELS[self.session.settings.log]:
            self.window_log_message(types.LogMessageParams(_LEVELS[level], sentence))

    def show(self, level: str, sentence: str) -> None:
        """Show the user the outcome of something they asked for."""
        self.window_show_message(types.ShowMessageParams(_LEVELS[level], sentence))

    def trace(self, sentence: str) -> None:
        """Write to the editor's trace, if tracing is on."""
        if self.protocol.trace != types.TraceValue.Off:
            self.log_trace(types.LogTraceParams(sentence))

    def report_server_error(self, error: Exception, source: object) -> None:
        """Log an internal error, rather than show a message box to a user who is typing."""
        if isinstance(error, JsonRpcException) and error.code in _REFUSALS:
            return  # A refusal, whose sentence is in the answer.
        self.log("error", f"infill had an internal error: {error}")

    async def with_progress(
        self,
        work: Coroutine[Any, Any, T],
        token: types.ProgressToken | None,
        title: str,
        *,
        stoppable: bool = False,
    ) -> T:
        """Run some work; if it takes long, the editor shows progress, on its own token if it supplied one.

        Args:
            work: the coroutine to run.
            token: the editor's.
            title: the text to show.
            stoppable: whether the editor may show a button that cancels the work.
        """
        task = asyncio.ensure_future(work)
        try:
            done, _ = await asyncio.wait({task}, timeout=_NOTICEABLE)
            shown = None if done else await self._begin(token, title, task.cancel if stoppable else None)
            try:
                return await task
            finally:
                if shown is not None:
                    self.work_done_progress.end(shown, types.WorkDoneProgressEnd())
                    self.work_done_progress.tokens.pop(shown, None)
        finally:
            task.cancel()

    async def with_percentage(
        self, work: Callable[[Callable[[str, int | None], None]], Coroutine[Any, Any, T]], title: str
    ) -> T:
        """Run work that takes minutes and can be stopped, while the editor shows the percentage done.

        Args:
            work: called with a function that takes the current activity and the percentage of it that is done.
            title: the text to show.
        """
        token: types.ProgressToken | None = None

        def report(what: str, percent: int | None) -> None:
            if token is not None:
                self.work_done_progress.report(token, types.WorkDoneProgressReport(message=what, percentage=percent))

        task = asyncio.ensure_future(work(report))
        try:
            token = await self._begin(None, title, task.cancel, percentage=0)
            return await task
        finally:
            task.cancel()
            if token is not None:
                self.work_done_progress.end(token, types.WorkDoneProgressEnd())
                self.work_done_progress.tokens.pop(token, None)

    async def _begin(
        self,
        token: types.ProgressToken | None,
        title: str,
        stop: Callable[[], object] | None,
        percentage: int | None = None,
    ) -> types.ProgressToken | None:
        """Begin to show progress; return None if the editor cannot. `stop` is called when the user cancels."""
        if token is None:
            if not self.can("window", "work_done_progress"):
                return None
            token = str(uuid.uuid4())
            await self._answer(self.work_done_progress.create_async(token))
        begun = types.WorkDoneProgressBegin(title, cancellable=stop is not None, percentage=percentage)
        self.work_done_progress.begin(token, begun)
        if stop is not None:
            self.work_done_progress.tokens[token].add_done_callback(lambda it: it.cancelled() and stop())
        return token

    async def _pulled(self) -> object:
        items = [types.ConfigurationItem(section="infill")]
        answer = await self._answer(self.workspace_configuration_async(types.ConfigurationParams(items)))
        return answer[0] if answer else None

    async def _answer(self, request: Awaitable[T]) -> T | None:
        """Return the editor's answer; None if there is none in time, or it is an error."""
        try:
            async with asyncio.timeout(_PATIENCE):
                return await request
        except Exception as error:  # No answer of an editor may stop the server.
            self.log("debug", f"The editor did not answer as it should: {error!r}")
            return None

    def workspace_edit(self, document: Document, edit: Edit) -> types.WorkspaceEdit:
        """Return an edit in a form that the editor supports."""
        if not self.can("workspace", "workspace_edit", "document_changes"):
            return convert.plain_edit(document, edit, self.encoding)
        shown = self.can("workspace", "workspace_edit", "change_annotation_support")
        return (convert.annotated_edit if shown else convert.versioned_edit)(document, edit, self.encoding)

    async def show_place(self, uri: str, range_: types.Range) -> None:
        """Show the user a place of a document."""
        params = types.ShowDocumentParams(uri, take_focus=True, selection=range_)
        await self._answer(self.window_show_document_async(params))

    def can(self, *path: str) -> bool:
        """Report whether the client declares a capability."""
        capability: object = self.client_capabilities
        for name in path:
            capability = getattr(capability, name, None)
        return bool(capability)


def _declares(capability: object, which: str) -> bool:
    """Report whether a client declares `{"infill": {which: true}}`, however its message was read."""
    for name in ("infill", which):
        capability = capability.get(name) if isinstance(capability, dict) else getattr(capability, name, None)
    return capability is True
