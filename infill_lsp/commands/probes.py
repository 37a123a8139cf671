"""What `infill-lsp doctor --probe` has measured on this machine, kept in the user's cache, newest for each size.

It measures nothing.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from infill_lsp.errors import SourceError
from infill_lsp.user_config import cache_folder
from infill_model.backends.sizes import Probe, size_of


def stored() -> tuple[Probe, ...]:
    """All that is kept; nothing where the file is missing or of another version, for it can be measured again."""
    try:
        found = json.loads(_file().read_text(encoding="utf-8"))
        return tuple(Probe(**it) for it in found)
    except (OSError, ValueError, TypeError):
        return ()


def keep(new: Sequence[Probe]) -> Path:
    """Keep measurements beside older ones, of which those of the same size, device and dtype go.

    Raises:
        SourceError: they cannot be written.
    """
    path = _file()
    known = {(it.size, it.device, it.dtype): it for it in (*stored(), *new)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps([asdict(it) for it in known.values()], indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise SourceError(f"{path}: cannot be written ({error.strerror})") from error
    return path


def of(parameters: float, known: Sequence[Probe]) -> Probe | None:
    """The newest measurement of the size that a model of so many parameters has."""
    size = size_of(parameters)
    return next((it for it in reversed(known) if size and it.size == size.name), None)


def _file() -> Path:
    return cache_folder() / "probe.json"
