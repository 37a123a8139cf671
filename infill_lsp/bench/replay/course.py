"""The documents that are typed into: a file at its place in a document of a chosen length.

The same lines of a file are typed at each length, so that lengths can be compared. What is put above and below are
other files of the language, as often as needed, never the file itself, from which each line could be copied.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infill_lsp.errors import SourceError
from infill_lsp.syntax import languages
from infill_lsp.text.document import Document
from infill_lsp.text.files import read_file

WINDOW: Final = 200
"""Lines of a file, from its beginning, among which those to be typed are chosen."""

_LARGEST: Final = 1_000_000
"""Bytes of a file that a folder is searched for."""

_LEAST: Final = 12
"""Characters that a line must have, apart from its indentation, to be typed."""


@dataclass(frozen=True, slots=True)
class Course:
    """A document to type into.

    Attributes:
        document: as it is opened.
        length: its length in lines, as it was asked for.
        lines: the numbers of the lines that are typed, in the order of typing.
    """

    document: Document
    length: int
    lines: tuple[int, ...]

    @property
    def language(self) -> str:
        """The LSP id of its language."""
        return self.document.language.id if self.document.language else "plaintext"


def sources(paths: Sequence[Path], most: int) -> list[Document]:
    """Read the named files, and up to `most` source files of each named folder.

    Raises:
        InfillError: a named file cannot be read, or a folder holds no source file.
    """
    found = list[Document]()
    for path in paths:
        own = _of_folder(path, most) if path.is_dir() else [_read(path)]
        if not own:
            raise SourceError(f"{path}: holds no file in a language that is known here")
        found += own
    return found


def _of_folder(folder: Path, most: int) -> list[Document]:
    """Return files of a folder, evenly spread over it."""
    inside = (it.relative_to(folder) for it in sorted(folder.rglob("*")))
    shown = (folder / it for it in inside if not any(part.startswith(".") for part in it.parts))
    files = [it for it in shown if languages.of_file(it.name) and it.is_file() and it.stat().st_size < _LARGEST]
    typed = (it for it in map(_readable, files) if it is not None and _lines(it))
    every = list(typed)
    return [every[at * len(every) // most] for at in range(most)] if len(every) > most else every


def _readable(path: Path) -> Document | None:
    try:
        return _read(path)
    except (SourceError, OSError):
        return None


def _read(path: Path) -> Document:
    text = read_file(path).text.replace("\r\n", "\n")
    return Document(path.absolute().as_uri(), text, languages.of_file(path.name), 1)


def courses(documents: Sequence[Document], length: int, lines: int) -> Iterator[Course]:
    """Yield each document with others of its language around it, until it has about `length` lines.

    Args:
        documents: to be typed into.
        length: in lines; a document that is longer is cut off, and one that has no others to go around it is left out.
        lines: the number to be typed in each.
    """
    for document in documents:
        others = [it.text for it in documents if it.language == document.language and it.name != document.name]
        own = document.text.split("\n")
        missing = length - len(own)
        if missing > length // 10 and not others:
            continue
        padding = _padding(others, max(0, missing) // 2) if others else []
        text = "\n".join([*padding, *own, *padding] if padding else own[:length])
        typed = tuple(len(padding) + it for it in _spread(_lines(document), lines))
        yield Course(Document(document.name, text, document.language, 1), length, typed)


def _padding(others: Sequence[str], count: int) -> list[str]:
    """Return this many lines of other files, whole files first."""
    found = list[str]()
    while len(found) < count:
        for text in others:
            found += [*text.rstrip().split("\n"), "", ""]
    return found[:count]


def _lines(document: Document) -> list[int]:
    """Return the numbers of lines with enough text to be typed."""
    every = range(1, min(document.line_count, WINDOW) + 1)
    return [number for number in every if len(document.line(number).strip()) >= _LEAST]


def _spread(numbers: Sequence[int], count: int) -> list[int]:
    return [numbers[at * len(numbers) // count] for at in range(count)] if len(numbers) > count else list(numbers)
