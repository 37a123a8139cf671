"""The next edit, over LSP: offered as a code action and by a command, and dismissed.

How it is found is left to `next_edits`, and when it is looked for to the session.
"""

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Final

from lsprotocol import types

from infill_lsp.edits.edit import Edit
from infill_lsp.errors import OfferError
from infill_lsp.server import convert
from infill_lsp.server.client import InfillServer
from infill_lsp.text.document import Document

if TYPE_CHECKING:
    from infill_lsp.edits.next_edits.history import Offered

DISMISS: Final = "infill/nextEdit/dismiss"
"""The notification by which an editor takes one of them off the list."""

APPLY: Final = "infill.applyNextEdit"
"""The command that applies the nearest one, for editors that show nothing."""


def register(server: InfillServer) -> None:
    """Have the server offer the next edits."""
    server.feature(DISMISS)(_dismiss)


def _dismiss(ls: InfillServer, params: object) -> None:
    uri, id_ = getattr(params, "uri", None), getattr(params, "id", None)
    document = ls.session.documents.get(uri) if isinstance(uri, str) else None
    if document is not None and isinstance(id_, str):
        ls.session.next_edits.dismiss(document, id_)


def actions(ls: InfillServer, document: Document) -> list[types.CodeAction]:
    """Return an action for each edit that waits, with the edit in it."""
    return [
        types.CodeAction(
            f"Next edit: {it.edit.label}",
            types.CodeActionKind.QuickFix,
            edit=ls.workspace_edit(document, _edit(document, it)),
        )
        for it in ls.session.next_edits.waiting(document)
    ]


def apply(ls: InfillServer, params: types.ExecuteCommandParams) -> Coroutine[object, object, bool]:
    """Apply the nearest edit that waits, and show its place; the answer is whether that was done."""

    async def answer() -> bool:
        document = _asked(ls, params)
        waiting = ls.session.next_edits.waiting(document) if document is not None else ()
        if document is None or not waiting or document.name in ls.session.next_edits.being_applied:
            return False  # A key that is held down asks again before the editor has made the change.
        edit = _edit(document, waiting[0])
        range_ = convert.range_of(document, edit.changes[0].start, edit.changes[0].start, ls.encoding)
        done = ls.workspace_edit(document, edit)
        ls.session.next_edits.being_applied.add(document.name)
        try:
            applied = await ls.workspace_apply_edit_async(types.ApplyWorkspaceEditParams(done, edit.label))
        finally:
            ls.session.next_edits.being_applied.discard(document.name)
        if applied.applied and ls.can("window", "show_document"):
            await ls.show_place(document.name, range_)
        return applied.applied

    return answer()


def _asked(ls: InfillServer, params: types.ExecuteCommandParams) -> Document | None:
    """Return the document in a command with a URI and optionally a version; None if it is another one by now.

    Raises:
        OfferError: the arguments are invalid.
    """
    match params.arguments or ():
        case [str(uri)] | [str(uri), None]:
            return ls.session.documents.get(uri)
        case [str(uri), int(version)]:
            document = ls.session.documents.get(uri)
            return document if document is not None and document.version == version else None
    raise OfferError(f"{APPLY} takes a URI and optionally a version")


def _edit(document: Document, offered: "Offered") -> Edit:
    label = f"Next edit: {offered.edit.label}"
    line = document.place(offered.edit.change.start)[0]
    return Edit(document.name, document.version, (offered.edit.change,), label, f"Changes line {line}.", 1.0, False)
