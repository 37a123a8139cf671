"""Finds words that a suggestion completes or glues together and that nobody has used."""

import builtins
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain
from typing import Final

from infill_lsp.suggestions.parts import SURE
from infill_lsp.suggestions.suggestion import Suggestion, before, rest
from infill_lsp.syntax.keywords import keywords
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
    return "" if any(word in _words(text, word) for text in (document.text, *others)) else word


def only_completes_a_name(document: Document, suggestion: Suggestion) -> bool:
    """Report whether a suggestion makes a name in use of the half of one before it: the syntax stays as it is."""
    left = _LEFT.search(before(document, suggestion))
    if left is None or not left[0].isidentifier() or not _RIGHT.fullmatch(suggestion.text):
        return False
    name = left[0] + suggestion.text
    return not {left[0], name} & keywords(document.language) and name in _words(document.text, name)


def completed_word(document: Document, at: int, written: str, earlier: str = "") -> tuple[str, float] | None:
    """Complete the half of a word before a position to one that the document has, if hardly another begins like it.

    Args:
        document: the document.
        at: the position, in code points.
        written: what the model writes there.
        earlier: code that comes before the document's own.

    Returns:
        The rest of the word, and the probability that it is right (docs/log.md, "What is worth showing to someone who
        types"); None if there is no such word.
    """
    left = _LEFT.search(document.line_before(at))
    if left is None or left[0].isdecimal() or document.lines.length > _LARGEST:
        return None
    reserved = keywords(document.language)
    if len(left[0]) < _HALF or left[0] in reserved or _RIGHT.match(document.line_behind(at)):
        return None
    found = {it for it in reserved if it.startswith(left[0])}
    for word in chain(_words(document.text, left[0]), _words(earlier, left[0])):
        if word != left[0]:
            found.add(word)
        if len(found) > len(_AGREED):
            return None
    right = _RIGHT.match(written)
    if right is not None and left[0] + right[0] in found:
        return right[0], _AGREED[len(found) - 1]
    if len(found) == 1 and len(left[0]) > _HALF:
        return found.pop()[len(left[0]) :], _ALONE
    return None


_HALF: Final = 2
"""Code points of a word from which it is completed; one more if the model would write another word."""

_AGREED: Final = (0.9, 0.7, 0.7)
"""How often the model's word is right if it is the only one in the document that begins so, or one of two or three."""

_ALONE: Final = 0.6
"""How often the only such word is right if the model writes another."""

_LARGEST: Final = 400_000
"""The longest document, in code points, that is searched for words at each key."""


def _words(text: str, start: str) -> Iterator[str]:
    """Yield the words of a text that begin so; a pattern that begins with a letter is found far faster than a bound."""
    for match in re.finditer(rf"{re.escape(start)}\w*", text):
        in_front = text[match.start() - 1 : match.start()]
        if not in_front.isalnum() and in_front != "_":
            yield match[0]


@lru_cache(maxsize=32)
def _of_language(language: Language | None) -> frozenset[str]:
    """Return a language's keywords, and the names that Python always has."""
    if language is None or language.id != "python":
        return keywords(language)
    attributes = (name for it in _BUILT_IN for name in dir(it))
    return frozenset([*keywords(language), *dir(builtins), *attributes])
