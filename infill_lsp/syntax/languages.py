"""The languages, one declaration each: how a file is recognised and, where there is one, its grammar.

A language without a grammar is still recognised, so that a person can be told that the model does not know it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import PurePath
from typing import Final

from tree_sitter import Language as Grammar


@dataclass(frozen=True, slots=True)
class Language:
    """One language.

    Attributes:
        id: the LSP language id.
        name: as people write it.
        suffixes: of its files, in lower case, with the dot.
        grammar: loads its tree-sitter grammar; None when there is none here.
        opens_block: matches the end of a line after which an indented block follows.
        definition: matches where an outermost definition starts, and hardly ever within a text or comment.
    """

    id: str
    name: str
    suffixes: tuple[str, ...]
    grammar: Callable[[], Grammar] | None = None
    opens_block: re.Pattern[str] = field(default=re.compile(r"[:{(\[]\s*$"))
    definition: re.Pattern[str] = field(default=re.compile(r"^(?=\w)", re.MULTILINE))


@cache
def _python() -> Grammar:
    import tree_sitter_python  # noqa: PLC0415  # Only a language in use loads its grammar.

    return Grammar(tree_sitter_python.language())


LANGUAGES: Final = (
    Language(
        "python",
        "Python",
        (".py", ".pyi", ".pyw"),
        _python,
        opens_block=re.compile(r":\s*(#.*)?$"),
        definition=re.compile(r"^(?:@\w|(?:async )?def \w+\(|class \w+[(:])", re.MULTILINE),
    ),
    Language("javascript", "JavaScript", (".js", ".mjs", ".cjs")),
    Language("javascriptreact", "JavaScript with JSX", (".jsx",)),
    Language("typescript", "TypeScript", (".ts", ".mts", ".cts")),
    Language("typescriptreact", "TypeScript with JSX", (".tsx",)),
    Language("c", "C", (".c", ".h")),
    Language("cpp", "C++", (".cc", ".cpp", ".cxx", ".hh", ".hpp")),
    Language("csharp", "C#", (".cs",)),
    Language("css", "CSS", (".css",)),
    Language("go", "Go", (".go",)),
    Language("html", "HTML", (".html", ".htm")),
    Language("java", "Java", (".java",)),
    Language("json", "JSON", (".json",)),
    Language("kotlin", "Kotlin", (".kt", ".kts")),
    Language("lua", "Lua", (".lua",)),
    Language("markdown", "Markdown", (".md",)),
    Language("php", "PHP", (".php",)),
    Language("ruby", "Ruby", (".rb",)),
    Language("rust", "Rust", (".rs",)),
    Language("scala", "Scala", (".scala",)),
    Language("shellscript", "shell", (".sh", ".bash", ".zsh")),
    Language("sql", "SQL", (".sql",)),
    Language("swift", "Swift", (".swift",)),
    Language("toml", "TOML", (".toml",)),
    Language("yaml", "YAML", (".yaml", ".yml")),
)

_BY_ID: Final = {language.id: language for language in LANGUAGES}
_BY_SUFFIX: Final = {suffix: language for language in LANGUAGES for suffix in language.suffixes}


def by_id(id_: str | None) -> Language | None:
    """The language with this LSP id."""
    return _BY_ID.get(id_ or "")


def of_file(name: str) -> Language | None:
    """The language that a file's name says it is in."""
    return _BY_SUFFIX.get(PurePath(name).suffix.lower())
