"""Define the languages that a corpus can contain: their file names and comment syntax."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final


@dataclass(frozen=True, slots=True)
class CorpusLanguage:
    """One row of `LANGUAGES`: everything the corpus builder needs to know about a language.

    Attributes:
        id: the language id of the Language Server Protocol.
        suffixes: file name suffixes, in lower case, with the dot.
        comments: prefixes of lines that are only a comment.
    """

    id: str
    suffixes: tuple[str, ...]
    comments: tuple[str, ...]


_SLASHES: Final = ("//", "/*", "* ", "*/")

LANGUAGES: Final = {
    it.id: it
    for it in (
        CorpusLanguage("python", (".py",), ("#",)),
        CorpusLanguage("javascript", (".js", ".mjs", ".cjs", ".jsx"), _SLASHES),
        CorpusLanguage("typescript", (".ts", ".mts", ".cts", ".tsx"), _SLASHES),
        CorpusLanguage("go", (".go",), _SLASHES),
        CorpusLanguage("rust", (".rs",), _SLASHES),
        CorpusLanguage("java", (".java",), _SLASHES),
        CorpusLanguage("c", (".c", ".h"), _SLASHES),
        CorpusLanguage("cpp", (".cc", ".cpp", ".cxx", ".hpp", ".hh", ".hxx", ".h", ".ipp"), _SLASHES),
        CorpusLanguage("csharp", (".cs",), _SLASHES),
        CorpusLanguage("ruby", (".rb",), ("#",)),
        CorpusLanguage("php", (".php",), (*_SLASHES, "#")),
        CorpusLanguage("shellscript", (".sh", ".bash", ".zsh"), ("#",)),
        CorpusLanguage("html", (".html", ".htm"), ("<!--",)),
        CorpusLanguage("css", (".css",), ("/*", "* ", "*/")),
        CorpusLanguage("sql", (".sql",), ("--",)),
        CorpusLanguage("yaml", (".yaml", ".yml"), ("#",)),
        CorpusLanguage("json", (".json",), ()),
        CorpusLanguage("markdown", (".md",), ()),
    )
}
"""Every language a corpus can contain."""


_SCRIPT_FOLDERS: Final = frozenset({"bin", "sbin", "libexec"})
_SHELL: Final = re.compile(rb"#!\s*/\S*(/env )?\s*\S*\b(ba|da|k|z)?sh\b")


def language_of(path: str, among: Sequence[str]) -> CorpusLanguage | None:
    """Return the first language of `among` whose file names match `path`; C and C++ share `.h`, so the order matters.

    A file without a suffix may be a shell script; `starts_like` decides.
    """
    name = PurePosixPath(path)
    if not name.suffix and "shellscript" in among and name.parent.name in _SCRIPT_FOLDERS:
        return LANGUAGES["shellscript"]
    return next((LANGUAGES[it] for it in among if name.suffix.lower() in LANGUAGES[it].suffixes), None)


def starts_like(language: CorpusLanguage, path: str, content: bytes) -> bool:
    """Report whether a file without a suffix names a shell in its first line; true for all other files."""
    return language.id != "shellscript" or PurePosixPath(path).suffix != "" or _SHELL.match(content) is not None
