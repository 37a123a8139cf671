"""The language server's capabilities, with a few lines per message between the editor's values and the session.

Does not deal with how suggestions are made, or with pipes and sockets.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from lsprotocol import types

from infill_lsp.completion.question import Question, Selected
from infill_lsp.errors import PositionError
from infill_lsp.server import code_actions, convert, documents, next_edits
from infill_lsp.server.client import InfillServer
from infill_lsp.settings.settings import EngineCommand, ServerSettings
from infill_lsp.suggestions.suggestion import Suggestion
from infill_lsp.text.document import Document

WATCH: Final = "infill/watch"
"""The notification by which an editor switches notifications of steps on or off."""

Item = TypeVar("Item")


def create(
    engine: EngineCommand, settings: ServerSettings, complaints: Sequence[str] = (), *, over_socket: bool = False
) -> InfillServer:
    """Make a server for one connection.

    Args:
        engine: returns the command line that starts an engine with given settings.
        settings: the defaults for all that the editor does not set.
        complaints: sentences about errors in the defaults, for the editor's log.
        over_socket: whether the client connects over a socket, where a program rather than a person may answer.
    """
    server = InfillServer(engine, settings, complaints, over_socket=over_socket)
    server.feature(types.INITIALIZE)(_initialize)
    server.feature(types.INITIALIZED)(_initialized)
    server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)(_did_change_folders)
    server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)(_did_change_configuration)
    server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions(work_done_progress=True))(
        _inline_completion
    )
    server.feature(WATCH)(_watch)
    documents.register(server)
    code_actions.register(server)
    next_edits.register(server)
    return server


def _initialize(ls: InfillServer, params: types.InitializeParams) -> None:
    ls.protocol.trace = params.trace or types.TraceValue.Off  # pygls only handles later changes.
    ls.take_settings(params.initialization_options)
    ls.session.enter(ls.roots)
    ls.take_abilities()
    if ls.session.settings.completion:
        _offer_completion(ls)


def _watch(ls: InfillServer, params: object) -> None:
    """Switch on or off the notifications of each step of fills that the user asked for by hand."""
    ls.session.watcher = ls.tell_step if getattr(params, "enable", None) is True else None


async def _initialized(ls: InfillServer, params: types.InitializedParams) -> None:
    await ls.follow_configuration()
    await _apply_configuration(ls)
    await ls.start_engine()
    from infill_lsp.server.models import have_model  # noqa: PLC0415  # `initialize` need not wait for it.

    have_model(ls)


def _did_change_folders(ls: InfillServer, params: types.DidChangeWorkspaceFoldersParams) -> None:
    ls.session.enter(ls.roots)


async def _did_change_configuration(ls: InfillServer, params: types.DidChangeConfigurationParams) -> None:
    await _apply_configuration(ls, params.settings)


async def _apply_configuration(ls: InfillServer, pushed: object = None) -> None:
    await ls.configure(pushed)
    ls.ask_consent()
    if ls.session.settings.completion and types.TEXT_DOCUMENT_COMPLETION not in ls.protocol.fm.features:
        _offer_completion(ls)
        await ls.register(types.TEXT_DOCUMENT_COMPLETION, types.CompletionRegistrationOptions())


def _offer_completion(ls: InfillServer) -> None:
    ls.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions())(_completion)


def _inline_completion(
    ls: InfillServer, params: types.InlineCompletionParams
) -> Awaitable[types.InlineCompletionList] | types.InlineCompletionList:
    """Answer with inline completions, or with an empty list.

    A plain function, so that it takes the document as of the request's arrival. The answer is never null, because
    Neovim would leave old ghost text on the screen.
    """
    invoked = params.context.trigger_kind == types.InlineCompletionTriggerKind.Invoked
    question = _question(ls, params, invoked=invoked)
    if question is None:
        if invoked:
            ls.tell_nothing("The document is not open, or has no such line.")
        return types.InlineCompletionList([])
    if selected := params.context.selected_completion_info:
        gap = convert.gap_of(question.document, selected.range, ls.encoding)
        question = replace(question, selected=Selected(gap, selected.text))
    number = ls.session.suggester.next_number(question)

    async def answer() -> types.InlineCompletionList:
        return types.InlineCompletionList(await _items(ls, question, number, convert.inline_item))

    return ls.with_progress(answer(), params.work_done_token, "Filling the gap", stoppable=invoked)


def _completion(
    ls: InfillServer, params: types.CompletionParams
) -> Awaitable[types.CompletionList] | types.CompletionList:
    """Answer like `_inline_completion`; the list is incomplete, so that editors ask again at the next key."""
    question = _question(ls, params, invoked=False)
    if question is None or not ls.session.settings.completion:
        return types.CompletionList(is_incomplete=True, items=[])
    number = ls.session.suggester.next_number(question)

    async def answer() -> types.CompletionList:
        return types.CompletionList(True, await _items(ls, question, number, convert.completion_item))

    return ls.with_progress(answer(), params.work_done_token, "Filling the gap")


def _question(
    ls: InfillServer, params: types.InlineCompletionParams | types.CompletionParams, *, invoked: bool
) -> Question | None:
    """Return the question, or None if the document is not open or has no such line."""
    document = ls.session.documents.get(params.text_document.uri)
    if document is None:
        return None
    try:
        offset = convert.checked_offset(document, params.position, ls.encoding)
    except PositionError:
        return None
    return Question(document, offset, invoked)


async def _items(
    ls: InfillServer, question: Question, number: int, item: Callable[[Document, Suggestion, str], Item]
) -> list[Item]:
    """Return the suggestions as the editor's values for the document as it is now."""
    suggestions = await ls.session.suggester.ask(question, number)
    document = ls.session.documents.get(question.document.name, question.document)
    return [item(document, suggestion, ls.encoding) for suggestion in suggestions]
