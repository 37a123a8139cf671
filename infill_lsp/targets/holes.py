"""Finds further holes on the cursor's line: a name the parser misses, an operator with nothing after it.

Looks only where the surrounding syntax is broken, so that complete code is never opened up.
"""

import re
from typing import Final

from tree_sitter import Node

from infill_lsp.syntax.tree import SyntaxTree
from infill_lsp.targets.literals import inside
from infill_lsp.text.document import Document

MOST: Final = 2
"""Maximum number of holes after the cursor's own gap."""

_OPEN_END: Final = re.compile(
    r"(?:(?<![-+=!<>*/%&|^:([])(?:[-+/%]|==?|[!<>]=|&&|\|\|)|(?<=\s)[<>](?=\s)|(?<!\w)(?:in|of|and|or|not|is|return)(?!\w))"
    r"(?P<blank>[ \t]?)[ \t]*(?=[)\]},:;]|$)"
    r"|,(?P<space>[ \t]?)[ \t]*(?=,)"
)
"""An operator or word operator followed by something that cannot start a value; or two commas."""


def holes(document: Document, offset: int) -> tuple[int, ...]:
    """Return the offsets after `offset` on its line where something is missing."""
    tree = document.tree_at(offset)
    if tree is None:
        return ()
    _, column = document.place(offset)
    rest = document.line_behind(offset)
    around = tree.smallest(offset - column + 1, offset + len(rest))
    if not rest.strip() or not around.has_error:
        return ()
    found = {*_missing(tree, around, offset, offset + len(rest)), *_unfinished(document, offset, rest)}
    return tuple(sorted(found))[:MOST]


def _unfinished(document: Document, offset: int, rest: str) -> list[int]:
    ends = [offset + match.end(match.lastgroup or 0) for match in _OPEN_END.finditer(rest)]
    return [end for end in ends if inside(document, end) is None]


def _missing(tree: SyntaxTree, around: Node, start: int, end: int) -> list[int]:
    """Return the positions in (`start`, `end`] where the parser inserted a missing name or value."""
    first, last = tree.byte(start), tree.byte(end)
    found, branches = [], [around]
    while branches:
        node = branches.pop()
        if node.is_missing and node.is_named:
            found.append(_behind_blank(tree, node.start_byte))
        if node.has_error:
            branches += [child for child in node.children if child.end_byte > first and child.start_byte <= last]
    return [at for at in found if start < at <= end]


def _behind_blank(tree: SyntaxTree, byte: int) -> int:
    """Return where to write: a missing node directly follows the code before it, the new text follows one blank."""
    offset = tree.offset(byte)
    return offset + (tree.text[offset : offset + 1] in {" ", "\t"})
