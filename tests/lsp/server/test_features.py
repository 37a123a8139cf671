"""Every feature in every position encoding, with pytest-lsp's client and the capabilities of a current editor."""

from typing import Any

import pytest
import pytest_lsp
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient
from raw_client import ENVIRONMENT, FAKE

WIDTHS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}


def capabilities(encoding: str) -> types.ClientCapabilities:
    """Return the capabilities of an editor with inline completion, which pytest-lsp's own profiles lack."""
    return types.ClientCapabilities(
        general=types.GeneralClientCapabilities(position_encodings=[encoding, "utf-16"]),
        text_document=types.TextDocumentClientCapabilities(
            inline_completion=types.InlineCompletionClientCapabilities(dynamic_registration=True),
            completion=types.CompletionClientCapabilities(dynamic_registration=True),
        ),
        notebook_document=types.NotebookDocumentClientCapabilities(types.NotebookDocumentSyncClientCapabilities()),
        workspace=types.WorkspaceClientCapabilities(
            configuration=True,
            did_change_configuration=types.DidChangeConfigurationClientCapabilities(dynamic_registration=True),
        ),
        window=types.WindowClientCapabilities(work_done_progress=True),
    )


def units(text: str, encoding: str) -> int:
    codec, width = WIDTHS[encoding]
    return len(text.encode(codec)) // width


@pytest_lsp.fixture(
    config=ClientServerConfig(server_command=list(FAKE), server_env=ENVIRONMENT),
    scope="module",
    params=list(WIDTHS),
)
async def client(request: pytest.FixtureRequest, lsp_client: LanguageClient) -> Any:
    lsp_client.encoding = request.param  # type: ignore[attr-defined]
    lsp_client.registered = []  # type: ignore[attr-defined]

    @lsp_client.feature(types.CLIENT_REGISTER_CAPABILITY)
    def register(params: types.RegistrationParams) -> None:
        lsp_client.registered.extend(it.method for it in params.registrations)  # type: ignore[attr-defined]

    patient = {"budget": {"automatic": 5000}}  # Test machines are slow at times.
    lsp_client.set_configuration({"infill": patient})
    params = types.InitializeParams(capabilities=capabilities(request.param))
    result = await lsp_client.initialize_session(params)
    assert result.capabilities.position_encoding == request.param
    first = opened(lsp_client, "# fill 12\nx = ", "file:///first.py")
    assert await asked(lsp_client, first, 1, "x = ", invoked=True), "a request by hand waits for the engine"
    yield
    await lsp_client.shutdown_session()


pytestmark = pytest.mark.asyncio(loop_scope="module")


def opened(client: LanguageClient, text: str, uri: str, language: str = "python") -> str:
    item = types.TextDocumentItem(uri, language, 1, text)
    client.text_document_did_open(types.DidOpenTextDocumentParams(item))
    return uri


async def asked(
    client: LanguageClient, uri: str, line: int, before: str, *, invoked: bool = False
) -> list[types.InlineCompletionItem]:
    """Request completions at the place in a line that follows this text."""
    kind = types.InlineCompletionTriggerKind
    result = await client.text_document_inline_completion_async(
        types.InlineCompletionParams(
            types.InlineCompletionContext(kind.Invoked if invoked else kind.Automatic),
            types.TextDocumentIdentifier(uri),
            types.Position(line, units(before, client.encoding)),
        )
    )
    assert isinstance(result, types.InlineCompletionList)
    return list(result.items)


async def test_the_engine_gets_ready(client: LanguageClient) -> None:
    for _ in range(1000):
        if await asked(client, opened(client, "# fill aha\nx = ", "file:///0.py"), 1, "x = "):
            return
    pytest.fail("it never got ready")


async def test_an_item_is_where_the_cursor_is(client: LanguageClient) -> None:
    uri = opened(client, "# fill 1 + 2\nπ😀 = \n", "file:///1.py")
    (item,) = await asked(client, uri, 1, "π😀 = ")
    assert item.insert_text == "1 + 2"
    cursor = types.Position(1, units("π😀 = ", client.encoding))
    assert item.range == types.Range(cursor, cursor)


async def test_edits_count_in_the_same_units(client: LanguageClient) -> None:
    uri = opened(client, "# fill 'ab'\n'😀é' + []\r\n\x0c\u2028\n", "file:///2.py")

    def change(line: int, start: str, end: str, new: str) -> types.TextDocumentContentChangePartial:
        places = (types.Position(line, units(it, client.encoding)) for it in (start, end))
        return types.TextDocumentContentChangePartial(types.Range(*places), new)

    changes = [
        change(0, "# fill '", "# fill 'a", "😀"),
        change(1, "'😀", "'😀é'", "x'"),
        change(2, "\x0c", "\x0c\u2028", "y = "),
    ]
    identifier = types.VersionedTextDocumentIdentifier(2, uri)
    client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, changes))
    (item,) = await asked(client, uri, 1, "'😀x' + [")
    assert item.insert_text == "'😀b'"
    assert item.range
    assert item.range.start == types.Position(1, units("'😀x' + [", client.encoding))
    assert await asked(client, uri, 2, "\x0cy = "), "the form feed ends no line"


async def test_a_selected_completion_is_part_of_the_item(client: LanguageClient) -> None:
    uri = opened(client, "# fill (1)\n'😀'.up\n", "file:///3.py")
    start, end = (types.Position(1, units(it, client.encoding)) for it in ("'😀'.", "'😀'.up"))
    selected = types.SelectedCompletionInfo(types.Range(start, end), "upper")
    result = await client.text_document_inline_completion_async(
        types.InlineCompletionParams(
            types.InlineCompletionContext(types.InlineCompletionTriggerKind.Automatic, selected),
            types.TextDocumentIdentifier(uri),
            end,
        )
    )
    assert isinstance(result, types.InlineCompletionList)
    (item,) = result.items
    assert (item.range, item.insert_text) == (types.Range(start, end), "upper(1)")


async def test_closing_forgets(client: LanguageClient) -> None:
    uri = opened(client, "# fill 12\nx = ", "file:///4.py")
    client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))
    assert await asked(client, uri, 1, "x = ") == []


async def test_earlier_cells_of_a_notebook_are_context(client: LanguageClient) -> None:
    code, markup = types.NotebookCellKind.Code, types.NotebookCellKind.Markup
    uris = [f"file:///n.ipynb#{n}" for n in range(3)]
    texts = ["# fill '😀'", "# fill not code", "é = "]
    cells = [types.NotebookCell(kind, uri) for kind, uri in zip((code, markup, code), uris, strict=True)]
    languages = ("python", "markdown", "python")
    items = [types.TextDocumentItem(*it[:2], 1, it[2]) for it in zip(uris, languages, texts, strict=True)]
    notebook = types.NotebookDocument("file:///n.ipynb", "jupyter-notebook", 1, cells)
    client.notebook_document_did_open(types.DidOpenNotebookDocumentParams(notebook, items))
    (item,) = await asked(client, uris[2], 0, "é = ")
    assert item.insert_text == "'😀'"
    assert item.range
    assert item.range.start == types.Position(0, units("é = ", client.encoding))
    new = "file:///n.ipynb#new"
    place = types.Position(0, units("é", client.encoding))
    typed = types.TextDocumentContentChangePartial(types.Range(place, place), "x")
    change = types.NotebookDocumentCellChanges(
        types.NotebookDocumentCellChangeStructure(
            types.NotebookCellArrayChange(0, 1, [types.NotebookCell(code, new)]),
            did_open=[types.TextDocumentItem(new, "python", 1, "# fill new\nnew = 1")],
            did_close=[types.TextDocumentIdentifier(uris[0])],
        ),
        text_content=[
            types.NotebookDocumentCellContentChanges(types.VersionedTextDocumentIdentifier(2, uris[2]), [typed])
        ],
    )
    version = types.VersionedNotebookDocumentIdentifier(2, "file:///n.ipynb")
    client.notebook_document_did_change(
        types.DidChangeNotebookDocumentParams(version, types.NotebookDocumentChangeEvent(cells=change))
    )
    (item,) = await asked(client, uris[2], 0, "éx = ")
    assert item.insert_text == "new"
    identifiers = [types.TextDocumentIdentifier(it) for it in (new, *uris[1:])]
    client.notebook_document_did_close(
        types.DidCloseNotebookDocumentParams(types.NotebookDocumentIdentifier("file:///n.ipynb"), identifiers)
    )
    assert await asked(client, uris[2], 0, "") == []


async def configure(client: LanguageClient, **settings: object) -> None:
    client.set_configuration({"infill": settings})
    before = len(client.log_messages)
    client.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings=None))
    await client.wait_for_notification("window/logMessage")
    assert len(client.log_messages) > before


async def test_configuration_changes_live(client: LanguageClient) -> None:
    uri = opened(client, "# fill 12\nx = ", "file:///5.py")
    assert types.WORKSPACE_DID_CHANGE_CONFIGURATION in client.registered
    await configure(client, candidates=2, nonsense=1)
    assert "There is no setting infill.nonsense" in client.log_messages[-1].message
    assert len(await asked(client, uri, 1, "x = ", invoked=True)) == 2
    await configure(client, confidence=0.99, nonsense=1)
    assert await asked(client, uri, 1, "x = ") == [], "below the floor"
    await configure(client, enable=False, nonsense=1)
    assert await asked(client, uri, 1, "x = ") == []
    await configure(client, nonsense=1)
    assert await asked(client, uri, 1, "x = ")


async def test_completion_where_it_is_asked_for(client: LanguageClient) -> None:
    uri = opened(client, "# fill '😀'\né = \n", "file:///6.py")
    cursor = types.Position(1, units("é = ", client.encoding))
    params = types.CompletionParams(types.TextDocumentIdentifier(uri), cursor)
    await configure(client, completion=True, nonsense=1)
    for _ in range(1000):
        if types.TEXT_DOCUMENT_COMPLETION in client.registered:
            break
        await asked(client, uri, 1, "é = ")  # any round trip
    result = await client.text_document_completion_async(params)
    assert isinstance(result, types.CompletionList)
    assert result.is_incomplete
    (item,) = result.items
    assert item.text_edit == types.TextEdit(types.Range(cursor, cursor), "'😀'")
    assert item.label == "'😀'"
    assert not item.preselect
    await configure(client, nonsense=1)
    result = await client.text_document_completion_async(params)
    assert isinstance(result, types.CompletionList)
    assert not result.items, "switched off again"
