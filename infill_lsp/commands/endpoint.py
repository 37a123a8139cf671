"""`infill-lsp endpoint`: which hosts code may be sent to, for editors that cannot ask. It sends nothing."""

from infill_lsp.endpoints import hosts
from infill_lsp.endpoints.hosts import Permission
from infill_lsp.errors import AddressError


def allow(permission: Permission) -> int:
    """Allow code, and perhaps a key, to be sent to a host; returns 0.

    Raises:
        AddressError: it is no host.
        SourceError: that cannot be written down.
    """
    if not permission.host or set("/@?# ") & set(permission.host):
        raise AddressError(f"{permission.host!r} is not a host, such as api.example.com or 127.0.0.1:8080")
    hosts.allow(permission)
    print(f"Allowed: {_shown(permission)}. This stands in {hosts.store()}.")
    return 0


def forget(host: str) -> int:
    """Take back what is allowed for a host; returns 1 if that was nothing.

    Raises:
        SourceError: that cannot be written down.
    """
    count = hosts.forget(host)
    print(f"Nothing is sent to {host} any more." if count else f"Nothing was allowed for {host}.")
    return 0 if count else 1


def show() -> int:
    """Print what is allowed; returns 0."""
    for permission in sorted(hosts.allowed()):
        print(_shown(permission))
    return 0


def _shown(permission: Permission) -> str:
    key = f", with the key {permission.key}" if permission.key else ""
    return f"code to {permission.host}{key}"
