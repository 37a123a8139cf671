"""Load the grammars used to cut gaps and to judge files, each once."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Final

from tree_sitter import Language, Parser

_WHEELS: Final[Mapping[str, tuple[str, str]]] = {
    "python": ("tree_sitter_python", "language"),
    "javascript": ("tree_sitter_javascript", "language"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "typescriptreact": ("tree_sitter_typescript", "language_tsx"),
    "go": ("tree_sitter_go", "language"),
    "rust": ("tree_sitter_rust", "language"),
    "java": ("tree_sitter_java", "language"),
    "c": ("tree_sitter_c", "language"),
    "cpp": ("tree_sitter_cpp", "language"),
}
"""For each LSP language id, a module and the function in it that returns the grammar."""


@cache
def parser(language: str) -> Parser | None:
    """Return the parser of a language, or None where there is no grammar."""
    if language not in _WHEELS:
        return None
    module, function = _WHEELS[language]
    return Parser(Language(getattr(import_module(module), function)()))
