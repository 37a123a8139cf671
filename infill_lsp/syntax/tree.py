r"""A syntax tree of a text, or of a part of it, in code points.

Outside of this package offsets are code points; tree-sitter's are bytes, and its points are rows ended by `\n` alone
and columns in bytes. A tree is parsed from nothing and belongs to one text for good. Trees that are edited along with
their text save nothing here: in a file of many short statements such an edit takes as long as parsing it anew, and in
broken code, which is what code is while someone types, errors may stand elsewhere in an edited tree.
"""

from dataclasses import dataclass
from functools import cached_property

from tree_sitter import Node, Parser, Tree

from infill_lsp.syntax.languages import Language
from infill_lsp.syntax.part import Part


@dataclass(frozen=True)
class SyntaxTree:
    """The tree of a part of one text.

    Attributes:
        language: of the text.
        text: all of it.
        part: what was parsed; places outside of it count as its ends.
        data: the part in UTF-8.
        tree: what the parser made of it.
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
        if language.grammar is None:
            raise ValueError(f"there is no grammar for {language.name} here")
        start, end = part or (0, len(text))
        data = utf8(text[start:end])
        return cls(language, text, (start, end), data, Parser(language.grammar()).parse(data))

    @cached_property
    def root(self) -> Node:
        """The node of all that was parsed."""
        return self.tree.root_node

    @cached_property
    def _ascii(self) -> bool:
        return len(self.data) == self.part[1] - self.part[0]

    def has(self, offset: int) -> bool:
        """Whether a code point is in the part that was parsed."""
        return self.part[0] <= offset <= self.part[1]

    def byte(self, offset: int) -> int:
        """The byte at which a code point starts."""
        start, end = self.part
        offset = min(max(offset, start), end)
        return offset - start if self._ascii else len(utf8(self.text[start:offset]))

    def offset(self, byte: int) -> int:
        """The code point at which a byte is."""
        return self.part[0] + (byte if self._ascii else len(self.data[:byte].decode("utf-8", "ignore")))

    def span(self, node: Node) -> tuple[int, int]:
        """From and to, in code points, of a node."""
        return self.offset(node.start_byte), self.offset(node.end_byte)

    def smallest(self, start: int, end: int) -> Node:
        """The smallest node that holds everything from `start` to `end`."""
        return self.root.descendant_for_byte_range(self.byte(start), self.byte(end)) or self.root


def utf8(text: str) -> bytes:
    """UTF-8 with as many characters as `text`, even where that has half of a surrogate pair."""
    return text.encode("utf-8", "replace")
