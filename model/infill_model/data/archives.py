"""Read packages in place: wheels, npm archives and Debian packages. Nothing is unpacked to disk, nothing is run."""

import hashlib
import json
import re
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path
from typing import Final

from infill_model.errors import CorpusError

Wanted = Callable[[str], bool]
"""Whether to read the file with this path inside its package."""


@dataclass(frozen=True, slots=True)
class Package:
    """A fetched package, ready to be read.

    Attributes:
        sha256: of the archive, in hexadecimal; empty if there is no archive.
        stated_licence: the licence as the package states it.
        files: yields the path inside the package and the content of each wanted file, sorted by path.
    """

    sha256: str
    stated_licence: str
    files: Callable[[Wanted], Iterator[tuple[str, bytes]]]


def open_wheel(archive: Path) -> Package:
    """Open a wheel.

    Raises:
        CorpusError: the archive cannot be read, or is not a wheel.
    """
    return Package(sha256_of(archive), _wheel_licence(archive), lambda wanted: _zipped(archive, wanted))


def open_npm(archive: Path) -> Package:
    """Open an archive that `npm pack` wrote: a compressed tar file with everything in one folder.

    Raises:
        CorpusError: the archive cannot be read, or has no package.json.
    """
    sha256 = sha256_of(archive)
    return Package(sha256, _npm_licence(archive), lambda wanted: _tarred(archive, wanted, below_first_folder=True))


def open_deb(archive: Path) -> Package:
    """Open a Debian binary package.

    Raises:
        CorpusError: the archive cannot be read.
    """
    return Package(sha256_of(archive), _deb_licence(archive), lambda wanted: _tarred(archive, wanted))


def sha256_of(archive: Path) -> str:
    """Return the hash of an archive, in hexadecimal.

    Raises:
        CorpusError: the archive cannot be read.
    """
    try:
        return hashlib.sha256(archive.read_bytes()).hexdigest()
    except OSError as error:
        raise CorpusError(f"{archive}: cannot read the archive ({error.strerror})") from error


def _zipped(archive: Path, wanted: Wanted) -> Iterator[tuple[str, bytes]]:
    with _open_zip(archive) as wheel:
        for name in sorted(wheel.namelist()):
            if wanted(name):
                yield name, _read_zip(wheel, name, archive)


def _wheel_licence(archive: Path) -> str:
    with _open_zip(archive) as wheel:
        name = next((n for n in wheel.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", n)), None)
        if name is None:
            raise CorpusError(f"{archive}: not a wheel (it has no METADATA)")
        metadata = HeaderParser().parsestr(_read_zip(wheel, name, archive).decode("utf-8", "replace"))
    classifiers = [c.split(" :: ")[-1] for c in metadata.get_all("Classifier", []) if c.startswith("License ::")]
    named = metadata.get("License", "").strip()
    words = [named] * ("\n" not in named) + classifiers  # Some packages put the whole licence text into the name field.
    return metadata.get("License-Expression") or "; ".join(filter(None, words)) or "not stated"


def _open_zip(archive: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(archive)
    except (OSError, zipfile.BadZipFile) as error:
        raise CorpusError(f"{archive}: not a readable wheel ({error}); delete it and build again") from error


def _read_zip(wheel: zipfile.ZipFile, name: str, archive: Path) -> bytes:
    try:
        return wheel.read(name)
    except (OSError, zipfile.BadZipFile, zlib.error) as error:
        raise CorpusError(f"{archive}: {name} in it is damaged ({error}); delete it and build again") from error


def _npm_licence(archive: Path) -> str:
    content = dict(_tarred(archive, lambda path: path == "package.json", below_first_folder=True))
    try:
        stated = json.loads(content["package.json"]).get("license", "not stated")
    except (KeyError, ValueError, AttributeError) as error:
        raise CorpusError(f"{archive}: not a package of npm (it has no readable package.json)") from error
    return stated if isinstance(stated, str) else json.dumps(stated)


_COPYRIGHT: Final = re.compile(r"usr/share/doc/[^/]+/copyright")


def _deb_licence(archive: Path) -> str:
    """Return the licences that the package's copyright file names, each once, in the file's order."""
    texts = [content for _, content in _tarred(archive, lambda path: _COPYRIGHT.fullmatch(path) is not None)]
    named = [it.strip() for text in texts for it in re.findall(r"(?m)^License:(.+)$", text.decode("utf-8", "replace"))]
    return "; ".join(dict.fromkeys(named)) or "not stated"


def _tarred(archive: Path, wanted: Wanted, *, below_first_folder: bool = False) -> Iterator[tuple[str, bytes]]:
    found = []
    try:
        with _tar(archive) as tar:
            for member in tar:
                path = member.name.removeprefix("./")
                path = path.partition("/")[2] if below_first_folder else path
                content = tar.extractfile(member) if member.isreg() and wanted(path) else None
                if content is not None:
                    found.append((path, content.read()))
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise CorpusError(f"{archive}: not a readable archive ({error}); delete it and build again") from error
    yield from sorted(found)


@contextmanager
def _tar(archive: Path) -> Iterator[tarfile.TarFile]:
    """Open a tar file as a stream; for a Debian package, the tar file that `dpkg-deb` extracts from it."""
    if archive.suffix != ".deb":
        with tarfile.open(archive, mode="r|*") as tar:
            yield tar
        return
    with (
        subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE) as unpacking,
        tarfile.open(fileobj=unpacking.stdout, mode="r|") as tar,
    ):
        yield tar
        if unpacking.stdout is not None:
            unpacking.stdout.read()  # The padding after the last file; dpkg-deb fails if it is not read.
