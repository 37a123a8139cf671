"""Access control for sockets: clients need the printed token, and pages in a browser must be among the named origins.

Reaching a port does not make a client the user who opened it: other users of the machine, and pages in their browsers,
can reach it too.
"""

import json
import os
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from infill_lsp.server.framing import Broken

VARIABLE: Final = "INFILL_LSP_TOKEN"
"""The environment variable with a token to use instead of a new one, for scripts that start both server and client."""

FIRST_WITHIN: Final = 10.0
"""Seconds that a client has for its first message."""

LARGEST_FIRST: Final = 4 * 1024 * 1024
"""The largest first message, in bytes."""


@dataclass(frozen=True, slots=True)
class Access:
    """The rules for admitting clients.

    Attributes:
        token: what a client has to present; None if nothing is required.
        origins: the pages that may connect, as a browser names them, such as `https://ide.example.org`.
    """

    token: str | None
    origins: tuple[str, ...] = ()

    def admits(self, presented: object) -> bool:
        """Report whether a client with this token is served."""
        import hmac  # noqa: PLC0415  # A server on standard input needs neither this nor `secrets`.

        if self.token is None:
            return True
        given = presented.encode("utf-8", "replace") if isinstance(presented, str) else b""
        return hmac.compare_digest(given, self.token.encode())

    def admits_request(self, target: str, authorization: str | None) -> bool:
        """Report whether the request that opens a WebSocket presents the token, in its address or its headers."""
        named = parse_qs(urlsplit(target).query).get("token", [None])[0]
        scheme, _, word = (authorization or "").partition(" ")
        return self.admits(named) or (scheme.lower() == "bearer" and self.admits(word.strip()))

    def first(self, body: bytes | Broken | None) -> "bytes | Refused":
        """Return the first message on a stream without its token, or why the client is not served."""
        message = None if body is None or isinstance(body, Broken) else _parsed(body)
        if not isinstance(message, dict) or message.get("method") != "initialize":
            return Refused(None)
        params = message["params"] if isinstance(message.get("params"), dict) else {}
        options = params.get("initializationOptions")
        presented = options.pop("token", None) if isinstance(options, dict) else None
        if self.admits(presented):
            return json.dumps(message).encode()
        return Refused(message.get("id"), 'initializationOptions must have the "token" that was printed at the start.')


@dataclass(frozen=True, slots=True)
class Refused:
    """The refusal of a client.

    Attributes:
        id: of its request, for the answer.
        sentence: the reason; empty if the client gets no answer because it does not speak this protocol.
    """

    id: Any
    sentence: str = ""


def new_token() -> str:
    """Return a token that nobody can guess, or the one in the user's environment."""
    import secrets  # noqa: PLC0415

    return os.environ.get(VARIABLE) or secrets.token_urlsafe(24)


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
