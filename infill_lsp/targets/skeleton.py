"""Divides a selection to be rewritten into pinned structure and gaps.

Keywords, operators, brackets, separators, comments and line ends stay; names and values become gaps.
"""

from collections.abc import Callable, Iterator
from typing import Final

from tree_sitter import Node

from infill_lsp.syntax.tree import SyntaxTree
from infill_lsp.targets.target import Target
from infill_lsp.text.document import Document, Gap

MOST: Final = 12
"""Maximum number of gaps in a selection; with more, the selection becomes one gap."""

_ACCESS: Final = {".", "::", "->", "?."}


def rewrite(document: Document, start: int, end: int) -> Target:
    """Return a target that pins the structure of a selection and makes its names and values gaps.

    Args:
        document: the document that contains the selection.
        start: the start of the selection, in code points.
        end: the end of the selection.
    """
    selected = document.text[start:end]
    if not selected.strip():
        return Target.nothing("Only blanks are selected.")
    tree = document.tree_at(start)
    if tree is not None:
        gaps = _names(tree, start, end)
        if not gaps:
            return Target.nothing("No name or value is selected.")
        for joins in (_blank, _blank_or_access):
            gaps = _merged(document.text, gaps, joins)
            if len(gaps) <= MOST:
                return _target(document, gaps, "Keywords, operators and brackets of the selection are kept.")
    whole = Gap(start + len(selected) - len(selected.lstrip()), start + len(selected.rstrip()))
    why = "The selection has too many names to keep its structure." if tree else "The structure is not known."
    return _target(document, [whole], why)


def _target(document: Document, gaps: list[Gap], why: str) -> Target:
    lines = any(document.place(gap.start)[0] != document.place(gap.end)[0] for gap in gaps)
    return Target("selection", tuple(gaps), lines, why)


def _names(tree: SyntaxTree, start: int, end: int) -> list[Gap]:
    """Return the names, values and whole strings within the selection, clipped to its ends."""
    first, last = tree.byte(start), tree.byte(end)
    spans = (tree.span(node) for node in _leaves(tree, tree.smallest(start, end), first, last) if node.is_named)
    gaps = [Gap(max(start, a), min(end, b)) for a, b in spans]
    return [gap for gap in gaps if gap.start < gap.end]


def _leaves(tree: SyntaxTree, root: Node, first: int, last: int) -> Iterator[Node]:
    """Yield in order the nodes without children that touch the bytes from `first` to `last`; a string counts as one."""
    branches = [root]
    while branches:
        node = branches.pop()
        if node.end_byte <= first or node.start_byte >= last or node.type in tree.language.comments:
            continue
        if node.child_count == 0 or node.type in tree.language.strings:
            yield node
        else:
            branches += reversed(node.children)


def _merged(text: str, gaps: list[Gap], joins: Callable[[str], bool]) -> list[Gap]:
    """Merge gaps that have only joining text between them."""
    merged = [gaps[0]]
    for gap in gaps[1:]:
        if joins(text[merged[-1].end : gap.start]):
            merged[-1] = Gap(merged[-1].start, gap.end)
        else:
            merged.append(gap)
    return merged


def _blank(between: str) -> bool:
    return not between.strip(" \t")


def _blank_or_access(between: str) -> bool:
    return _blank(between) or between in _ACCESS
