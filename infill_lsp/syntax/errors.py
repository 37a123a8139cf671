"""Where a text breaks its grammar, and the tokens there.

It knows neither gaps nor drafts: which errors a fill brings in is the critic's business.
"""

from dataclasses import dataclass
from typing import Final

from tree_sitter import Node

from infill_lsp.syntax.tree import SyntaxTree

MANY: Final = 64
"""Children that are not looked at one by one where only some are near."""

FAR: Final = 4_000
"""Bytes within which there are only some."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An ERROR or MISSING node, in code points; where something is missing it is empty."""

    start: int
    end: int


def faults(tree: SyntaxTree, start: int, end: int) -> tuple[Fault, ...]:
    """The faults that touch what is from `start` to `end`, from left to right, an outer one before those in it."""
    first, last = tree.byte(start), tree.byte(end)
    return tuple(Fault(*tree.span(node)) for node in broken(tree.root, first, last))


def fault_count(tree: SyntaxTree) -> int:
    """How many ERROR and MISSING nodes a text has, those within others included."""
    return len(broken(tree.root))


def fault_reach(tree: SyntaxTree) -> int:
    """How much of a text is within faults: one for each that is missing, and the length of the outermost errors."""
    reach = end = 0
    for node in broken(tree.root):
        if node.is_missing or node.start_byte >= end:
            reach += max(1, node.end_byte - node.start_byte)
            end = max(end, node.end_byte)
    return reach


def tokens(tree: SyntaxTree, start: int, end: int) -> tuple[tuple[int, int], ...]:
    """From and to of the tokens, comments left out, with a character between `start` and `end`, left to right."""
    first, last = tree.byte(start), tree.byte(end)
    found: list[tuple[int, int]] = []
    branches = [tree.root]
    while branches:
        node = branches.pop()
        if node.start_byte >= last or node.end_byte <= first:
            continue
        if node.child_count:
            branches += reversed(_children(node, first, last))
        elif "comment" not in node.type:
            found.append(tree.span(node))
    return tuple(found)


def broken(root: Node, first: int = 0, last: int | None = None) -> list[Node]:
    """ERROR and MISSING nodes that touch these bytes, left to right; only branches that hold one are looked into."""
    last = root.end_byte if last is None else last
    found: list[Node] = []
    branches = [root]
    while branches:
        node = branches.pop()
        if node.start_byte > last or node.end_byte < first:
            continue
        if node.is_error or node.is_missing or (node.has_error and not node.child_count):
            found.append(node)  # The last of them hides what is missing: so does the grammar of shell scripts.
        if node.has_error:
            branches += reversed(_children(node, first, last))
    return found


def _children(node: Node, first: int, last: int) -> list[Node]:
    """The children that may touch these bytes; a file's root has thousands, most of them elsewhere."""
    whole = first <= node.start_byte and node.end_byte <= last
    if whole or node.child_count < MANY or last - first > FAR:
        return node.children
    child = node.first_child_for_byte(max(0, first - 1))
    found = []
    while child is not None and child.start_byte <= last:
        found.append(child)
        child = child.next_sibling
    return found
