"""The editor's documents and notebooks, kept in the session as they are opened, changed and closed."""

from collections.abc import Iterable, Sequence

from lsprotocol import types

from infill_lsp.server import convert
from infill_lsp.server.client import InfillServer
from infill_lsp.session.notebooks import Cell, Notebook
from infill_lsp.syntax import languages
from infill_lsp.text.document import Document


def register(server: InfillServer) -> None:
    """Have the server keep documents."""
    server.feature(types.TEXT_DOCUMENT_DID_OPEN)(_did_open)
    server.feature(types.TEXT_DOCUMENT_DID_CHANGE)(_did_change)
    server.feature(types.TEXT_DOCUMENT_DID_CLOSE)(_did_close)
    server.feature(types.NOTEBOOK_DOCUMENT_DID_OPEN)(_did_open_notebook)
    server.feature(types.NOTEBOOK_DOCUMENT_DID_CHANGE)(_did_change_notebook)
    server.feature(types.NOTEBOOK_DOCUMENT_DID_CLOSE)(_did_close_notebook)


def _did_open(ls: InfillServer, params: types.DidOpenTextDocumentParams) -> None:
    _open(ls, [params.text_document])


def _did_change(ls: InfillServer, params: types.DidChangeTextDocumentParams) -> None:
    _change(ls, params.text_document, params.content_changes)


def _did_close(ls: InfillServer, params: types.DidCloseTextDocumentParams) -> None:
    ls.session.drop(params.text_document.uri)


def _did_open_notebook(ls: InfillServer, params: types.DidOpenNotebookDocumentParams) -> None:
    ls.session.notebooks[params.notebook_document.uri] = Notebook(_cells(params.notebook_document.cells))
    _open(ls, params.cell_text_documents)


def _did_change_notebook(ls: InfillServer, params: types.DidChangeNotebookDocumentParams) -> None:
    uri, cells = params.notebook_document.uri, params.change.cells
    notebook = ls.session.notebooks.get(uri)
    if notebook is None or cells is None:
        return
    if structure := cells.structure:
        array = structure.array
        notebook = notebook.spliced(array.start, array.delete_count, _cells(array.cells or ()))
        _open(ls, structure.did_open or ())
        for closed in structure.did_close or ():
            ls.session.drop(closed.uri)
    ls.session.notebooks[uri] = notebook.replaced(_cells(cells.data or ()))
    for content in cells.text_content or ():
        _change(ls, content.document, content.changes)


def _did_close_notebook(ls: InfillServer, params: types.DidCloseNotebookDocumentParams) -> None:
    ls.session.notebooks.pop(params.notebook_document.uri, None)
    for document in params.cell_text_documents:
        ls.session.drop(document.uri)


def _open(ls: InfillServer, items: Iterable[types.TextDocumentItem]) -> None:
    for item in items:
        language = languages.by_id(item.language_id) or languages.of_file(item.uri)
        ls.session.put(Document(item.uri, item.text, language, item.version))


def _change(
    ls: InfillServer,
    changed: types.VersionedTextDocumentIdentifier,
    changes: Sequence[types.TextDocumentContentChangeEvent],
) -> None:
    document = ls.session.documents.get(changed.uri)
    if document is None:
        ls.log("warning", f"{changed.uri} was changed, but it is not open.")
        return
    ls.session.put(convert.changed(document, changes, changed.version, ls.encoding))


def _cells(cells: Iterable[types.NotebookCell]) -> tuple[Cell, ...]:
    return tuple(Cell(cell.document, cell.kind == types.NotebookCellKind.Code) for cell in cells)
