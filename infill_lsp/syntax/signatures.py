"""Summarises a file's definitions: the head of each function and class with the first line of its docstring.

A definition is a node with a name and a body, in any grammar. Must not depend on files or imports.
"""

import re
import time
from collections.abc import Iterator, Mapping
from typing import Final

from tree_sitter import Node

from infill_lsp.syntax.languages import Language
from infill_lsp.syntax.part import parts
from infill_lsp.syntax.tree import SyntaxTree

LARGEST: Final = 400_000
"""Characters of a file to examine."""

MOST_MEMBERS: Final = 12
"""Maximum number of listed methods of a class."""

LONGEST: Final = 300
"""Maximum number of characters of a head; the rest of a longer one hardly tells more."""

_WRAPPERS: Final = frozenset({"decorated_definition", "export_statement"})
_ASSIGNED: Final = re.compile(r"^([^\W\d]\w*)(?:\s*:[^=\n]+)?\s*=[^=\n][^\n]*$", re.MULTILINE)


def signatures(text: str, language: Language) -> Mapping[str, str]:
    """Return the signature of each outermost definition of a text, by name, including constants."""
    found = {match[1]: f"{match[0][:LONGEST]}\n" for match in _ASSIGNED.finditer(text[:LARGEST])}
    if language.grammar is not None:
        for part in parts(text[:LARGEST], language.definition):
            time.sleep(0)  # A parser blocks everything else while it works; give a request its turn.
            tree = SyntaxTree.parse(text, language, part)
            for node in _definitions(tree.root):
                found[_text(node.child_by_field_name("name"))] = "\n".join(_lines(node)) + "\n"
    return found


def _definitions(parent: Node) -> Iterator[Node]:
    for child in parent.named_children:
        node = child
        if child.type in _WRAPPERS:
            node = child.child_by_field_name("definition") or child.child_by_field_name("declaration") or child
        if node.child_by_field_name("name") and node.child_by_field_name("body"):
            yield node


def _lines(node: Node, indent: str = "") -> Iterator[str]:
    """Yield the head of a definition, the first line of its docstring, and the heads of its members."""
    body = node.child_by_field_name("body")
    head = _head(node, body)
    yield f"{indent}{head}"
    docstring = _docstring(body)
    if docstring:
        yield f"{indent}    {docstring}"
    if body is not None and not indent and "class" in node.type:
        members = list(_definitions(body))
        for member in members[:MOST_MEMBERS]:
            yield f"    {_head(member, member.child_by_field_name('body'))}"


def _head(node: Node, body: Node | None) -> str:
    whole = node.text or b""
    upto = body.start_byte - node.start_byte if body is not None else len(whole)
    return " ".join(whole[:upto].decode("utf-8", "replace").split())[:LONGEST]


def _docstring(body: Node | None) -> str:
    first = body.named_children[0] if body is not None and body.named_children else None
    inner = first.named_children[0] if first is not None and first.named_children else first
    if inner is None or inner.type != "string":
        return ""
    line = _text(inner).split("\n", 1)[0].rstrip()
    quotes = line[:3]
    return line if quotes not in ('"""', "'''") or (line.endswith(quotes) and len(line) >= 6) else line + quotes


def _text(node: Node | None) -> str:
    return (node.text or b"").decode("utf-8", "replace") if node is not None else ""
