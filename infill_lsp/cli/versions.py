"""Versions of what is installed, looked up without importing it."""

from importlib import metadata


def version(distribution: str) -> str | None:
    """The installed version; None when it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
