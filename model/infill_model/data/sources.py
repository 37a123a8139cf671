"""Read the pinned lists of packages that supply the training text, and fetch and open those packages.

`corpus.py` decides which parts of a package are worth training on.
"""

import re
import sysconfig
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import cattrs

from infill_model.data.archives import Package, Wanted
from infill_model.data.languages import LANGUAGES
from infill_model.data.registries import REGISTRIES
from infill_model.errors import CorpusError

Split = Literal["train", "heldout"]

PERMISSIVE: Final = frozenset(
    (
        *("0BSD", "Apache-2.0", "BSD-1-Clause", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "ISC"),
        *("MIT", "MIT-0", "PostgreSQL", "PSF-2.0", "Unlicense", "Zlib"),
    )
)
"""SPDX ids of the licences a source may have, alone or joined by AND and OR."""


@dataclass(frozen=True, slots=True)
class PackageSource:
    """One package of the pinned list.

    Attributes:
        licence: an SPDX expression.
        sha256: of the archive, in hexadecimal; checked when given.
        archive: a local archive to read instead of asking the registry, relative to the list's folder.
        include: globs of paths inside the package, at least one of which must match; empty for all files.
        exclude: globs of paths inside the package to leave out, such as copies of other packages.
        vendored: whether to keep its copies of other packages, as for a binding that includes its library.
        share: of its files to keep, chosen by path hash, so that large packages do not outweigh the others.
        languages: ids of rows of `LANGUAGES`; a file belongs to the first one that its name matches.
        registry: a key of `REGISTRIES`.
    """

    name: str
    version: str
    licence: str
    split: Split = "train"
    sha256: str | None = None
    archive: str | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    vendored: bool = False
    share: float = 1.0
    languages: tuple[str, ...] = ("python",)
    registry: str = "pypi"


@dataclass(frozen=True, slots=True)
class SourceList:
    """The pinned list.

    Attributes:
        source: packages in order of precedence: of two copies of the same lines, the first package's is kept.
        standard_library: a glob below the interpreter's library folder; empty to leave the standard library out.
    """

    source: tuple[PackageSource, ...] = ()
    standard_library: str = ""


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


def _checked(source: PackageSource, path: Path) -> PackageSource:
    licences = set(re.split(r" AND | OR |[()]", source.licence)) - {""}
    if not licences <= PERMISSIVE:
        raise CorpusError(f"{path}: {source.name} is under {source.licence}, which is not on the list of licences")
    unknown = [it for it in source.languages if it not in LANGUAGES]
    if unknown or not source.languages:
        raise CorpusError(f"{path}: {source.name} is in {', '.join(unknown)}; choose from {', '.join(LANGUAGES)}")
    if source.registry not in REGISTRIES:
        raise CorpusError(f"{path}: {source.name} is from {source.registry}; choose from {', '.join(REGISTRIES)}")
    return source if source.archive is None else replace(source, archive=str(path.parent / source.archive))


_NOT_LIBRARY: Final = re.compile(r"(^|/)(site-packages/|dist-packages/|config-\d|_sysconfigdata)")


def standard_library(pattern: str) -> Package:
    """Return the running interpreter's library: the files that match the glob, without installed packages.

    Files in which the interpreter's build recorded its machine are left out too.
    """
    root = Path(sysconfig.get_path("stdlib"))

    def files(wanted: Wanted) -> Iterator[tuple[str, bytes]]:
        for path in sorted(root.glob(pattern)):
            name = path.relative_to(root).as_posix()
            if path.is_file() and wanted(name) and not _NOT_LIBRARY.search(name):
                yield name, path.read_bytes()

    return Package("", "PSF-2.0", files)


def fetch(source: PackageSource, cache: Path) -> Package:
    """Fetch a package from the list's own archive, from `cache` or from its registry, and open it.

    Raises:
        CorpusError: the package cannot be fetched or read, or its hash is not the pinned one.
    """
    registry = REGISTRIES[source.registry]
    archive = Path(source.archive) if source.archive else registry.fetch(source.name, source.version, cache)
    package = registry.open(archive)
    if source.sha256 not in (None, package.sha256):
        raise CorpusError(f"{archive}: its hash is not the one pinned for {source.name} {source.version}; delete it")
    return package


DEFAULT_SOURCES: Final = Path(__file__).with_name("sources.toml")
LANGUAGE_SOURCES: Final = Path(__file__).with_name("sources-languages.toml")
"""The list for the other languages; `sources.toml` is Python's."""
