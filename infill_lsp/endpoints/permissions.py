"""Determines where endpoints are, and which of them the user lets code be sent to.

Permissions are kept in a file of the user, which no setting can change. Sends nothing. Must not be specific to one
API.
"""

import ipaddress
import json
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from infill_lsp.endpoints.api import EndpointError
from infill_lsp.errors import SourceError
from infill_lsp.settings.settings import EndpointSettings

_PORTS: Final = {"http": 80, "https": 443}
_PLAIN: Final = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an endpoint is.

    Attributes:
        base: the URL that the path of an API is appended to.
        host: the host as people know it, with its port if that is not the default.
        loopback: whether it is this machine.
    """

    base: str
    host: str
    loopback: bool


@dataclass(frozen=True, slots=True, order=True)
class Permission:
    """A user's permission to send code to a host, with the key from one place; `key` is empty if there is none."""

    host: str
    key: str = ""


def destination(settings: EndpointSettings) -> Destination:
    """Return where the endpoint of these settings is.

    Raises:
        EndpointError: its URL is missing, has parts that do not belong there, or is plain http to another machine.
    """
    if not settings.url:
        raise EndpointError(
            "infill.endpoint.url is empty; it says where the endpoint is, such as http://127.0.0.1:8080"
        )
    try:
        url = urlsplit(settings.url)
        host, port = url.hostname, url.port
    except ValueError:
        host, port = None, None
    if host is None or url.scheme not in _PORTS or not _PLAIN.fullmatch(settings.url):
        raise EndpointError("infill.endpoint.url is not an address such as https://api.example.com")
    if url.username or url.password or url.query or url.fragment:
        raise EndpointError("infill.endpoint.url must not contain a user name, password, query or fragment")
    loopback = _is_loopback(host)
    if url.scheme == "http" and not loopback:
        raise EndpointError(f"Code is sent to {host} only by https, or others could read it; http is for this machine")
    shown = f"[{host}]" if ":" in host else host
    if port not in (None, _PORTS[url.scheme]):
        shown = f"{shown}:{port}"
    path = url.path.rstrip("/").removesuffix("/v1")
    return Destination(f"{url.scheme}://{shown}{path}", shown, loopback)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def needed(settings: EndpointSettings) -> Permission | None:
    """Return the permission the user must give before anything is sent; None for this machine without a key.

    It includes the place of the key: the ability to change a setting must not be enough to send one host's key to
    another, or to run a command.

    Raises:
        EndpointError: the URL is wrong.
    """
    place = destination(settings)
    key = key_place(settings)
    return None if place.loopback and not key else Permission(place.host, key)


def key_place(settings: EndpointSettings) -> str:
    """Return where the key comes from, in words; empty if there is no key."""
    if settings.key_command:
        return f"printed by `{shlex.join(settings.key_command)}`"
    return f"in {settings.key_environment}" if settings.key_environment else ""


def question(permission: Permission) -> str:
    """Return the question for the user."""
    key = f", with the key {permission.key}" if permission.key else ""
    return f"Send code around the cursor to {permission.host}{key}?"


def refusal(settings: EndpointSettings) -> str | None:
    """Return why nothing may be sent yet, as a sentence; None if sending is allowed.

    Raises:
        EndpointError: the URL is wrong.
    """
    wanted = needed(settings)
    if wanted is None or wanted in allowed():
        return None
    return f"Nothing is sent to {wanted.host} until you allow it: when you are asked, or with `{command(settings)}`."


def command(settings: EndpointSettings) -> str:
    """Return the command line that allows the endpoint of these settings."""
    words = ["infill-lsp", "endpoint", "allow", destination(settings).host]
    if settings.key_command:
        words += ["--key-command", shlex.join(settings.key_command)]
    elif settings.key_environment:
        words += ["--key-environment", settings.key_environment]
    return shlex.join(words)


def store() -> Path:
    """Return the file that stores the permissions."""
    from platformdirs import user_state_path  # noqa: PLC0415  # A server that asks no endpoint need not wait for it.

    return user_state_path("infill-lsp") / "endpoints.json"


def allowed() -> frozenset[Permission]:
    """Return the user's permissions; empty if they cannot be read."""
    try:
        entries = json.loads(store().read_text(encoding="utf-8"))["allowed"]
        return frozenset(Permission(f"{it['host']}", f"{it['key']}") for it in entries)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return frozenset()


def allow(permission: Permission) -> None:
    """Store a permission.

    Raises:
        SourceError: the file cannot be written.
    """
    _write(allowed() | {permission})


def forget(host: str) -> int:
    """Withdraw all permissions for a host; return their number.

    Raises:
        SourceError: the file cannot be written.
    """
    now = allowed()
    left = frozenset(it for it in now if it.host != host)
    if left != now:
        _write(left)
    return len(now) - len(left)


def _write(permissions: Iterable[Permission]) -> None:
    from infill_lsp.text import files  # noqa: PLC0415  # nor for this one.

    entries = [{"host": it.host, "key": it.key} for it in sorted(permissions)]
    path = store()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SourceError(f"{path.parent}: cannot be created ({error.strerror})") from error
    files.replace_file(path, (json.dumps({"allowed": entries}, indent=2) + "\n").encode())
