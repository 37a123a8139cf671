r"""A syntax tree of a text, or of a part of it, in code points.

Outside this package offsets are code points; tree-sitter's are bytes, and its points are rows ended by `\n` alone and
columns in bytes. A tree belongs to one text permanently.
"""

from dataclasses import dataclass
from functools import cached_property

from tree_sitter import Node, Tree

from infill_lsp.syntax.languages import Language
from infill_lsp.syntax.parse import parse
from infill_lsp.syntax.part import Part


@dataclass(frozen=True)
class SyntaxTree:
    """The tree of a part of one text.

    Attributes:
        language: language of the text.
        text: the whole text.
        part: the parsed part; positions outside it count as its ends.
        data: the part in UTF-8.
        tree: the parser's result.
    """

    language: Language
    text: str
    part: Part
    data: bytes
    tree: Tree

    @classmethod
    def parse(cls, text: str, language: Language, part: Part | None = None) -> "SyntaxTree":
        """Parse a text, or a part of it.

        Raises:
            ValueError: there is no grammar for the language here.
        """
        start, end = part or (0, len(text))
        data = utf8(text[start:end])
        return cls(language, text, (start, end), data, parse(data, language))

    @cached_property
    def root(self) -> Node:
        """The node of everything parsed."""
        return self.tree.root_node

    @cached_property
    def _ascii(self) -> bool:
        return len(self.data) == self.part[1] - self.part[0]

    def has(self, offset: int) -> bool:
        """Report whether a code point is in the parsed part."""
        return self.part[0] <= offset <= self.part[1]

    def byte(self, offset: int) -> int:
        """Return the byte at which a code point starts."""
        start, end = self.part
        offset = min(max(offset, start), end)
        return offset - start if self._ascii else len(utf8(self.text[start:offset]))

    def offset(self, byte: int) -> int:
        """Return the code point that contains a byte."""
        return self.part[0] + (byte if self._ascii else len(self.data[:byte].decode("utf-8", "ignore")))

    def span(self, node: Node) -> tuple[int, int]:
        """Return the start and end of a node, in code points."""
        return self.offset(node.start_byte), self.offset(node.end_byte)

    def smallest(self, start: int, end: int) -> Node:
        """Return the smallest node that contains everything from `start` to `end`."""
        return self.root.descendant_for_byte_range(self.byte(start), self.byte(end)) or self.root


def utf8(text: str) -> bytes:
    """Return UTF-8 with as many characters as `text`, even if that contains half of a surrogate pair."""
    return text.encode("utf-8", "replace")
