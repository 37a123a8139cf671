"""Finds where a text breaks its grammar, and the tokens there.

Does not decide which errors a fill introduces; the critic does. Must not depend on gaps or drafts.
"""

from dataclasses import dataclass
from typing import Final

from tree_sitter import Node

from infill_lsp.syntax.tree import SyntaxTree

MANY: Final = 64
"""Number of children from which they are not examined one by one if only some are near."""

FAR: Final = 4_000
"""Length of a range, in bytes, up to which only some children count as near."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An ERROR or MISSING node, in code points; its range is empty if something is missing."""

    start: int
    end: int


def faults(tree: SyntaxTree, start: int, end: int) -> tuple[Fault, ...]:
    """Return the faults that touch the range from `start` to `end`, left to right, outer before inner ones."""
    first, last = tree.byte(start), tree.byte(end)
    return tuple(Fault(*tree.span(node)) for node in broken(tree.root, first, last))


def fault_count(tree: SyntaxTree) -> int:
    """Return the number of ERROR and MISSING nodes in a text, nested ones included."""
    return len(broken(tree.root))


def fault_reach(tree: SyntaxTree) -> int:
    """Return how much of a text is faulty: one per missing token, plus the length of the outermost errors."""
    reach = end = 0
    for node in broken(tree.root):
        if node.is_missing or node.start_byte >= end:
            reach += max(1, node.end_byte - node.start_byte)
            end = max(end, node.end_byte)
    return reach


def tokens(tree: SyntaxTree, start: int, end: int) -> tuple[tuple[int, int], ...]:
    """Return the spans of the tokens, without comments, that overlap the range from `start` to `end`, left to right."""
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
    """Return ERROR and MISSING nodes that touch these bytes, left to right; only branches with one are searched."""
    last = root.end_byte if last is None else last
    found: list[Node] = []
    branches = [root]
    while branches:
        node = branches.pop()
        if node.start_byte > last or node.end_byte < first:
            continue
        if node.is_error or node.is_missing or (node.has_error and not node.child_count):
            found.append(node)  # The last case hides what is missing, as the shell grammar does.
        if node.has_error:
            branches += reversed(_children(node, first, last))
    return found


def _children(node: Node, first: int, last: int) -> list[Node]:
    """Return the children that may touch these bytes; a file's root has thousands, most of them elsewhere."""
    whole = first <= node.start_byte and node.end_byte <= last
    if whole or node.child_count < MANY or last - first > FAR:
        return node.children
    child = node.first_child_for_byte(max(0, first - 1))
    found = []
    while child is not None and child.start_byte <= last:
        found.append(child)
        child = child.next_sibling
    return found
