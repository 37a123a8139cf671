"""Finds the names that Python code binds, scope by scope, in a syntax tree.

The tree of code that is being typed may contain errors. Names within them count as bound, because a suggestion is
refused only for a certain fault.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from tree_sitter import Node

from infill_lsp.meaning.code import text_of
from infill_lsp.syntax.languages import Language
from infill_lsp.syntax.part import parts
from infill_lsp.syntax.tree import SyntaxTree

SCOPES: Final = frozenset({"function_definition", "lambda", "class_definition"})
FUNCTIONS: Final = frozenset({"function_definition", "lambda"})
COMPREHENSIONS: Final = frozenset(
    {"list_comprehension", "set_comprehension", "dictionary_comprehension", "generator_expression"}
)
_OWN_NAME: Final = frozenset({"function_definition", "class_definition"})
_KEPT: Final = 256
"""The number of parts whose names are cached; only one of them changes while someone types."""

TARGETS: Final = {
    "assignment": "left",
    "augmented_assignment": "left",
    "named_expression": "name",
    "for_statement": "left",
    "for_in_clause": "left",
    "type_alias_statement": "left",
}
PATTERNS: Final = frozenset(
    {"pattern_list", "tuple_pattern", "list_pattern", "tuple", "list", "list_splat_pattern", "list_splat", "type"}
    | {"parenthesized_expression", "expression_list", "as_pattern_target", "dictionary_splat_pattern"}
)
_CASES: Final = frozenset({"case_pattern", "dict_pattern", "class_pattern", "splat_pattern", "union_pattern"})


def module_names(text: str, language: Language) -> frozenset[str] | None:
    """Return the names that a module binds outside functions and classes; None if it has a wildcard import."""
    found: frozenset[str] = frozenset()
    for start, end in parts(text, language.definition):
        names = _part_names(text[start:end], language)
        if names is None:
            return None
        found |= names
    return found


@lru_cache(maxsize=_KEPT)
def _part_names(text: str, language: Language) -> frozenset[str] | None:
    root = SyntaxTree.parse(text, language).root
    found: set[str] = set()
    for node in within(root):
        if node.type == "wildcard_import":
            return None
        found.update(_bound_by(node))
    for node in every(root) if "global" in text else ():
        if node.type == "global_statement":
            found.update(map(text_of, node.named_children))
    return frozenset(found)


def bound_in(scope: Node, inner: frozenset[str] = SCOPES) -> Iterator[str]:
    """Yield the names that a scope itself binds, without those of `inner` scopes; a name may come twice."""
    if scope.type in FUNCTIONS:
        yield from _parameters(scope.child_by_field_name("parameters"))
        yield from type_parameters(scope)
    for node in within(scope, inner):
        yield from _bound_by(node)


def type_parameters(scope: Node) -> Iterator[str]:
    """Yield the names of a function's type parameters."""
    yield from _identifiers(scope.child_by_field_name("type_parameters"))


def within(scope: Node, inner: frozenset[str] = SCOPES) -> Iterator[Node]:
    """Yield the nodes of a scope, without the bodies of `inner` scopes."""
    waiting = list(scope.named_children)
    while waiting:
        node = waiting.pop()
        yield node
        if node.type not in inner:
            waiting += node.named_children


def every(root: Node) -> Iterator[Node]:
    """Yield a node and all nodes within it."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += node.named_children


def _bound_by(node: Node) -> Iterator[str]:
    """Yield the names that one node binds."""
    kind = node.type
    if kind in TARGETS:
        yield from targets(node.child_by_field_name(TARGETS[kind]))
    elif kind in _OWN_NAME:
        yield text_of(node.child_by_field_name("name"))
    elif kind in {"import_statement", "import_from_statement"}:
        yield from imported(node)
    elif kind == "as_pattern":
        yield from targets(node.child_by_field_name("alias"))
    elif kind in _CASES or kind in {"global_statement", "nonlocal_statement"} or kind == "ERROR":
        yield from _identifiers(node)


def targets(node: Node | None) -> Iterator[str]:
    """Yield the names that a target binds: of `a, (b, *c)` all three, of `a.b` and `a[b]` none."""
    if node is None:
        return
    if node.type == "identifier":
        yield text_of(node)
    elif node.type in PATTERNS:
        for child in node.named_children:
            yield from targets(child)


def imported(node: Node) -> Iterator[str]:
    """Yield the names that an import binds."""
    for child in node.children_by_field_name("name"):
        name = child.child_by_field_name("alias") or child
        yield text_of(name).partition(".")[0].strip()


def _parameters(node: Node | None) -> Iterator[str]:
    for child in node.named_children if node is not None else ():
        name = parameter_name(child)
        if name:
            yield name


def parameter_name(node: Node) -> str:
    """Return the name of a parameter; an empty string for a comment or a lone star."""
    if node.type == "identifier":
        return text_of(node)
    name = node.child_by_field_name("name") or next(iter(node.named_children), None)
    return parameter_name(name) if name is not None and name.type in _PARAMETERS else ""


_PARAMETERS: Final = frozenset({"identifier", "list_splat_pattern", "dictionary_splat_pattern", "typed_parameter"})


def _identifiers(node: Node | None) -> Iterator[str]:
    return (text_of(it) for it in every(node) if it.type == "identifier") if node is not None else iter(())
