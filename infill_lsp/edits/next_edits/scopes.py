"""Resolves the names of Python code: which occurrences of a word are the same variable."""

import itertools
import re
from functools import cached_property
from typing import Final

from tree_sitter import Node

from infill_lsp.meaning.bindings import COMPREHENSIONS, FUNCTIONS, PATTERNS, SCOPES, TARGETS, bound_in, within
from infill_lsp.meaning.code import text_of
from infill_lsp.syntax.tree import SyntaxTree, utf8

IMPORTS: Final = frozenset({"import_statement", "import_from_statement"})
_INNER: Final = SCOPES | COMPREHENSIONS
_PARAMETERS: Final = frozenset({"parameters", "lambda_parameters"})
_NAMED: Final = frozenset({"default_parameter", "typed_default_parameter", "function_definition", "class_definition"})
_SPLATS: Final = frozenset({"list_splat_pattern", "dictionary_splat_pattern", "typed_parameter"})

_UNKNOWABLE: Final = re.compile(rb"^\s*from\s.*\simport\s+\*|\b(?:exec|globals|locals|eval)\(", re.MULTILINE)


_MOST: Final = 300
"""Occurrences of a word that are resolved."""

_DEEPEST: Final = 120
"""Levels of nesting: the parser finds a node's parent from the root, so that climbing costs their square."""


class TooManyError(Exception):
    """A word has too many occurrences, or one that is nested too deeply, to follow it while the user waits."""


def is_deep(tree: SyntaxTree, byte: int) -> bool:
    """Report whether the code at a byte is nested more deeply than people write it."""
    cursor, depth = tree.tree.walk(), 0
    while depth <= _DEEPEST and cursor.goto_first_child_for_byte(byte) is not None:
        depth += 1
    return depth > _DEEPEST


class Scopes:
    """The scopes of one tree; what is asked twice is found once."""

    def __init__(self, tree: SyntaxTree) -> None:
        self.tree = tree
        self._bound: dict[int, frozenset[str]] = {}
        self._declared: dict[int, dict[str, str]] = {}

    @cached_property
    def guessable(self) -> bool:
        """Whether what a name means can be told at all: no wildcard may define it, and nothing looks it up by text."""
        return _UNKNOWABLE.search(self.tree.data) is None

    def identifier(self, start: int, end: int) -> Node | None:
        """Return the identifier that covers exactly this range; None if there is none."""
        return self._identifier(self.tree.byte(start), self.tree.byte(end))

    def occurrences(self, word: str) -> list[Node]:
        """Return all identifiers that spell a word, in order; those in strings and comments are none.

        Raises:
            TooManyError: there are too many, or they are nested too deeply, to resolve each in a moment.
        """
        pattern = re.compile(rb"(?<![\w\x80-\xff])" + re.escape(utf8(word)) + rb"(?![\w\x80-\xff])")
        places = [it.span() for it in itertools.islice(pattern.finditer(self.tree.data), _MOST + 1)]
        if len(places) > _MOST or any(is_deep(self.tree, start) for start, _ in places):
            raise TooManyError(word)
        return [node for it in places if (node := self._identifier(*it)) is not None]

    def _identifier(self, start: int, end: int) -> Node | None:
        node = self.tree.root.descendant_for_byte_range(start, end)
        exact = node is not None and node.type == "identifier" and (node.start_byte, node.end_byte) == (start, end)
        return node if exact else None

    def scope(self, node: Node, name: str | None = None) -> Node | None:
        """Return the scope that binds the variable at a node, or another name as seen from there; None if none does."""
        name = text_of(node) if name is None else name
        child, up, in_function = node, node.parent, False
        while up is not None:
            if up.type in FUNCTIONS and _is_inside(up, child, node):
                declared = self._declarations(up).get(name)
                if declared == "global_statement":
                    return self.tree.root
                if declared is None and name in self._names(up):
                    return up
                in_function = True
            elif up.type == "class_definition" and not in_function and _is_body(up, child):
                if name in self._names(up):
                    return up
            elif up.type in COMPREHENSIONS and name in self._names(up) and not _is_first_iterable(up, child, node):
                return up
            elif up.parent is None:
                return up if name in self._names(up) else None
            child, up = up, up.parent
        return None

    def _names(self, scope: Node) -> frozenset[str]:
        if scope.id not in self._bound:
            self._bound[scope.id] = frozenset(bound_in(scope, _INNER))
        return self._bound[scope.id]

    def _declarations(self, function: Node) -> dict[str, str]:
        """Return the names that a function declares as bound further out, with the statement that does so."""
        if function.id not in self._declared:
            outer = {"global_statement", "nonlocal_statement"}
            found = [it for it in within(function) if it.type in outer]
            self._declared[function.id] = {text_of(name): it.type for it in found for name in it.named_children}
        return self._declared[function.id]


def is_variable(node: Node) -> bool:
    """Report whether an identifier names a variable, rather than an attribute, a keyword or a module."""
    up = node.parent
    if up is None or up.type in {"ERROR", "keyword_pattern"}:
        return False
    if up.type == "attribute":
        return node == up.child_by_field_name("object")
    if up.type == "keyword_argument":
        return node != up.child_by_field_name("name")
    if up.type == "dotted_name":
        above = up.parent
        if above is None or above.type == "aliased_import" or up.named_child_count != 1:
            return above is not None and "import" not in above.type and node == up.named_children[0]
        return above.type != "import_from_statement" or up != above.child_by_field_name("module_name")
    return True


def binding(node: Node) -> Node | None:
    """Return what binds the variable at an identifier: a parameter, a definition, a statement; None if nothing does.

    An augmented assignment reads what it binds, so that it is none.
    """
    up = node.parent
    if up is None:
        return None
    if up.type in {"dotted_name", "aliased_import"}:
        above = up.parent
        return above if above is not None and above.type in IMPORTS else None
    if up.type in _PARAMETERS or (up.type in _NAMED and node == up.child_by_field_name("name")):
        return up
    return _assignment(node)


def _assignment(node: Node) -> Node | None:
    """Return the statement, clause or splat parameter of which an identifier is a target; None if it is none."""
    child, up = node, node.parent
    while up is not None and up.type in _SPLATS | PATTERNS:
        if up.type in _SPLATS and up.parent is not None and up.parent.type in _PARAMETERS | {"typed_parameter"}:
            return up if child == up.named_children[0] else None
        if up.type == "as_pattern_target":
            return up.parent.parent if up.parent is not None else None
        child, up = up, up.parent
    if up is None or up.type == "augmented_assignment" or up.type not in TARGETS:
        return None
    return up if child in up.children_by_field_name(TARGETS[up.type]) else None


def _is_body(scope: Node, child: Node) -> bool:
    return child == scope.child_by_field_name("body")


def _is_inside(function: Node, child: Node, node: Node) -> bool:
    """Report whether a node sees a function's names: it is in the body, or is itself a parameter."""
    if _is_body(function, child):
        return True
    if child != function.child_by_field_name("parameters"):
        return False
    up = node.parent
    while up is not None and up != child and up.type in _SPLATS and node == up.named_children[0]:
        node, up = up, up.parent
    return up == child or (up is not None and up.parent == child and node == up.child_by_field_name("name"))


def _is_first_iterable(comprehension: Node, child: Node, node: Node) -> bool:
    """Report whether a node is in what the first `for` goes through, which is read outside the comprehension."""
    first = next((it for it in comprehension.named_children if it.type == "for_in_clause"), None)
    right = first.child_by_field_name("right") if first == child and first is not None else None
    return right is not None and right.start_byte <= node.start_byte < right.end_byte


def function_around(node: Node) -> Node | None:
    """Return the innermost function around a node."""
    up = node.parent
    while up is not None and up.type not in FUNCTIONS:
        up = up.parent
    return up


def block_around(node: Node) -> Node:
    """Return the block in which an occurrence is bound; for a parameter its function."""
    up = node
    while up.parent is not None and up.type not in {"block", "function_definition", "lambda"}:
        up = up.parent
    return up


def holds(outer: Node, inner: Node) -> bool:
    """Report whether a node lies within another one."""
    return outer.start_byte <= inner.start_byte and inner.end_byte <= outer.end_byte
