"""Spellings of URIs: which are the same, and which differ."""

import pytest

from infill_lsp.errors import UriError
from infill_lsp.server.uris import Spellings, canonical


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("file:///a%28b%29.py", "file:///a(b).py"),
        ("file:///C:/a.py", "file:///c%3A/a.py"),
        ("FILE:///a.py", "file:///a.py"),
        ("file:///%c3%a9.py", "file:///é.py"),
        ("file:///a%20b.py", "file:///a b.py"),
        ("untitled:a%2Db", "untitled:a-b"),
        ("vscode-notebook-cell:/n%40.ipynb#W0", "vscode-notebook-cell:/n@.ipynb#W0"),
    ],
)
def test_the_same(one: str, other: str) -> None:
    assert canonical(one) == canonical(other)
    assert canonical(canonical(one)) == canonical(one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("file:///a%2Fb.py", "file:///a/b.py"),
        ("file:///a%23b.py", "file:///a#b.py"),
        ("file:///a%25b.py", "file:///a%b.py"),
        ("file:///A.py", "file:///a.py"),
        ("file:///a.py", "untitled:///a.py"),
    ],
)
def test_not_the_same(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


@pytest.mark.parametrize("uri", ["http://[", "file:///a%00", "\ud800"])
def test_no_uri(uri: str) -> None:
    with pytest.raises(UriError, match="is not a URI"):
        canonical(uri)


def test_names_are_kept_as_long_as_a_document_is_open() -> None:
    spellings = Spellings()

    def told(method: str, uri: str, **others: str) -> str:
        message = {"method": method, "params": {"textDocument": {"uri": uri, **others}}}
        spellings.take(message)
        name: str = message["params"]["textDocument"]["uri"]  # type: ignore[index]
        return name

    assert told("textDocument/didChange", "file:///(") == "file:///("
    assert told("textDocument/didOpen", "file:///%28", languageId="python") == "file:///%28"
    assert told("textDocument/didChange", "file:///(") == "file:///%28"
    assert told("textDocument/didOpen", "file:///(", languageId="python") == "file:///%28"
    assert told("textDocument/didClose", "file:///(") == "file:///%28"
    assert told("textDocument/didOpen", "file:///(", languageId="python") == "file:///("
