"""`infill-lsp endpoint`: sets which hosts code may be sent to, for editors that cannot ask. It sends nothing."""

import argparse

from infill_lsp.endpoints import permissions
from infill_lsp.endpoints.permissions import Permission
from infill_lsp.errors import AddressError
from infill_lsp.settings.flags import declare_key, endpoint_settings
from infill_lsp.settings.settings import EngineCommand


def declare(flags: argparse.ArgumentParser) -> None:
    """Declare the flags of `endpoint`."""
    flags.add_argument(
        "what", choices=("allow", "forget", "list"), help="allow code to be sent to a host, or stop allowing it"
    )
    flags.add_argument("host", nargs="?", metavar="HOST", help="such as api.example.com, or 127.0.0.1:8080")
    declare_key(flags)


def run(chosen: argparse.Namespace, engine: EngineCommand) -> int:
    """Allow or forget a host, or list the allowed ones; return the exit code.

    Raises:
        InfillError: the host or the key is invalid, or the permission cannot be stored.
    """
    if (chosen.what == "list") != (chosen.host is None):
        raise AddressError("`endpoint allow` and `endpoint forget` need a HOST, and `endpoint list` takes none")
    if chosen.what == "list":
        return show()
    if chosen.what == "forget":
        return forget(chosen.host)
    return allow(Permission(chosen.host, permissions.key_place(endpoint_settings(chosen))))


def allow(permission: Permission) -> int:
    """Allow code, and optionally a key, to be sent to a host; return 0.

    Raises:
        AddressError: the host is not valid.
        SourceError: the permission cannot be stored.
    """
    if not permission.host or set("/@?# ") & set(permission.host):
        raise AddressError(f"{permission.host!r} is not a host, such as api.example.com or 127.0.0.1:8080")
    permissions.allow(permission)
    print(f"Allowed: {_shown(permission)}. Stored in {permissions.store()}.")
    return 0


def forget(host: str) -> int:
    """Withdraw a host's permissions; return 1 if there were none.

    Raises:
        SourceError: the change cannot be stored.
    """
    count = permissions.forget(host)
    print(f"Nothing is sent to {host} any more." if count else f"Nothing was allowed for {host}.")
    return 0 if count else 1


def show() -> int:
    """Print the permissions; return 0."""
    for permission in sorted(permissions.allowed()):
        print(_shown(permission))
    return 0


def _shown(permission: Permission) -> str:
    key = f", with the key {permission.key}" if permission.key else ""
    return f"code to {permission.host}{key}"
