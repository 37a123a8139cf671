"""Code with a suggestion in it, as the rules of meaning see it: one tree, and which nodes are new."""

from dataclasses import dataclass
from functools import cached_property

from tree_sitter import Node

from infill_lsp.syntax.languages import Language
from infill_lsp.syntax.tree import SyntaxTree
from infill_lsp.text.document import Document


def text_of(node: Node | None) -> str:
    """Return the text of a node."""
    return (node.text or b"").decode("utf-8", "replace") if node is not None else ""


@dataclass(frozen=True)
class JudgedCode:
    """Code with a suggestion in it.

    Attributes:
        tree: the tree of the part around the suggestion.
        start: where the suggestion starts, in code points.
        end: where it ends.
        before: code that comes before the document's own, such as earlier cells of a notebook.
    """

    document: Document
    language: Language
    tree: SyntaxTree
    start: int
    end: int
    before: str

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """The named nodes that overlap the suggestion or end where it starts, outer ones first."""
        first, last = self.tree.byte(self.start), self.tree.byte(self.end)
        found, waiting = [], [self.tree.root]
        while waiting:
            node = waiting.pop()
            if node.end_byte >= first and node.start_byte < last:
                found.append(node)
                waiting += reversed(node.named_children)
        return tuple(found)

    def is_new(self, node: Node) -> bool:
        """Report whether a node overlaps the suggestion."""
        return node.end_byte > self.tree.byte(self.start) and node.start_byte < self.tree.byte(self.end)

    def is_settled(self, node: Node) -> bool:
        """Report whether the suggestion completes a name, or decides that it is complete by what it adds behind it."""
        return node.end_byte >= self.tree.byte(self.start) and node.start_byte < self.tree.byte(self.end)

    def holds(self, node: Node) -> bool:
        """Report whether a node lies within the suggestion."""
        return node.start_byte >= self.tree.byte(self.start) and node.end_byte <= self.tree.byte(self.end)

    @cached_property
    def broken(self) -> bool:
        """Whether the parser found errors in the code around the suggestion."""
        return any(it.type == "ERROR" or it.is_missing for it in self.nodes)
