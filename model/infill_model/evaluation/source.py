"""What of a Python file may become a gap: lines of code, names, and statements with where they start and end.

Offsets are code points. It knows nothing of tasks or of chance.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import tree_sitter_python
from tree_sitter import Language, Node, Parser

from infill_model.evaluation.metrics import parses

_PARSER = Parser(Language(tree_sitter_python.language()))


@dataclass(frozen=True, slots=True)
class CodeLine:
    """A line that says something to the computer; it lies in no docstring and in no string of several lines.

    Attributes:
        row: from 0.
        start: of its first character that is not white space.
        code_end: behind its last character of code; a comment may follow.
        end: of the line, before its newline.
        names: start and end of each identifier in it.
    """

    row: int
    start: int
    code_end: int
    end: int
    names: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A file that the running Python parses.

    Attributes:
        lines: its lines of code, in order.
        first_rows: where statements start.
        last_rows: where statements end.
    """

    text: str
    lines: tuple[CodeLine, ...]
    first_rows: frozenset[int]
    last_rows: frozenset[int]


def read_source(text: str) -> Source | None:
    """The lines of code of a Python file, or None when it does not parse."""
    tree = _PARSER.parse(text.encode())
    if tree.root_node.has_error or not parses(text):  # Pieces of files get past the one, new syntax past the other.
        return None
    nodes = list(_walk(tree.root_node))
    prose = {row for node in nodes if _is_prose(node) for row in _rows(node)}
    code = {row for node in nodes if not node.child_count and node.type != "comment" for row in _rows(node)} - prose
    offset = _offsets(text)
    comments = {node.start_point.row: offset(node.start_byte) for node in nodes if node.type == "comment"}
    names: dict[int, list[tuple[int, int]]] = {}
    for node in nodes:
        if node.type == "identifier":
            names.setdefault(node.start_point.row, []).append((offset(node.start_byte), offset(node.end_byte)))
    statements = [node for node in nodes if node.parent is not None and node.parent.type in ("module", "block")]
    return Source(
        text,
        tuple(_lines(text, code, comments, names)),
        frozenset(node.start_point.row for node in statements),
        frozenset(node.end_point.row for node in statements),
    )


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
    """The node and all below it, in the order of the text; strings are not gone into."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        if node.type != "string":
            waiting.extend(reversed(node.children))


def _is_prose(node: Node) -> bool:
    """Whether the node is a string of several lines or one that stands alone, as a docstring does."""
    if node.type != "string":
        return False
    alone = node.parent is not None and node.parent.type == "expression_statement" and node.parent.child_count == 1
    return alone or node.start_point.row != node.end_point.row


def _rows(node: Node) -> range:
    return range(node.start_point.row, node.end_point.row + 1)


def _offsets(text: str) -> Callable[[int], int]:
    """From an offset in UTF-8 bytes to the one in code points."""
    if text.isascii():
        return int
    table = [index for index, character in enumerate(text) for _ in character.encode()]
    return [*table, len(text)].__getitem__
