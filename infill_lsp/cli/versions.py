"""Versions of installed packages, looked up without importing them."""

from importlib import metadata


def version(distribution: str) -> str | None:
    """Return the installed version of a package, or None if it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
