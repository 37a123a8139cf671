"""Asks Python's own compiler about the statement that a suggestion is in, for faults that its grammar allows.

Among them are declarations that come too late, arguments passed twice, and a bare `except` that is not the last.
"""

import ast
import warnings
from collections.abc import Iterator
from typing import Final

from tree_sitter import Node

from infill_lsp.meaning.code import JudgedCode

_LONGEST: Final = 8_000
"""The longest statement, in code points, that is compiled at each key: some 200 lines."""

_HEADS: Final = {"class_definition": "body", "decorated_definition": "definition", "block": ""}


def refused_by_compiler(it: JudgedCode) -> Iterator[str]:
    """Yield what the compiler says of the outermost function or statement around a suggestion that brings that in."""
    around = [node for node in it.tree.root.named_children if it.is_new(node) and node.type != "comment"]
    if not around:
        return
    first, last = (_outermost(it, around[0]),) * 2 if len(around) == 1 else (around[0], around[-1])
    start, end = it.tree.offset(first.start_byte), it.tree.offset(last.end_byte)
    line, column = it.document.place(start)
    if end - start > _LONGEST or (len(around) > 1 and column != 1):
        return
    text, indentation = it.document.text, it.document.line(line)[: column - 1]
    if indentation.strip():
        return
    head = f"if 1:\n{indentation}" if indentation else ""
    found = _objection(head + text[start:end])
    if found is None:
        return
    at = line + (found.lineno or 1) - 1 - head.count("\n")
    without = head + text[start : max(start, it.start)] + text[min(end, it.end) : end]
    if it.document.place(it.start)[0] <= at <= it.document.place(it.end)[0] or _accepts(without):
        yield f"Python says: {found.msg}"


def _outermost(it: JudgedCode, node: Node) -> Node:
    """Return the outermost function within classes that the suggestion is in; the statement itself if there is none."""
    inner: Node | None = node
    while inner is not None and inner.type in _HEADS:
        field = _HEADS[inner.type]
        within = [inner.child_by_field_name(field)] if field else inner.named_children
        inner = next((one for one in within if one is not None and _contains(it, one)), None)
    return inner if inner is not None and inner.type == "function_definition" else node


def _contains(it: JudgedCode, node: Node) -> bool:
    return node.start_byte <= it.tree.byte(it.start) and it.tree.byte(it.end) <= node.end_byte


def _accepts(text: str) -> bool:
    return _parsed(text) is not None and _objection(text) is None


def _objection(text: str) -> SyntaxError | None:
    """Return the compiler's objection to a text that the parser accepts."""
    tree = _parsed(text)
    try:
        if tree is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                compile(tree, "<code>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except SyntaxError as error:
        return error
    except (ValueError, RecursionError, MemoryError, OverflowError):
        return None
    return None


def _parsed(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
