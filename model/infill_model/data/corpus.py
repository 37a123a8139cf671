"""Build the training corpus from the pinned sources, write it as two compressed files of rows, and read it back.

The held-out projects come first, so that no line that occurs in them is trained on. The same sources give the same
bytes.
"""

import gzip
import json
import platform
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

import cattrs

from infill_model.data.archives import Package
from infill_model.data.dedupe import Windows
from infill_model.data.languages import CorpusLanguage, language_of, starts_like
from infill_model.data.sources import PackageSource, SourceList, Split, fetch, standard_library
from infill_model.errors import CorpusError

STANDARD_LIBRARY: Final = "cpython"

TEST_WEIGHT: Final = 0.25
"""How often a line of test code is drawn, relative to a line of other code."""

MAX_BYTES: Final = 300_000
MAX_LINE: Final = 1000
MAX_MEAN_LINE: Final = 120
GENERATED_WITHIN: Final = 600
"""Characters at the top of a file that are searched for a generator's notice."""

MAX_DIGITS: Final = 0.5
"""Largest share of digits among the characters that are not white space."""

_VENDORED: Final = re.compile(
    r"(^|/)(_?vendor(ed|s)?|_?extern(al|als)?|_?third[_-]party|site-packages|node_modules|bower_components)/",
    re.IGNORECASE,
)
_BUILT: Final = re.compile(
    r"(^|/)(dist|build|umd|cjs|esm|es|es\d+|fesm[^/]*|lib-esm|bundles?|compiled)/|(?<!/index)\.d\.[cm]?ts$"
)
"""Paths in npm packages that hold the output of a compiler or a bundler."""
_COMPILED: Final = ("javascript", "typescript")
_MINIFIED: Final = re.compile(r"[.-](min|bundle)\.\w+$|(^|/)package-lock\.json$")
_TEST: Final = re.compile(
    r"(^|/)(tests?|testing|__tests__|test_[^/]*|[^/]*_tests?\.(py|go|rs|rb|cc|cpp|c)|conftest\.py"
    r"|[^/]*\.(test|spec)\.[cm]?[jt]sx?|[^/]*_spec\.rb|[^/]*Tests?\.(java|cs|php))(/|$)"
)
_GENERATED: Final = re.compile(
    r"auto(matically|-|)\s?generated|generated (by|from|file|using)|do not edit", re.IGNORECASE
)
_EVALUATION: Final = re.compile(r"human_?eval|\bmbpp", re.IGNORECASE)
"""Matches text that would put the answers of an evaluation into the training text."""


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """A file, or one contiguous piece of a file that deduplication left.

    Attributes:
        path: inside its package, with forward slashes; pieces of one file share it.
        weight: how often the file is drawn, relative to its length.
    """

    project: str
    path: str
    language: str
    weight: float
    text: str


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """The manifest's entry for one source.

    Attributes:
        stated_licence: in the package's own words.
        files, bytes: files and bytes of the language in the package.
        files_kept, bytes_kept: files and bytes left after filtering and deduplication.
        bytes_weighted: `bytes_kept` times the weight of each file.
    """

    name: str
    version: str
    language: str
    split: Split
    licence: str
    stated_licence: str
    sha256: str
    files: int
    files_kept: int
    bytes: int
    bytes_kept: int
    bytes_weighted: int


COUNTED: Final = ("files", "files_kept", "bytes", "bytes_kept", "bytes_weighted")
"""The fields of a `SourceRecord` that add up to the totals of a split."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The contents of a corpus. `totals` has a sum for each split and each of `COUNTED`."""

    python: str
    totals: dict[str, dict[str, int]]
    sources: tuple[SourceRecord, ...]


def build_corpus(listed: SourceList, out: Path, cache: Path, progress: Callable[[str, int, int], None]) -> Manifest:
    """Write `train.jsonl.gz`, `heldout.jsonl.gz` and `manifest.json` into `out`.

    Args:
        listed: the sources to build from.
        out: a folder; it is created if missing.
        cache: keeps downloaded archives.
        progress: called with the name of the current source, the number of sources done and their total.

    Raises:
        CorpusError: a source cannot be fetched or read, or `out` cannot be written.
    """
    sources = list(listed.source)
    if listed.standard_library:
        sources.insert(0, PackageSource(STANDARD_LIBRARY, platform.python_version(), "PSF-2.0"))
    windows = Windows()
    records: list[SourceRecord] = []
    done = 0
    try:
        out.mkdir(parents=True, exist_ok=True)
        for split in ("heldout", "train"):
            with _writer(out / f"{split}.jsonl.gz") as write:
                for source in (s for s in sources if s.split == split):
                    progress(f"{source.name} {source.version}", done, len(sources))
                    package = _package(source, listed, cache)
                    records += _add(source, package, windows, write)
                    done += 1
        manifest = Manifest(platform.python_version(), _totals(records), tuple(records))
        (out / "manifest.json").write_text(json.dumps(asdict(manifest), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise CorpusError(f"{out}: cannot write the corpus ({error.strerror})") from error
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of the corpus in `folder`.

    Raises:
        CorpusError: there is no corpus, or its manifest is damaged.
    """
    path = folder / "manifest.json"
    try:
        return cattrs.structure(json.loads(path.read_text(encoding="utf-8")), Manifest)
    except OSError as error:
        raise CorpusError(
            f"{folder}: no corpus here ({error.strerror}); build it with `infill-model corpus`"
        ) from error
    except (ValueError, cattrs.BaseValidationError) as error:
        raise CorpusError(f"{path}: damaged; build the corpus again with `infill-model corpus`") from error


def read_corpus(folder: Path, split: Split) -> Iterator[CorpusFile]:
    """Yield the rows of one split, in the order of the sources.

    Raises:
        CorpusError: there is no corpus in `folder`, or it is damaged.
    """
    path = folder / f"{split}.jsonl.gz"
    try:
        with gzip.open(path, "rt", encoding="utf-8") as rows:
            for row in rows:
                yield CorpusFile(**json.loads(row))
    except FileNotFoundError as error:
        raise CorpusError(f"{folder}: no corpus here; build it with `infill-model corpus`") from error
    except (OSError, EOFError, zlib.error, ValueError, TypeError) as error:
        raise CorpusError(f"{path}: damaged ({error}); build the corpus again with `infill-model corpus`") from error


def _package(source: PackageSource, listed: SourceList, cache: Path) -> Package:
    if source.name == STANDARD_LIBRARY:
        return standard_library(listed.standard_library)
    return fetch(source, cache)


def _add(
    source: PackageSource, package: Package, windows: Windows, write: Callable[[CorpusFile], None]
) -> list[SourceRecord]:
    """Write the rows of one source and return, for each of its languages, how much was kept."""
    counts = {it: Counter[str]() for it in source.languages}
    for path, content in package.files(lambda path: language_of(path, source.languages) is not None):
        language = language_of(path, source.languages)
        if language is None or not _included(source, path) or not starts_like(language, path, content):
            continue
        rows = list(_rows(source, path, content, language, windows))
        for row in rows:
            write(row)
        _count(counts[language.id], path, content, rows)
    return [_record(source, package, language, count) for language, count in counts.items()]


def _count(counts: Counter[str], path: str, content: bytes, rows: list[CorpusFile]) -> None:
    kept = sum(len(row.text.encode()) for row in rows)
    counts["files"] += 1
    counts["files_kept"] += bool(rows)
    counts["bytes"] += len(content)
    counts["bytes_kept"] += kept
    counts["bytes_weighted"] += round(kept * _weight(path))


def _record(source: PackageSource, package: Package, language: str, counts: Counter[str]) -> SourceRecord:
    return SourceRecord(
        name=source.name,
        version=source.version,
        language=language,
        split=source.split,
        licence=source.licence,
        stated_licence=package.stated_licence,
        sha256=package.sha256,
        **{what: counts[what] for what in COUNTED},
    )


def _included(source: PackageSource, path: str) -> bool:
    if source.include and not any(fnmatch(path, pattern) for pattern in source.include):
        return False
    return source.share == 1 or zlib.crc32(path.encode()) < source.share * 2**32


def _rows(
    source: PackageSource, path: str, content: bytes, language: CorpusLanguage, windows: Windows
) -> Iterator[CorpusFile]:
    if any(fnmatch(path, pattern) for pattern in source.exclude):
        return
    if source.registry == "npm" and language.id in _COMPILED and _BUILT.search(path):
        return
    if not source.vendored and _VENDORED.search(path):
        return
    for piece in windows.unseen(_wanted(path, content), language.comments):
        yield CorpusFile(source.name, path, language.id, _weight(path), piece)


def _weight(path: str) -> float:
    return TEST_WEIGHT if _TEST.search(path) else 1.0


def _wanted(path: str, content: bytes) -> str:
    """Return the text of a file worth training on, else an empty string."""
    if len(content) > MAX_BYTES or _MINIFIED.search(path):
        return ""
    try:
        text = content.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return ""
    if (
        "\0" in text
        or _EVALUATION.search(path)
        or _EVALUATION.search(text)
        or _GENERATED.search(text[:GENERATED_WITHIN])
    ):
        return ""
    return "" if _is_data(text) else text


def _is_data(text: str) -> bool:
    """Report whether `text` is minified, or a data table written as code."""
    lengths = [len(line) for line in text.split("\n") if line]
    if not lengths or max(lengths) > MAX_LINE or sum(lengths) / len(lengths) > MAX_MEAN_LINE:
        return True
    visible = "".join(text.split())
    return sum(map(visible.count, "0123456789")) > MAX_DIGITS * len(visible)


def _totals(records: list[SourceRecord]) -> dict[str, dict[str, int]]:
    return {
        split: {what: sum(getattr(r, what) for r in records if r.split == split) for what in COUNTED}
        for split in ("heldout", "train")
    }


@contextmanager
def _writer(path: Path) -> Iterator[Callable[[CorpusFile], None]]:
    """Write rows to a gzip file that gets its name once complete and whose header holds neither name nor time."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6) as zipped:

        def write(row: CorpusFile) -> None:
            zipped.write(json.dumps(asdict(row), ensure_ascii=False).encode() + b"\n")

        yield write
    part.replace(path)
