"""The languages that a corpus can be built of: how their files are called, and how their comments start."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final


@dataclass(frozen=True, slots=True)
class CorpusLanguage:
    """One row of `LANGUAGES`: all that the corpus needs to know of a language.

    Attributes:
        id: the language id of the Language Server Protocol.
        suffixes: of the names of its files, lower case, with the dot.
        comments: how a line starts that is nothing but a comment.
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
"""Every language a corpus can be built of."""


_SCRIPT_FOLDERS: Final = frozenset({"bin", "sbin", "libexec"})
_SHELL: Final = re.compile(rb"#!\s*/\S*(/env )?\s*\S*\b(ba|da|k|z)?sh\b")


def language_of(path: str, among: Sequence[str]) -> CorpusLanguage | None:
    """The first language of `among` that has files named like `path`; `.h` is C's and C++'s, so the order matters.

    A program without a suffix may be a shell script; `starts_like` tells.
    """
    name = PurePosixPath(path)
    if not name.suffix and "shellscript" in among and name.parent.name in _SCRIPT_FOLDERS:
        return LANGUAGES["shellscript"]
    return next((LANGUAGES[it] for it in among if name.suffix.lower() in LANGUAGES[it].suffixes), None)


def starts_like(language: CorpusLanguage, path: str, content: bytes) -> bool:
    """Whether a file without a suffix says in its first line that it is for the shell; others need not say anything."""
    return language.id != "shellscript" or PurePosixPath(path).suffix != "" or _SHELL.match(content) is not None
