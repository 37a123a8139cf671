"""Build a wheel by hand: the scripted server under the name of the real one, so that pip can install it offline."""

import zipfile
from pathlib import Path

import scripted_edits

from . import scripted_server

_NAME = "infill_lsp-0.0.0"
_METADATA = "Metadata-Version: 2.1\nName: infill-lsp\nVersion: 0.0.0\n"
_WHEEL = "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def make(folder: Path) -> Path:
    """Write the wheel into a folder."""
    content = {
        "infill_lsp/__init__.py": "",
        "infill_lsp/cli.py": Path(scripted_server.__file__).read_text(encoding="utf-8"),
        "scripted_edits.py": Path(scripted_edits.__file__).read_text(encoding="utf-8"),
        f"{_NAME}.dist-info/METADATA": _METADATA,
        f"{_NAME}.dist-info/WHEEL": _WHEEL,
    }
    record = f"{_NAME}.dist-info/RECORD"
    lines = "".join(f"{name},,\n" for name in (*content, record))
    path = folder / f"{_NAME}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in {**content, record: lines}.items():
            wheel.writestr(name, text)
    return path
