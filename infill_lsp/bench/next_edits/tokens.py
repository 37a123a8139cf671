"""Compares two pieces of code word by word, in any language."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Final

from infill_lsp.edits.edit import Change

_TOKEN: Final = re.compile(r"\w+|\n|[^\S\n]+|[^\w\s]")
_WORD: Final = re.compile(r"[^\W\d]\w*")

_IMPORT: Final = re.compile(r"(?:import|from|use|using|require|#\s*include)\b")

COMMON: Final = frozenset(
    """
    and as assert async await bool break case catch char class const continue def default del do elif else enum except
    export extends extern false False final finally float fn for from func function get global if impl import in int
    interface is lambda let long match mut namespace new nil None not null number or package pass private protected
    pub public raise return self set short signed static str string String struct super switch then this throw throws
    true True try type typedef typename undefined unsigned use using var virtual void while with yield cls
    """.split()  # noqa: SIM905 - as a list of strings it would be a page long.
)
"""Words that relate nothing: keywords and the like of many languages."""


def tokens(text: str) -> list[str]:
    """Split a text into words, signs and blanks; together they are the text."""
    return _TOKEN.findall(text)


def small_changes(old: str, new: str, start: int = 0) -> Iterator[Change]:
    """Yield the changes of words and signs that make `new` of `old`.

    Args:
        old: the old text.
        new: the new text.
        start: where `old` starts in its document.
    """
    before, after = tokens(old), tokens(new)
    offsets = [start]
    for it in before:
        offsets.append(offsets[-1] + len(it))
    for operation, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if operation != "equal":
            yield Change(offsets[a], offsets[b], "".join(after[c:d]))


def replacements(old: str, new: str) -> dict[str, str]:
    """Return the words that are replaced, each with its first replacement; what holds no word is left out."""
    found: dict[str, str] = {}
    for it in small_changes(old, new):
        was = old[it.start : it.end].strip()
        now = it.text.strip()
        if was and now and re.search(r"\w", was + now):
            found.setdefault(was, now)
    return found


def words(text: str) -> frozenset[str]:
    """Return the words and numbers in a text."""
    return frozenset(re.findall(r"\w+", text))


def is_import(line: str) -> bool:
    """Report whether a line imports something, in one of many languages."""
    return _IMPORT.match(line) is not None


def settled(text: str) -> tuple[list[str], list[list[str]]]:
    """Return the lines of a text that are neither blank nor imports, and the words of each import, all in one order."""
    lines = [it for it in text.splitlines() if it.strip()]
    return [it for it in lines if not is_import(it)], sorted(sorted(words(it)) for it in lines if is_import(it))


def is_name(text: str) -> bool:
    """Report whether a text is one word that is no keyword."""
    return _WORD.fullmatch(text) is not None and text not in COMMON


def changed_names(old: str, new: str) -> frozenset[str]:
    """Return the names that occur more or less often in `new` than in `old`, without single letters."""
    had, has = (Counter(_WORD.findall(it)) for it in (old, new))
    changed = (had - has) + (has - had)
    return frozenset(it for it in changed if len(it) > 1 and it not in COMMON)


def common(first: Sequence[str], second: Sequence[str]) -> int:
    """Return how many items two texts, or lists of lines, have in common at their beginning."""
    for at, (a, b) in enumerate(zip(first, second, strict=False)):
        if a != b:
            return at
    return min(len(first), len(second))
