"""The users' tokens: a file with a name and a SHA-256 hash for each; the tokens themselves are stored nowhere.

Tokens are random and 256 bits long, so that a plain hash cannot be reversed.
"""

import hashlib
import re
import secrets
from pathlib import Path
from typing import Final

from infill_lsp.errors import SourceError
from infill_lsp.text.files import check_writable, replace_file

ANYONE: Final = "anyone"
"""The user of every request where no tokens are asked for."""

_NAME: Final = re.compile(r"[A-Za-z0-9._@-]{1,64}")
_LINE: Final = re.compile(rf"({_NAME.pattern}) sha256:([0-9a-f]{{64}})")


class TokenFile:
    """The users that may ask. Changes of the file take effect at the next request."""

    def __init__(self, path: Path | None) -> None:
        """Read the file.

        Args:
            path: None to let anyone ask.

        Raises:
            SourceError: the file cannot be read, or has a line that is not a name and a hash.
        """
        self._path = path
        self._stamp = (0, 0)
        self._users: dict[str, str] = {}
        self._reload()

    def user(self, token: str) -> str | None:
        """Return whose token this is; None if it is nobody's.

        Raises:
            SourceError: the file was made unreadable; then nobody is let in.
        """
        if self._path is None:
            return ANYONE
        self._reload()
        return self._users.get(hashed(token))

    def _reload(self) -> None:
        if self._path is None:
            return
        try:
            now = self._path.stat()
            if self._stamp != (stamp := (now.st_mtime_ns, now.st_size)):
                self._users, self._stamp = _parsed(self._path), stamp
        except (OSError, ValueError) as error:
            raise SourceError(
                f"{self._path}: cannot be read as tokens ({getattr(error, 'strerror', None) or error})"
            ) from None


def hashed(token: str) -> str:
    """Return the hash of a token, as the file has it."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def add(path: Path, name: str) -> str:
    """Add a token for a user, or replace the user's old one; return the token, which is shown once.

    Raises:
        SourceError: the name is not valid, or the file cannot be read or written.
    """
    if not _NAME.fullmatch(name):
        raise SourceError(f"{name!r} is not a name of at most 64 letters, digits and . _ @ -")
    check_writable(path)
    try:
        known = {user: of for of, user in _parsed(path).items()} if path.exists() else {}
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: cannot be read as tokens ({error})") from None
    token = secrets.token_urlsafe(32)
    known[name] = hashed(token)
    text = "".join(f"{user} sha256:{of}\n" for user, of in sorted(known.items()))
    if not path.exists():
        path.touch(mode=0o600)
    replace_file(path, text.encode())
    return token


def _parsed(path: Path) -> dict[str, str]:
    """Return the user of each hash.

    Raises:
        ValueError: a line is neither empty, a comment, nor a name and a hash.
    """
    found = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise ValueError(f"line {number} is not NAME sha256:HASH")
        found[match[2]] = match[1]
    return found
