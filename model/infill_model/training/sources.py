"""Where training text comes from: the pinned list of packages, and for each language the way to fetch one.

Packages are read, never installed and never run; source distributions are not taken, because pip runs their build
script even to download them. What of a package is worth training on is `corpus.py`'s to say.
"""

import hashlib
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from email.parser import HeaderParser
from pathlib import Path
from typing import Final, Literal

import cattrs

from infill_model.errors import CorpusError

Split = Literal["train", "heldout"]

PERMISSIVE: Final = frozenset(
    ("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "PSF-2.0", "Zlib")
)
"""SPDX ids of the licences that a source may have, alone or joined by AND and OR."""


@dataclass(frozen=True, slots=True)
class Source:
    """One package of the pinned list.

    Attributes:
        licence: an SPDX expression.
        sha256: of the archive, in hexadecimal; checked when given.
        archive: a local archive to read instead of asking the package index, relative to the list's folder.
        exclude: globs of paths inside the package that are left out, such as copies of other packages.
        language: the id of a row of `LANGUAGES`.
    """

    name: str
    version: str
    licence: str
    split: Split = "train"
    sha256: str | None = None
    archive: str | None = None
    exclude: tuple[str, ...] = ()
    language: str = "python"


@dataclass(frozen=True, slots=True)
class SourceList:
    """The pinned list.

    Attributes:
        source: in order of precedence: of two copies of some lines the first package keeps its own.
        standard_library: a glob below the interpreter's library folder; empty to leave the standard library out.
    """

    source: tuple[Source, ...] = ()
    standard_library: str = ""


@dataclass(frozen=True, slots=True)
class Package:
    """A package that was fetched and can be read.

    Attributes:
        sha256: of the archive, in hexadecimal; empty where there is no archive.
        stated_licence: what the package says of itself.
        files: yields the path inside the package and the content of each file of the language, sorted by path.
    """

    sha256: str
    stated_licence: str
    files: Callable[[], Iterator[tuple[str, bytes]]]


@dataclass(frozen=True, slots=True)
class Language:
    """One row of `LANGUAGES`: all that the corpus needs to know of a language.

    Attributes:
        id: the language id of the Language Server Protocol.
        comment: how a line starts that is nothing but a comment.
        fetch: gets a package of the list; its second argument is a folder that keeps archives for the next time.
    """

    id: str
    comment: str
    fetch: Callable[[Source, Path], Package]


def read_sources(path: Path) -> SourceList:
    """Read a pinned list (TOML).

    Raises:
        CorpusError: the file cannot be read, a row is malformed, or a licence is not permissive.
    """
    try:
        listed = _CONVERTER.structure(tomllib.loads(path.read_text(encoding="utf-8")), SourceList)
    except OSError as error:
        raise CorpusError(f"{path}: cannot read the list of sources ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path}: not a TOML file ({error})") from error
    except cattrs.BaseValidationError as error:
        raise CorpusError(f"{path}: {'; '.join(cattrs.transform_error(error))}") from error
    return replace(listed, source=tuple(_checked(source, path) for source in listed.source))


_CONVERTER: Final = cattrs.Converter(forbid_extra_keys=True)


def _checked(source: Source, path: Path) -> Source:
    licences = set(re.split(r" AND | OR |[()]", source.licence)) - {""}
    if not licences <= PERMISSIVE:
        raise CorpusError(f"{path}: {source.name} is under {source.licence}, which is not on the list of licences")
    if source.language not in LANGUAGES:
        raise CorpusError(f"{path}: {source.name} is in {source.language}; known is {', '.join(LANGUAGES)}")
    return source if source.archive is None else replace(source, archive=str(path.parent / source.archive))


_NOT_LIBRARY: Final = re.compile(r"(^|/)(site-packages/|dist-packages/|config-\d|_sysconfigdata)")


def standard_library(pattern: str) -> Package:
    """The running interpreter's library: the files that match the glob, without installed packages.

    What the build of the interpreter wrote about its machine is left out too.
    """
    root = Path(sysconfig.get_path("stdlib"))

    def files() -> Iterator[tuple[str, bytes]]:
        for path in sorted(root.glob(pattern)):
            name = path.relative_to(root).as_posix()
            if path.is_file() and not _NOT_LIBRARY.search(name):
                yield name, path.read_bytes()

    return Package("", "PSF-2.0", files)


def fetch_wheel(source: Source, cache: Path) -> Package:
    """Get a wheel, from the list's own archive, from `cache` or by `pip download`, and open it.

    Raises:
        CorpusError: pip cannot get it, it is not a wheel, or its hash is not the pinned one.
    """
    archive = Path(source.archive) if source.archive else _download(source, cache / f"{source.name}-{source.version}")
    try:
        sha256 = hashlib.sha256(archive.read_bytes()).hexdigest()
    except OSError as error:
        raise CorpusError(f"{archive}: cannot read the archive ({error.strerror})") from error
    if source.sha256 not in (None, sha256):
        raise CorpusError(f"{archive}: its hash is not the one pinned for {source.name} {source.version}; delete it")
    return Package(sha256, _stated_licence(archive), lambda: _python_files(archive))


def _download(source: Source, folder: Path) -> Path:
    if not any(folder.glob("*.whl")):
        # One fixed platform, so that everyone trains on the same archive.
        where = ["--python-version=3.13", *(f"--platform=manylinux_2_{minor}_x86_64" for minor in (28, 27, 24, 17))]
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        wanted = f"{source.name}=={source.version}"
        ran = subprocess.run(
            [*pip, "--only-binary=:all:", *where, f"--dest={folder}", wanted],
            env=os.environ | {"PIP_CONSTRAINT": ""},  # The project's own pins are not the corpus's.
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode != 0:
            reason = next((line for line in reversed(ran.stderr.splitlines()) if line.startswith("ERROR")), ran.stderr)
            raise CorpusError(f"cannot fetch {wanted}: {reason.removeprefix('ERROR: ').strip()}")
    return min(folder.glob("*.whl"))


def _python_files(archive: Path) -> Iterator[tuple[str, bytes]]:
    with _open(archive) as wheel:
        for name in sorted(wheel.namelist()):
            if name.endswith(".py"):
                yield name, _read(wheel, name, archive)


def _stated_licence(archive: Path) -> str:
    with _open(archive) as wheel:
        name = next((n for n in wheel.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", n)), None)
        if name is None:
            raise CorpusError(f"{archive}: not a wheel (it has no METADATA)")
        metadata = HeaderParser().parsestr(_read(wheel, name, archive).decode("utf-8", "replace"))
    classifiers = [c.split(" :: ")[-1] for c in metadata.get_all("Classifier", []) if c.startswith("License ::")]
    named = metadata.get("License", "").strip()
    words = [named] * ("\n" not in named) + classifiers  # Some put the licence's whole text where its name belongs.
    return metadata.get("License-Expression") or "; ".join(filter(None, words)) or "not stated"


def _open(archive: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(archive)
    except (OSError, zipfile.BadZipFile) as error:
        raise CorpusError(f"{archive}: not a readable wheel ({error}); delete it and build again") from error


def _read(wheel: zipfile.ZipFile, name: str, archive: Path) -> bytes:
    try:
        return wheel.read(name)
    except (OSError, zipfile.BadZipFile, zlib.error) as error:
        raise CorpusError(f"{archive}: {name} in it is damaged ({error}); delete it and build again") from error


DEFAULT_SOURCES: Final = Path(__file__).with_name("sources.toml")

LANGUAGES: Final = {language.id: language for language in (Language("python", "#", fetch_wheel),)}
"""Every language a corpus can be built of. JavaScript will be one more row, with a `fetch_npm` beside `fetch_wheel`."""
