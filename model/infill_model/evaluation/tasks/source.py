"""Find the parts of a file that may become a gap: lines of code, names, and the start and end of statements.

Offsets are code points. Nothing here is random.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tree_sitter import Node

from infill_model.data.grammars import parser
from infill_model.evaluation.judging.metrics import parses

_STRINGS: Final = frozenset(
    (
        *("string", "template_string", "interpreted_string_literal", "raw_string_literal", "rune_literal"),
        *("string_literal", "char_literal", "character_literal", "system_lib_string", "regex"),
    )
)
_HOLDS_STATEMENTS: Final = frozenset(
    (
        *("module", "block", "program", "source_file", "statement_block", "class_body", "statement_list"),
        *("declaration_list", "constructor_body", "compound_statement", "translation_unit", "field_declaration_list"),
    )
)
"""Node types, of all grammars together, whose children are statements or members in sequence."""


@dataclass(frozen=True, slots=True)
class CodeLine:
    """A line of code; it lies in no docstring and in no string of several lines.

    Attributes:
        row: from 0.
        start: of its first character that is not white space.
        code_end: after its last character of code; a comment may follow.
        end: of the line, before its newline.
        names: start and end of each identifier in it.
    """

    row: int
    start: int
    code_end: int
    end: int
    names: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class ParsedSource:
    """A file that parses.

    Attributes:
        lines: its lines of code, in order.
        first_rows: rows on which statements start.
        last_rows: rows on which statements end.
    """

    text: str
    lines: tuple[CodeLine, ...]
    first_rows: frozenset[int]
    last_rows: frozenset[int]


def read_source(text: str, language: str = "python") -> ParsedSource | None:
    """Return the lines of code of a file, or None if it does not parse or there is no grammar."""
    reading = parser(language)
    if reading is None:
        return None
    tree = reading.parse(text.encode())
    # The grammar accepts fragments of Python files; Python's own parser rejects syntax newer than itself.
    if tree.root_node.has_error or not parses(text, language):
        return None
    nodes = list(_walk(tree.root_node))
    prose = {row for node in nodes if _is_prose(node) for row in _rows(node)}
    code = {row for node in nodes if not node.child_count and not _is_comment(node) for row in _rows(node)} - prose
    offset = _offsets(text)
    comments = {node.start_point.row: offset(node.start_byte) for node in nodes if _is_comment(node)}
    names: dict[int, list[tuple[int, int]]] = {}
    for node in nodes:
        if node.type.endswith("identifier") and not node.child_count:
            names.setdefault(node.start_point.row, []).append((offset(node.start_byte), offset(node.end_byte)))
    statements = [node for node in nodes if _is_statement(node)]
    return ParsedSource(
        text,
        tuple(_lines(text, code, comments, names)),
        frozenset(node.start_point.row for node in statements),
        frozenset(node.end_point.row for node in statements),
    )


def _is_comment(node: Node) -> bool:
    return node.type.endswith("comment")


def _is_statement(node: Node) -> bool:
    return node.is_named and node.parent is not None and node.parent.type in _HOLDS_STATEMENTS


def _lines(
    text: str, code: set[int], comments: Mapping[int, int], names: Mapping[int, Sequence[tuple[int, int]]]
) -> Iterator[CodeLine]:
    start = 0
    for row, line in enumerate(text.split("\n")):
        end = start + len(line)
        if row in code and line.strip():
            code_end = start + len(text[start : comments.get(row, end)].rstrip())
            yield CodeLine(row, end - len(line.lstrip()), code_end, end, tuple(names.get(row, ())))
        start = end + 1


def _walk(node: Node) -> Iterator[Node]:
    """Yield the node and its descendants, in text order; strings and comments are not entered."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        if node.type not in _STRINGS and not _is_comment(node):
            waiting.extend(reversed(node.children))


def _is_prose(node: Node) -> bool:
    """Report whether the node is a string of several lines, or a string that stands alone, as a docstring does."""
    if node.type not in _STRINGS:
        return False
    alone = node.parent is not None and node.parent.type == "expression_statement" and node.parent.child_count == 1
    return alone or node.start_point.row != node.end_point.row


def _rows(node: Node) -> range:
    return range(node.start_point.row, node.end_point.row + 1)


def _offsets(text: str) -> Callable[[int], int]:
    """Return a function that converts an offset in UTF-8 bytes to one in code points."""
    if text.isascii():
        return int
    table = [index for index, character in enumerate(text) for _ in character.encode()]
    return [*table, len(text)].__getitem__
