"""Where more is missing on the cursor's line: a name the parser misses, an operator with nothing behind it.

Only where the syntax around it is broken, so that code which is complete is never opened up. It knows nothing of the
cursor's own gap.
"""

import re
from typing import Final

from tree_sitter import Node

from infill_lsp.syntax.tree import SyntaxTree
from infill_lsp.targets.literals import inside
from infill_lsp.text.document import Document

MOST: Final = 2
"""Holes behind the cursor's own gap."""

_OPEN_END: Final = re.compile(
    r"(?:(?<![-+=!<>*/%&|^:([])(?:[-+/%]|==?|[!<>]=|&&|\|\|)|(?<=\s)[<>](?=\s)|(?<!\w)(?:in|of|and|or|not|is|return)(?!\w))"
    r"(?P<blank>[ \t]?)[ \t]*(?=[)\]},:;]|$)"
    r"|,(?P<space>[ \t]?)[ \t]*(?=,)"
)
"""An operator, or a word like one, and then something that no value starts with; or two commas."""


def holes(document: Document, offset: int) -> tuple[int, ...]:
    """The offsets on the line of `offset`, behind it, where something is missing."""
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
    """Where the parser put a name or value itself, from `start` (not included) to `end`."""
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
    """A missing node stands right behind what comes before it; what is written goes behind one blank."""
    offset = tree.offset(byte)
    return offset + (tree.text[offset : offset + 1] in {" ", "\t"})
