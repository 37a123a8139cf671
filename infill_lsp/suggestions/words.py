"""Finds words that a suggestion completes or glues together and that nobody has used."""

import builtins
import keyword
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from infill_lsp.suggestions.parts import SURE
from infill_lsp.suggestions.suggestion import Suggestion, before, rest
from infill_lsp.syntax.languages import Language
from infill_lsp.text.document import Document

_LEFT: Final = re.compile(r"\w+$")
_RIGHT: Final = re.compile(r"\w+")
_BUILT_IN: Final = (str, bytes, int, float, list, tuple, dict, set, range, property, BaseException, open)


def invented_word(document: Document, suggestion: Suggestion, others: Iterable[str]) -> str:
    """Return the word that a suggestion makes with the half of one before it, if it is unknown and the model unsure.

    A word is known if the document has it, or one of the texts, or the language.

    Args:
        document: the document without the suggestion.
        suggestion: what may be shown.
        others: further texts that the model was given.
    """
    left, right = _LEFT.search(before(document, suggestion)), _RIGHT.match(suggestion.text)
    if left is None or right is None or suggestion.confidence >= SURE:
        return ""
    word = left[0] + right[0]
    if right.end() == len(suggestion.text) and (follows := _RIGHT.match(rest(document, suggestion))):
        word += follows[0]
    if word in _of_language(document.language) or word.isdecimal():
        return ""
    whole = re.compile(rf"\b{re.escape(word)}\b")
    return "" if any(whole.search(text) for text in (document.text, *others)) else word


@lru_cache(maxsize=32)
def _of_language(language: Language | None) -> frozenset[str]:
    """Return a language's keywords, and the names that Python always has."""
    if language is None or language.grammar is None:
        return frozenset()
    if language.id == "python":
        attributes = (name for it in _BUILT_IN for name in dir(it))
        return frozenset([*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *attributes])
    grammar = language.grammar()
    kinds = (
        grammar.node_kind_for_id(it) for it in range(grammar.node_kind_count) if not grammar.node_kind_is_named(it)
    )
    return frozenset(it for it in kinds if it and it.isidentifier())
