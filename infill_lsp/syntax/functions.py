r"""Finds bodies, arguments and functions at a position, in any language whose grammar uses the usual field names.

Reads the fields `body`, `consequence`, `arguments` and `parameters`, comments and strings, and of a language's own node
kinds only those of its functions. The text may use `\n`, `\r\n` or `\r`; additions use `\n`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tree_sitter import Node

from infill_lsp.syntax.errors import tokens
from infill_lsp.syntax.tree import SyntaxTree

_LINE_END: Final = re.compile(r"[\r\n]")

_STUB: Final = re.compile(
    r"""(?: pass | : | \.\.\. | raise \s NotImplemented(?:Error)?\b.* | (?:todo|unimplemented)!\(.*\)
          | panic\(.*(?:implemented|todo).*\)
          | throw \s new \s (?: Unsupported\w+\(.*\) | .*(?:implemented|todo).* ) )
        \s* ;? $""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
"""A statement that is a placeholder for an unwritten body."""

_TODO: Final = re.compile(r"\b(?:TODO|FIXME|XXX)\b")

_INDENT: Final = re.compile(r"^(\t+|  +)(?![ \t])", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Replacement:
    """The range to replace, in code points, and the line breaks that belong around the new text."""

    start: int
    end: int
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class FunctionBody:
    """A function's body: start and end, and the ranges in it that are string or comment rather than code."""

    start: int
    end: int
    quoted: tuple[tuple[int, int], ...]


def stub_body(tree: SyntaxTree, at: int) -> Replacement | None:
    """Return where the body of the node at `at` belongs, if it is empty or only a placeholder; docstrings stay."""
    for node in _around(tree, at):
        body = node.child_by_field_name("body") or node.child_by_field_name("consequence")
        if body is not None:
            return _unwritten(tree, node, body)
    return None


def open_arguments(tree: SyntaxTree, at: int) -> Replacement | None:
    """Return where arguments may be written at `at`: in a call's brackets, or anywhere in a call that has none yet."""
    node: Node | None = tree.smallest(at, at)
    if node is None or (_is_quoted(node) and tree.span(node)[0] < at < tree.span(node)[1]):
        return None
    while node is not None:
        arguments = node.child_by_field_name("arguments")
        if arguments is not None and len(arguments.children) >= 2:  # Both brackets.
            inside = tree.span(arguments.children[0])[1], tree.span(arguments.children[-1])[0]
            if inside[0] <= at <= inside[1]:
                rest_is_blank = not tree.text[at : inside[1]].strip()
                return Replacement(at, inside[1] if rest_is_blank else at)
            if not tree.text[slice(*inside)].strip():
                return Replacement(*inside)
        if node.child_by_field_name("body") is not None:  # A call around a definition is not the one meant.
            return None
        node = node.parent
    return _unclosed(tree, at)


def function_lines(tree: SyntaxTree, at: int) -> FunctionBody | None:
    """Return the body of the innermost function around `at`."""
    for node in _around(tree, at):
        body = node.child_by_field_name("body")
        if body is not None and (node.type in tree.language.functions or _has_parameters(node)):
            start, end = tree.span(body)
            return FunctionBody(start, end, tuple(tree.span(it) for it in _quoted(body)))
    return None


def indent_unit(text: str) -> str:
    """Return one level of indentation in this text; four blanks if nothing is indented."""
    found = [match.group(1) for match, _ in zip(_INDENT.finditer(text), range(200), strict=False)]
    if not found:
        return "    "
    return "\t" if found[0][0] == "\t" else min(found, key=len)


def _around(tree: SyntaxTree, at: int) -> Iterator[Node]:
    """Yield the nodes that contain `at`, smallest first; on a blank line also those that end on the line above.

    Comments are skipped: if a body contains nothing else, a parser puts them after it.
    """
    above = tree.text[tree.part[0] : at].rstrip()
    before = tree.part[0] + len(above) if above else 0
    near = tree.text.count("\n", before, at) <= 1 and not _rest_of_line(tree.text, at).strip()
    node: Node | None = tree.smallest(before - 1, before) if before and near else tree.smallest(at, at)
    if node is not None and _is_comment(node):
        node = _before_comment(node)
    while node is not None:
        yield node
        node = node.parent


def _before_comment(comment: Node) -> Node | None:
    """Return the deepest node that ends before a comment indented like its body; else the node around the comment."""
    before = comment.prev_sibling
    while before is not None and _is_comment(before):
        before = before.prev_sibling
    if before is None or not _is_deeper(comment, before):
        return comment.parent
    while before.children:
        before = before.children[-1]
    return before


def _is_deeper(node: Node, other: Node) -> bool:
    return node.start_point.column > other.start_point.column


def _unwritten(tree: SyntaxTree, node: Node, body: Node) -> Replacement | None:
    """Return where an unwritten body belongs; None if it is written."""
    inside = _interior(node, body)
    kept = 0
    while kept < len(inside) and _stays(tree, inside[kept], first=kept == 0):
        kept += 1
    rest = inside[kept:]
    if not all(_is_placeholder(tree, it) for it in rest):
        return None
    opened, closed = _brackets(tree, node, body)
    if opened is None:
        return None
    outer = _indentation(tree.text, tree.span(node)[0])
    inner = _indentation(tree.text, tree.span(inside[0])[0]) if kept else outer + indent_unit(tree.text)
    after = tree.span(inside[kept - 1])[1] if kept else opened
    return _between(tree, after, [_stripped(tree, it) for it in rest], closed, (inner, outer))


def _between(
    tree: SyntaxTree, after: int, rest: Sequence[tuple[int, int]], closed: int | None, indents: tuple[str, str]
) -> Replacement:
    """Return what to replace after `after`: the placeholders, or the blanks up to the closing bracket."""
    text, (inner, outer) = tree.text, indents
    start, before = after, "\n" + inner
    if rest and _breaks(text[after : rest[0][0]]):
        start, before = rest[0][0], ""
    if closed is None:
        return Replacement(start, rest[-1][1] if rest else start, before)
    if rest and _breaks(text[rest[-1][1] : closed]):
        return Replacement(start, rest[-1][1], before)
    return Replacement(start, closed, before, "\n" + outer)


def _interior(node: Node, body: Node) -> list[Node]:
    """Return the contents of a body, with the comments that a parser puts before or after it."""
    before = [
        it
        for it in node.children
        if _is_comment(it) and it.end_byte <= body.start_byte and it.start_point.row > node.start_point.row
    ]
    behind: list[Node] = []
    if body.start_byte == body.end_byte:
        next_one = node.next_sibling
        while next_one is not None and _is_comment(next_one) and _is_deeper(next_one, node):
            behind.append(next_one)
            next_one = next_one.next_sibling
    return [*before, *body.named_children, *behind]


def _brackets(tree: SyntaxTree, node: Node, body: Node) -> tuple[int | None, int | None]:
    """Return where a body opens, and where it closes; None if it is not bracketed."""
    if len(body.children) >= 2 and (body.children[0].type, body.children[-1].type) == ("{", "}"):
        return tree.span(body.children[0])[1], tree.span(body.children[-1])[0]
    if any(it.type == "{" for it in body.children):  # Broken: its end is unknown.
        return None, None
    before = [it for it in node.children if it.end_byte <= body.start_byte and it.id != body.id]
    colons = [it for it in before if it.type == ":"]
    if not colons or "block" not in body.type:
        return None, None
    same_row = [it for it in before if _is_comment(it) and it.start_point.row == colons[-1].end_point.row]
    return tree.span((same_row or colons)[-1])[1], None


def _stays(tree: SyntaxTree, node: Node, *, first: bool) -> bool:
    """Report whether a node is a docstring, or a comment that tells what to write."""
    if _is_comment(node):
        return not _TODO.search(_text(tree, node))
    only = node.named_children[0] if node.named_child_count == 1 else node
    return first and only.type == "string"


def _is_placeholder(tree: SyntaxTree, node: Node) -> bool:
    return _is_comment(node) or _STUB.match(_text(tree, node).strip()) is not None


def _unclosed(tree: SyntaxTree, at: int) -> Replacement | None:
    """Return the arguments of a call whose bracket is not closed on the line of `at`, up to the end of that line."""
    start = _line_start(tree.text, at)
    if _rest_of_line(tree.text, at).strip() or not tree.root.has_error:
        return None
    open_brackets: list[int] = []
    for first, end in tokens(tree, start, at):
        token = tree.text[first:end]
        if token in ("(", "[", "{") and first >= start:
            open_brackets.append(first)
        elif token in (")", "]", "}") and open_brackets:
            open_brackets.pop()
    if not open_brackets or tree.text[open_brackets[-1]] != "(":
        return None
    name = tree.text[start : open_brackets[-1]]
    is_call = re.search(r"[\w\])]$", name) is not None and not re.search(r"\b(?:def|func|fn|function)\b[^(]*$", name)
    return Replacement(at, at) if is_call else None


def _has_parameters(node: Node) -> bool:
    if node.child_by_field_name("parameters") or node.child_by_field_name("parameter"):
        return True
    declarator = node.child_by_field_name("declarator")
    return declarator is not None and _has_parameters(declarator)


def _quoted(node: Node) -> list[Node]:
    """Return the comments and multi-line strings in a node."""
    found: list[Node] = []
    branches = [node]
    while branches:
        it = branches.pop()
        if _is_comment(it) or (_is_quoted(it) and it.start_point.row != it.end_point.row):
            found.append(it)
        else:
            branches += it.children
    return found


def _is_comment(node: Node) -> bool:
    return "comment" in node.type


def _is_quoted(node: Node) -> bool:
    return _is_comment(node) or "string" in node.type or "char_literal" in node.type


def _stripped(tree: SyntaxTree, node: Node) -> tuple[int, int]:
    """Return the start and end of a node, without the line end that some grammars include."""
    start, end = tree.span(node)
    return start, start + len(tree.text[start:end].rstrip())


def _breaks(text: str) -> bool:
    return "\n" in text or "\r" in text


def _line_start(text: str, at: int) -> int:
    return max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1


def _rest_of_line(text: str, at: int) -> str:
    end = _LINE_END.search(text, at)
    return text[at : end.start() if end else len(text)]


def _indentation(text: str, at: int) -> str:
    """Return the leading blanks of the line of `at`."""
    start = _line_start(text, at)
    line = text[start : start + 400]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _text(tree: SyntaxTree, node: Node) -> str:
    return tree.text[slice(*tree.span(node))]
