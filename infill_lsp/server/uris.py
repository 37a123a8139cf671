"""URIs as clients write them: which are none, and which are the same but for their spelling.

A document has one name, the URI that it was opened by; other spellings of it in later messages mean that one. It knows
messages as JSON, and nothing of documents.
"""

import re
import string
from typing import Any, Final
from urllib.parse import quote, urlsplit

from infill_lsp.errors import UriError

_PLAIN: Final = frozenset(string.ascii_letters + string.digits + "-._~!$&'()*+,;=:@")
"""What means the same with and without a percent sign in a path."""

_KEPT: Final = "".join(_PLAIN) + "%/?#[]"
_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_DRIVE: Final = re.compile(r"^(file:///)([A-Z])(?=:)")


def canonical(uri: str) -> str:
    """The one spelling of all that mean the same: `%28` and `(`, `C%3A` and `c:`, `é` and `%C3%A9`.

    Raises:
        UriError: it is no URI.
    """
    try:
        urlsplit(uri)
        scheme, colon, rest = _ESCAPE.sub(_unescaped, quote(uri, safe=_KEPT)).partition(":")
    except ValueError as error:
        raise UriError(f"{uri[:100]!r} is not a URI ({error})") from error
    if "%00" in rest:
        raise UriError(f"{uri[:100]!r} is not a URI of anything here: it holds a NUL")
    return _DRIVE.sub(lambda it: it[1] + it[2].lower(), scheme.lower() + colon + rest)


def _unescaped(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if character in _PLAIN else match[0].upper()


class Spellings:
    """The names of the documents that are open, by the canonical spelling of each."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def take(self, message: dict[str, Any]) -> None:
        """Check all URIs of a message, and put the names of open documents in the place of other spellings.

        Raises:
            UriError: one of them is no URI.
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
