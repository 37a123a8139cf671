"""Reads and writes the user's own configuration: settings that hold in every editor, unless the editor overrides them.

A JSON file with the settings of docs/settings.md, written by `infill-lsp models use`. Must not depend on an editor.
"""

import json
from pathlib import Path

from platformdirs import user_config_path

from infill_lsp.errors import SourceError
from infill_lsp.settings.settings import ServerSettings, read


def config_file() -> Path:
    """Return the path of the configuration file, whether or not it exists."""
    return user_config_path("infill-lsp", appauthor=False) / "config.json"


def cache_folder() -> Path:
    """Return the folder in which this program may keep measurements."""
    from infill_model.catalogue import published  # noqa: PLC0415  # `initialize` need not wait for it.

    return published.cache_folder()


def load() -> tuple[ServerSettings, tuple[str, ...]]:
    """Return the user's settings, and a sentence for everything in the file that was not understood."""
    usual = ServerSettings()
    try:
        raw = _read()
    except SourceError as error:
        return usual, (str(error),)
    settings, complaints = read(raw, usual, usual)
    return settings, tuple(f"{config_file()}: {it}" for it in complaints)


def choose(model: str | None) -> Path:
    """Store the wanted model, None for `auto`; the rest of the file stays. Return the file.

    Raises:
        SourceError: the file cannot be read or written.
    """
    return _write("model", model)


def offer_no_models() -> Path:
    """Store that the download of a larger model must not be offered again. Return the file.

    Raises:
        SourceError: the file cannot be read or written.
    """
    return _write("offerModels", False)


def _write(name: str, value: object) -> Path:
    """Set a setting, or remove it for None."""
    raw = _read()
    raw.pop(f"infill.{name}", None)
    raw.pop(name, None)
    if value is not None:
        raw[f"infill.{name}"] = value
    path = config_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(raw, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise SourceError(f"{path}: cannot be written ({error.strerror})") from error
    return path


def _read() -> dict[str, object]:
    path = config_file()
    if path.exists() and not path.is_file():
        raise SourceError(f"{path}: is not a regular file")
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise SourceError(f"{path}: cannot be read as JSON ({error})") from error
    if not isinstance(raw, dict):
        raise SourceError(f"{path}: must be a JSON object with settings")
    return raw
