"""Validation of the URIs that clients send, and one name for all spellings of a URI.

A document is named by the URI that it was opened with; later messages may spell it differently. Works on messages as
JSON.
"""

import re
import string
from typing import Any, Final
from urllib.parse import quote, urlsplit

from infill_lsp.errors import UriError

_PLAIN: Final = frozenset(string.ascii_letters + string.digits + "-._~!$&'()*+,;=:@")
"""Characters that mean the same with and without percent-encoding in a path."""

_KEPT: Final = "".join(_PLAIN) + "%/?#[]"
_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_DRIVE: Final = re.compile(r"^(file:///)([A-Z])(?=:)")


def canonical(uri: str) -> str:
    """Return the one spelling of all equivalent URIs: `%28` and `(`, `C%3A` and `c:`, `é` and `%C3%A9`.

    Raises:
        UriError: it is not a URI.
    """
    try:
        urlsplit(uri)
        scheme, colon, rest = _ESCAPE.sub(_unescaped, quote(uri, safe=_KEPT)).partition(":")
    except ValueError as error:
        raise UriError(f"{uri[:100]!r} is not a URI ({error})") from error
    if "%00" in rest:
        raise UriError(f"{uri[:100]!r} is not a URI that can be used: it contains a NUL")
    return _DRIVE.sub(lambda it: it[1] + it[2].lower(), scheme.lower() + colon + rest)


def _unescaped(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if character in _PLAIN else match[0].upper()


class Spellings:
    """The names of the open documents, by the canonical spelling of each."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def take(self, message: dict[str, Any]) -> None:
        """Check all URIs of a message, and replace other spellings of open documents by their names.

        Raises:
            UriError: one of them is not a URI.
        """
        params = message.get("params")
        self._take(params)
        if message.get("method") == "workspace/executeCommand" and isinstance(params, dict):
            match params.get("arguments"):
                case [str(uri), *_]:
                    params["arguments"][0] = self._name(uri)
        if str(message.get("method")).endswith("/didClose"):
            self._forget(params)

    def _take(self, value: object) -> None:
        if isinstance(value, dict):
            opened = "languageId" in value or "notebookType" in value
            for key, one in value.items():
                if isinstance(one, str) and (key in {"uri", "document"} or key.endswith("Uri")):
                    value[key] = self._name(one, opened=opened and key == "uri")
                else:
                    self._take(one)
        elif isinstance(value, list):
            for one in value:
                self._take(one)

    def _name(self, uri: str, *, opened: bool = False) -> str:
        key = canonical(uri)
        return self._names.setdefault(key, uri) if opened else self._names.get(key, uri)

    def _forget(self, value: object) -> None:
        if isinstance(value, dict):
            if isinstance(uri := value.get("uri"), str):
                self._names.pop(canonical(uri), None)
            self._forget(list(value.values()))
        elif isinstance(value, list):
            for one in value:
                self._forget(one)
