"""Cut a file into parts that can be transferred one by one, and join them on arrival.

parts.py split FILE --out DIR [--most MIB]    writes the parts, and NAME.parts.json with their sizes and hashes
parts.py join DIR --into FOLDER               copies the parts in DIR to FOLDER, and joins the file once all are there

`join` may be called for each part that arrives, or once for all; FOLDER keeps them in between.
"""

import argparse
import hashlib
import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

MIB = 1 << 20
MOST = 55


@dataclass(frozen=True, slots=True)
class Piece:
    """A file's name, its size in bytes, and its SHA-256 in hexadecimal digits."""

    name: str
    size: int
    sha256: str

    def is_at(self, path: Path) -> bool:
        """Report whether the file at a path is exactly this one."""
        return path.is_file() and path.stat().st_size == self.size and digest(path) == self.sha256


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def split(file: Path, out: Path, most: float = MOST) -> list[Path]:
    """Write a file's parts of at most `most` MiB, then the manifest; each replaces an older file of its name."""
    out.mkdir(parents=True, exist_ok=True)
    parts = []
    for number, content in enumerate(_read(file, int(most * MIB))):
        part = Piece(f"{file.name}.{number:02}", len(content), hashlib.sha256(content).hexdigest())
        _replace(out / part.name, content)
        parts.append(part)
    manifest = asdict(Piece(file.name, file.stat().st_size, digest(file))) | {"parts": [asdict(it) for it in parts]}
    _replace(out / f"{file.name}.parts.json", json.dumps(manifest, indent=1).encode())
    return [out / it.name for it in parts]


def join(source: Path, folder: Path) -> list[str]:
    """Take over the intact parts in `source`, then join the files all of whose parts are in `folder`.

    Returns:
        The missing or damaged parts, in words; none if all files are complete.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [it for manifest in sorted(source.glob("*.parts.json")) for it in _join(manifest, source, folder)]


def _join(manifest: Path, source: Path, folder: Path) -> Iterator[str]:
    stated = json.loads(manifest.read_text(encoding="utf-8"))
    parts = [Piece(**it) for it in stated.pop("parts")]
    whole = Piece(**stated)
    target = folder / whole.name
    if whole.is_at(target):
        return
    lacking = [it.name for it in parts if not _taken(it, source, folder)]
    if lacking:
        damaged = [it for it in lacking if (source / it).exists()]
        yield from (f"{it} is damaged" for it in damaged)
        yield from (f"{it} is missing" for it in lacking if it not in damaged)
        return
    with target.with_name(target.name + ".joining").open("wb") as out:
        for part in parts:
            with (folder / part.name).open("rb") as file:
                shutil.copyfileobj(file, out, MIB)
    Path(out.name).replace(target)
    if not whole.is_at(target):
        yield f"{whole.name} is not what was split: the parts and the manifest are of different files"
        return
    for part in parts:
        (folder / part.name).unlink()


def _taken(part: Piece, source: Path, folder: Path) -> bool:
    """Report whether a part is in the folder, after taking it over from the source if it is there."""
    if part.is_at(folder / part.name):
        return True
    if not part.is_at(source / part.name):
        return False
    shutil.copyfile(source / part.name, folder / part.name)
    return True


def _read(file: Path, size: int) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while content := opened.read(size):
            yield content


def _replace(path: Path, content: bytes) -> None:
    new = path.with_name(path.name + ".new")
    new.write_bytes(content)
    new.replace(path)


def main() -> int:
    """Split or join a file."""
    parser = argparse.ArgumentParser(description="Cut a file into parts, or join them.")
    commands = parser.add_subparsers(dest="command", required=True)
    cutting = commands.add_parser("split")
    cutting.add_argument("file", type=Path)
    cutting.add_argument("--out", type=Path, required=True, metavar="DIR")
    cutting.add_argument("--most", type=float, default=MOST, metavar="MIB", help=f"of a part (default: {MOST})")
    joining = commands.add_parser("join")
    joining.add_argument("source", type=Path, metavar="DIR")
    joining.add_argument("--into", type=Path, required=True, metavar="FOLDER")
    flags = parser.parse_args()
    if flags.command == "split":
        print(*split(flags.file, flags.out, flags.most), sep="\n")
        return 0
    problems = join(flags.source, flags.into)
    print("\n".join(problems) or "whole")
    return 1 if any(not it.endswith("missing") for it in problems) else 0


if __name__ == "__main__":
    sys.exit(main())
