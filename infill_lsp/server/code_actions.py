"""Edits on request, over LSP: code actions, resolved when one is chosen, and the same as commands.

How an edit is made is left to `edits`.
"""

from collections.abc import Coroutine, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from infill_lsp.edits.offer import COMMANDS, Offer
from infill_lsp.errors import InfillError, OfferError, StaleError
from infill_lsp.server import convert, next_edits
from infill_lsp.server.client import InfillServer
from infill_lsp.text.document import Document

Answer = TypeVar("Answer")

_KINDS: Final = (types.CodeActionKind.QuickFix, types.CodeActionKind.RefactorRewrite)

_ALWAYS_THERE: Final = ("fill_gap", "suggest_edits")
"""Edits possible nearly everywhere are offered only on request; editors show a light bulb for all others."""

_NOTHING: Final = "The model found nothing that fits here and parses."


def register(server: InfillServer) -> None:
    """Have the server offer and make edits."""
    options = types.CodeActionOptions(code_action_kinds=_KINDS, resolve_provider=True)
    server.feature(types.TEXT_DOCUMENT_CODE_ACTION, options)(_code_action)
    server.feature(types.CODE_ACTION_RESOLVE)(_resolve)
    for name in (*COMMANDS, next_edits.APPLY):
        server.command(name)(_execute)  # Only to advertise it: pygls' own way cannot be cancelled.
    server.protocol.fm.builtin_features[types.WORKSPACE_EXECUTE_COMMAND] = partial(_execute, server)


def _code_action(ls: InfillServer, params: types.CodeActionParams) -> list[types.CodeAction]:
    from infill_lsp.edits.plan import offers  # noqa: PLC0415  # `initialize` need not wait for it.

    document = ls.session.documents.get(params.text_document.uri)
    if document is None or ls.session.inactive(document):
        return []
    waiting = next_edits.actions(ls, document) if _asks_for(types.CodeActionKind.QuickFix, params.context) else []
    if ls.session.limited(document):
        return waiting
    gap = convert.gap_of(document, params.range, ls.encoding)
    found = offers(document, gap.start, gap.end)
    return [*waiting, *(_action(ls, document, it) for it in found if _is_wanted(it, params.context))]


def _resolve(ls: InfillServer, action: types.CodeAction) -> Coroutine[object, object, types.CodeAction]:
    """Make the edit of an action; a plain function, like `_execute`, so that the editor can cancel both as tasks."""

    async def answer() -> types.CodeAction:
        edit = await _made(ls, Offer.from_data(action.data))
        if edit is not None:
            action.edit = edit
        return action

    return _in_words(answer())


def _execute(ls: InfillServer, params: types.ExecuteCommandParams) -> Coroutine[object, object, bool]:
    """Make and apply an edit; the answer is whether that was done."""
    if params.command == next_edits.APPLY:
        return _in_words(next_edits.apply(ls, params))

    async def answer() -> bool:
        offer = _asked(ls, params)
        edit = await _made(ls, offer, params.work_done_token)
        if edit is None:
            return False
        applied = await ls.workspace_apply_edit_async(types.ApplyWorkspaceEditParams(edit, offer.title))
        return applied.applied

    return _in_words(answer())


async def _made(ls: InfillServer, offer: Offer, token: types.ProgressToken | None = None) -> types.WorkspaceEdit | None:
    """Return the edit of an offer in a form that the editor supports; if there is none, tell the user."""
    edit = await ls.with_progress(ls.session.suggester.edit(offer), token, offer.title, stoppable=True)
    if edit is None:
        ls.window_show_message(types.ShowMessageParams(types.MessageType.Info, f"{offer.title}: {_NOTHING}"))
        return None
    return ls.workspace_edit(ls.session.documents[offer.name], edit)


def _action(ls: InfillServer, document: Document, offer: Offer) -> types.CodeAction:
    """Return an action that is resolved by its data, with a command for editors that resolve no edits."""
    action = types.CodeAction(offer.title, _kind(offer), data=offer.data())
    if not _resolves_edits(ls.client_capabilities):
        name = next(name for name, kind in COMMANDS.items() if kind == offer.kind)
        range_ = convert.range_of(document, offer.start, offer.end, ls.encoding)
        action.command = types.Command(offer.title, name, arguments=[offer.name, range_, offer.version])
    return action


def _resolves_edits(client: types.ClientCapabilities) -> bool:
    """Report whether the editor keeps an action's data and asks for its edit when it is chosen."""
    known = client.text_document.code_action if client.text_document else None
    return bool(known and known.data_support and known.resolve_support and "edit" in known.resolve_support.properties)


def _kind(offer: Offer) -> types.CodeActionKind:
    return types.CodeActionKind.QuickFix if offer.kind == "repair_syntax" else types.CodeActionKind.RefactorRewrite


def _is_wanted(offer: Offer, context: types.CodeActionContext) -> bool:
    """Report whether the editor asks for actions of this kind."""
    if context.trigger_kind == types.CodeActionTriggerKind.Automatic and offer.kind in _ALWAYS_THERE:
        return False
    return _asks_for(_kind(offer), context)


def _asks_for(kind: types.CodeActionKind, context: types.CodeActionContext) -> bool:
    own = kind.value
    asked = [getattr(it, "value", it) for it in context.only or ()]
    return not asked or any(own == it or own.startswith(f"{it}.") or it == "" for it in asked)


def _asked(ls: InfillServer, params: types.ExecuteCommandParams) -> Offer:
    """Return the offer in a command with a URI, a range and optionally a version.

    Raises:
        OfferError: the arguments are invalid.
        StaleError: the document is not open.
    """
    match (params.command, *(params.arguments or ())):
        case (str(name), str(uri), range_, *rest) if name in COMMANDS and _is_version(rest):
            document = ls.session.documents.get(uri)
            if document is None:
                raise StaleError(f"{uri} is not open")
            gap = convert.gap_of(document, convert.range_from(range_), ls.encoding)
            offer = Offer(COMMANDS[name], uri, document.version, gap.start, gap.end)
            return replace(offer, version=rest[0]) if rest and isinstance(rest[0], int) else offer
    raise OfferError(f"{params.command} takes a URI, a range and optionally a version")


def _is_version(rest: Sequence[object]) -> bool:
    return not rest or (len(rest) == 1 and (rest[0] is None or isinstance(rest[0], int)))


async def _in_words(work: Coroutine[object, object, Answer]) -> Answer:
    """Await `work`, turning this program's errors into errors that the editor shows."""
    try:
        return await work
    except OfferError as error:
        raise JsonRpcException(str(error), types.ErrorCodes.InvalidParams) from error
    except InfillError as error:
        raise JsonRpcException(str(error), types.LSPErrorCodes.RequestFailed) from error
