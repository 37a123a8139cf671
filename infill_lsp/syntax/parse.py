"""Parses texts, starting from the tree of a similar text that was parsed before: at each key little is different.

Only trees without errors are started from, and only such a result counts: it is the tree that parsing anew gives. With
errors it may have them elsewhere, so such a text is parsed anew. What was parsed before thus changes no result.
"""

from dataclasses import dataclass
from typing import Final

from tree_sitter import Parser, Tree

from infill_lsp.syntax.affixes import common_prefix, common_suffix
from infill_lsp.syntax.languages import Language

KEPT: Final = 6
"""The number of trees that are kept: a key needs those of the document, of a suggestion in it, and of the critic."""

LEAST: Final = 1_000
"""Bytes of a text that is worth a search for an earlier tree."""

_ALIKE: Final = 0.75
"""The share of a text that must be the same in an earlier one."""


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A text in UTF-8, and its tree, which has no errors."""

    language: Language
    data: bytes
    tree: Tree


_kept: tuple[_Parsed, ...] = ()
"""The last trees, the newest first. Threads only replace it as a whole; what one of them overwrites is parsed anew."""


def parse(data: bytes, language: Language) -> Tree:
    """Return the tree of a text in UTF-8.

    Raises:
        ValueError: there is no grammar for the language here.
    """
    if language.grammar is None:
        raise ValueError(f"there is no grammar for {language.name} here")
    parser = Parser(language.grammar())
    tree = _from_earlier(parser, data, language) if len(data) >= LEAST else None
    if tree is None:
        tree = parser.parse(data)
    if len(data) >= LEAST and not tree.root_node.has_error:
        global _kept  # noqa: PLW0603  # A cache: it changes no result.
        _kept = (_Parsed(language, data, tree), *_kept[: KEPT - 1])
    return tree


def _from_earlier(parser: Parser, data: bytes, language: Language) -> Tree | None:
    """Return the tree made from that of an earlier text; None if there is none alike, or the text has errors."""
    for earlier in _kept:
        if earlier.language is not language:
            continue
        head = common_prefix(earlier.data, data)
        while 0 < head < len(data) and _is_within(data[head]):  # An edit is one of whole characters.
            head -= 1
        tail = common_suffix(earlier.data[head:], data[head:])
        while tail and _is_within(data[len(data) - tail]):
            tail -= 1
        if head + tail >= _ALIKE * len(data):
            tree = parser.parse(data, _edited(earlier, data, head, tail))
            return None if tree.root_node.has_error else tree
    return None


def _edited(earlier: _Parsed, data: bytes, head: int, tail: int) -> Tree:
    """Return an earlier tree that is told what has changed: all but the first and last bytes, so many."""
    old_end, new_end = len(earlier.data) - tail, len(data) - tail
    tree = earlier.tree.copy()
    start, end, new = _point(data, head), _point(earlier.data, old_end), _point(data, new_end)
    tree.edit(head, old_end, new_end, start, end, new)
    return tree


def _point(data: bytes, at: int) -> tuple[int, int]:
    """Return the row and the column of a byte, as tree-sitter counts them."""
    return data.count(b"\n", 0, at), at - data.rfind(b"\n", 0, at) - 1


def _is_within(byte: int) -> bool:
    """Report whether a byte is not the first of its character."""
    return byte & 0xC0 == 0x80
