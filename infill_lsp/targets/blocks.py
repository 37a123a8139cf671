"""Determines whether a block's body is still to be written at a given position.

Works on lines and their indentation, and so on broken code too; the tree decides whether a brace opens a block or a
value.
"""

import re
from typing import Final

from infill_lsp.syntax.tree import SyntaxTree
from infill_lsp.targets.literals import literal_node
from infill_lsp.text.document import Document
from infill_lsp.text.indent import indent_width

_HEADER_LINES: Final = 40
"""Maximum number of lines in the head of a block."""

_SKIPPED: Final = 200
"""Maximum number of consecutive comments to skip."""

_OPENS_VALUE: Final = re.compile(r"(?:[=(,\[:?]|\breturn)\s*$")
_BRACKETS: Final = str.maketrans({"[": "(", "{": "(", "]": ")", "}": ")"})


def opens_body(document: Document, offset: int) -> bool:
    """Report whether the last code before `offset`, not counting comments and a docstring, opens a block."""
    tree = document.tree_at(offset)
    at = _last_code(document, tree, offset)
    if at == 0 or not document.opens_block(document.line_before(at)):
        return False
    return document.text[at - 1] != "{" or _brace_opens_block(document, tree, at)


def is_empty_body(document: Document, offset: int) -> bool:
    """Report whether `offset` follows the opening of a block that is still empty."""
    if not opens_body(document, offset):
        return False
    rest = document.line_behind(offset).strip()
    if rest:
        return rest.startswith("}")
    following = next(document.lines_below(document.place(offset)[0]), None)
    if following is None or following.lstrip().startswith("}"):
        return True
    tree = document.tree_at(offset)
    at = _last_code(document, tree, offset)
    indent = indent_width(_first_line(document, at))
    return indent_width(following) <= indent and _closingindent_width(document, tree, at) != indent


def _last_code(document: Document, tree: SyntaxTree | None, offset: int) -> int:
    """Return the offset just after the last code before `offset`; blanks, comments and docstrings are not code."""
    for _ in range(_SKIPPED):
        at = document.code_end(offset)
        start = _skippable(document, tree, at)
        if start is None:
            return at
        offset = start
    return 0


def _skippable(document: Document, tree: SyntaxTree | None, at: int) -> int | None:
    """Return the start of the comment or docstring that ends at `at`."""
    if at == 0 or document.language is None:
        return None
    before = document.line_before(at)
    sign = document.language.line_comment
    if tree is None:
        return at - len(before) if sign and before.lstrip().startswith(sign) else None
    node = literal_node(tree, at) if tree.has(at - 1) else None
    if node is None:
        return None
    start, _ = tree.span(node)
    if node.type in document.language.comments:
        return start
    return None if document.line_before(start).strip() else start


def _first_line(document: Document, at: int) -> str:
    """Return the first line of the head that ends at `at`, going back until every closing bracket has its opener."""
    number, _ = document.place(at)
    line = document.line_before(at)
    surplus = _surplus(line, 0)
    for above in range(number - 1, max(0, number - _HEADER_LINES), -1):
        if surplus == 0:
            break
        line = document.line(above)
        surplus = _surplus(line, surplus)
    return line


def _surplus(line: str, surplus: int) -> int:
    """Count the unmatched closing brackets of a line, given `surplus` of them after it."""
    for sign in reversed(line.translate(_BRACKETS)):
        surplus = max(0, surplus + (sign == ")") - (sign == "("))
    return surplus


def _closingindent_width(document: Document, tree: SyntaxTree | None, at: int) -> int | None:
    """Return the indentation of the brace that closes the block opened right before `at`; None if unknown.

    If the user has not closed it yet, an outer brace closes it, or the parser cannot make sense of its contents.
    """
    block = tree.smallest(at - 1, at).parent if tree else None
    if block is None or tree is None or document.text[at - 1] != "{":
        return None
    brace = block.children[-1]
    if brace.type != "}" or block.has_error:
        return None
    return indent_width(document.line(document.place(tree.offset(brace.start_byte))[0]))


def _brace_opens_block(document: Document, tree: SyntaxTree | None, at: int) -> bool:
    """Report whether the brace before `at` opens a block rather than a value."""
    language = document.language
    parent = tree.smallest(at - 1, at).parent if tree else None
    if parent is None or parent.is_error or language is None or not language.blocks:
        return _OPENS_VALUE.search(document.text[max(0, at - 200) : at - 1]) is None
    return parent.type in language.blocks
