"""Whether a place is where the body of a block is still to be written.

By lines and their indentation, so that it can be told of broken code too; the tree is asked whether a brace opens a
block or a value. It knows nothing of gaps.
"""

import re
from typing import Final

from infill_lsp.document import Document
from infill_lsp.syntax.literals import literal_node

_HEADER_LINES: Final = 40
"""Lines that the head of a block has at the most."""

_OPENS_VALUE: Final = re.compile(r"(?:[=(,\[:?]|\breturn)\s*$")
_BRACKETS: Final = str.maketrans({"[": "(", "{": "(", "]": ")", "}": ")"})


def opens_body(document: Document, offset: int) -> bool:
    """Whether the last code before `offset`, comments and a docstring aside, opens a block."""
    language = document.language
    if language is None:
        return False
    at = last_code(document, offset)
    if at == 0 or not language.opens_block.search(" ".join(_header(document, at))):
        return False
    return document.text[at - 1] != "{" or _brace_opens_block(document, at)


def is_empty_body(document: Document, offset: int) -> bool:
    """Whether `offset` is behind what opens a block, and nothing is in the block yet."""
    if not opens_body(document, offset):
        return False
    line, column = document.place(offset)
    rest = document.line(line)[column - 1 :].strip()
    if rest:
        return rest.startswith("}")
    first = _header(document, last_code(document, offset))[0]
    below = (document.line(number) for number in range(line + 1, document.line_count + 1))
    following = next((text for text in below if text.strip()), None)
    return following is None or _indent(following) <= _indent(first)


def last_code(document: Document, offset: int) -> int:
    """The offset behind the last code before `offset`; blanks, comments and docstrings are not code."""
    while True:
        at = len(document.text[:offset].rstrip())
        start = _skippable(document, at)
        if start is None:
            return at
        offset = start


def _skippable(document: Document, at: int) -> int | None:
    """Where the comment or docstring starts that ends at `at`."""
    if at == 0 or document.language is None:
        return None
    line, column = document.place(at)
    before = document.line(line)[: column - 1]
    sign = document.language.line_comment
    if document.tree is None:
        return at - len(before) if sign and before.lstrip().startswith(sign) else None
    node = literal_node(document.tree, at)
    if node is None:
        return None
    start, _ = document.tree.span(node)
    if node.type in document.language.comments:
        return start
    line, column = document.place(start)
    return None if document.line(line)[: column - 1].strip() else start


def _header(document: Document, at: int) -> list[str]:
    """The lines of the statement that ends at `at`: back until no bracket is closed that was not opened."""
    line, column = document.place(at)
    lines = [document.line(line)[: column - 1]]
    while _surplus(lines) > 0 and line > 1 and len(lines) < _HEADER_LINES:
        line -= 1
        lines.insert(0, document.line(line))
    return lines


def _surplus(lines: list[str]) -> int:
    """Closing brackets without an opening one."""
    depth = surplus = 0
    for sign in "".join(lines).translate(_BRACKETS):
        depth += (sign == "(") - (sign == ")")
        surplus = max(surplus, -depth)
    return surplus


def _brace_opens_block(document: Document, at: int) -> bool:
    """Whether the brace before `at` opens a block rather than a value."""
    tree, language = document.tree, document.language
    parent = tree.smallest(at - 1, at).parent if tree else None
    if parent is None or parent.is_error or language is None or not language.blocks:
        return _OPENS_VALUE.search(document.text[max(0, at - 200) : at - 1]) is None
    return parent.type in language.blocks


def _indent(line: str) -> int:
    """Columns before the first sign of a line; a tab goes on to the next multiple of eight."""
    blanks = line[: len(line) - len(line.lstrip())]
    return len(blanks.expandtabs(8))
