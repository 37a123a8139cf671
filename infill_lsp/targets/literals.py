"""Determines whether a position is in a comment or a string, from the tree, or from the line if the tree cannot tell.

Does not decide what is done about such a position.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from tree_sitter import Node

from infill_lsp.syntax.languages import Language
from infill_lsp.syntax.tree import SyntaxTree
from infill_lsp.text.document import Document

_OPENER: Final = re.compile(r"""\w*(#*)("{3}|'{3}|["'`])""")

_DEEPEST: Final = 50
"""Maximum number of enclosing nodes to examine; a sum of a thousand terms is a thousand nodes deep."""


@dataclass(frozen=True, slots=True)
class Inside:
    """A comment or string that contains a position.

    Attributes:
        kind: comment or string.
        start: its start, in code points.
        end: the end of its contents, before the closing delimiter; None if it is not closed.
        long: whether it may span several lines.
    """

    kind: Literal["comment", "string"]
    start: int
    end: int | None
    long: bool


def inside(document: Document, offset: int) -> Inside | None:
    """Return the comment or string that contains `offset`; None in code and if the language is unknown."""
    language = document.language
    if language is None or offset == 0:
        return None
    tree = document.tree_at(offset)
    if tree is None:
        return _by_line(document, language, offset)
    around = list(_around(tree, offset))
    if node := _literal(around, language):
        found = _of_node(document, tree, language, node)
        return found if _within(found, document, offset) else None
    if not tree.root.has_error or any(node.type in language.code_in_strings for node in around):
        return None
    return _unclosed(document, tree, language, offset) or _by_line(document, language, offset)


def literal_node(tree: SyntaxTree, offset: int) -> Node | None:
    """Return the node of the comment or string that the character before `offset` belongs to."""
    return _literal(_around(tree, offset), tree.language)


def _literal(around: Iterable[Node], language: Language) -> Node | None:
    kinds = language.comments | language.strings
    return next((node for node in around if node.type in kinds), None)


def _around(tree: SyntaxTree, offset: int) -> Iterator[Node]:
    """Yield the nodes around the character before `offset`, innermost first, up to code in a string that passes it."""
    node: Node | None = tree.smallest(offset - 1, offset)
    end = tree.byte(offset)
    for _ in range(_DEEPEST):
        if node is None:
            return
        yield node
        if node.type in tree.language.code_in_strings and node.end_byte > end:
            return
        node = node.parent


def _of_node(document: Document, tree: SyntaxTree, language: Language, node: Node) -> Inside:
    start, end = tree.span(node)
    text = document.text[start:end]
    if node.type in language.comments:
        line_comment = bool(language.line_comment) and text.startswith(language.line_comment)
        closed = not line_comment and text.endswith(("*/", "-->"))
        sign = "-->" if text.endswith("-->") else "*/"
        return Inside("comment", start, end - len(sign) if closed else None, not line_comment)
    opener = _OPENER.match(text)
    if opener is None:
        return Inside("string", start, end, long=False)
    closer = opener[2] + opener[1]
    closed = len(text) >= opener.end() + len(closer) and text.endswith(closer)
    long = opener[2] in language.long_quotes or bool(opener[1])
    return Inside("string", start, end - len(closer) if closed else None, long)


def _within(found: Inside, document: Document, offset: int) -> bool:
    """Report whether `offset`, which follows a character of the literal, is inside it rather than past its end."""
    if found.end is not None:
        return offset <= found.end
    text = document.text[found.start : offset]
    return found.long or ("\n" not in text and "\r" not in text)


def _unclosed(document: Document, tree: SyntaxTree, language: Language, offset: int) -> Inside | None:
    """Find an unclosed multi-line string, whose opening quotes the tree reports as an error."""
    for quotes in language.long_quotes:
        at = document.text.rfind(quotes, tree.part[0], offset)
        if at < 0:
            continue
        node: Node | None = tree.smallest(at, at + len(quotes))
        if node is not None and (node.is_error or (node.parent is not None and node.parent.is_error)):
            return Inside("string", at, None, long=True)
    return None


def _by_line(document: Document, language: Language, offset: int) -> Inside | None:
    """Find the comment or string at `offset` from its line alone."""
    if not language.line_comment:
        return None  # Prose, for example, where a quote is an apostrophe.
    before = document.line_before(offset)
    start, open_quote = 0, ""
    at = 0
    while at < len(before):
        sign = before[at]
        if open_quote:
            at += sign == "\\"
            open_quote = "" if sign == open_quote else open_quote
        elif sign in language.quotes:
            start, open_quote = at, sign
        elif before.startswith(language.line_comment, at):
            return Inside("comment", offset - len(before) + at, None, long=False)
        at += 1
    if not open_quote:
        return None
    closing = document.line_behind(offset).find(open_quote)
    end = offset + closing if closing >= 0 else None
    return Inside("string", offset - len(before) + start, end, long=False)
