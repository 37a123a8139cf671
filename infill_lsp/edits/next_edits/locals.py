"""Follows a renamed local variable or parameter in the languages whose scopes are blocks between braces.

It has to be declared exactly once in its function, and to be used in the block of its declaration alone; then all that
spells its name there is the same variable. A new name that occurs anywhere in the document is none.
"""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from tree_sitter import Node

from infill_lsp.edits.next_edits.edit import NextEdit
from infill_lsp.edits.next_edits.made import MadeEdit, spells
from infill_lsp.edits.next_edits.renames import rename
from infill_lsp.meaning.code import text_of
from infill_lsp.syntax.languages import Language
from infill_lsp.syntax.tree import SyntaxTree, utf8

Places = frozenset[tuple[str, str]]
"""Nodes with the field in which they hold an identifier; an empty field stands for any child without one."""

_SCRIPT: Final[Places] = frozenset(
    {
        ("variable_declarator", "name"),
        ("formal_parameters", ""),
        ("required_parameter", "pattern"),
        ("optional_parameter", "pattern"),
        ("assignment_pattern", "left"),
        ("arrow_function", "parameter"),
        ("for_in_statement", "left"),
        ("catch_clause", "parameter"),
        ("array_pattern", ""),
        ("rest_pattern", ""),
        ("function_declaration", "name"),
    }
)
_C: Final[Places] = frozenset(
    {
        ("init_declarator", "declarator"),
        ("declaration", "declarator"),
        ("parameter_declaration", "declarator"),
        ("optional_parameter_declaration", "declarator"),
        ("pointer_declarator", "declarator"),
        ("array_declarator", "declarator"),
        ("reference_declarator", ""),
        ("for_range_loop", "declarator"),
    }
)
_DECLARED: Final[Mapping[str, Places]] = MappingProxyType(
    {
        **dict.fromkeys(("javascript", "javascriptreact", "typescript", "typescriptreact"), _SCRIPT),
        "go": frozenset(
            {
                ("parameter_declaration", "name"),
                ("variadic_parameter_declaration", "name"),
                ("var_spec", "name"),
                ("const_spec", "name"),
                ("short_var_declaration", "left"),
                ("range_clause", "left"),
            }
        ),
        "rust": frozenset(
            {
                ("let_declaration", "pattern"),
                ("parameter", "pattern"),
                ("closure_parameters", ""),
                ("for_expression", "pattern"),
                ("tuple_pattern", ""),
                ("mut_pattern", ""),
                ("ref_pattern", ""),
                ("reference_pattern", ""),
                ("tuple_struct_pattern", ""),
                ("captured_pattern", ""),
            }
        ),
        "java": frozenset(
            {
                ("variable_declarator", "name"),
                ("formal_parameter", "name"),
                ("enhanced_for_statement", "name"),
                ("catch_formal_parameter", "name"),
                ("inferred_parameters", ""),
                ("lambda_expression", "parameters"),
                ("resource", "name"),
            }
        ),
        "c": _C,
        "cpp": _C,
    }
)
_ELSEWHERE: Final[Places] = frozenset(
    {
        ("field_access", "field"),
        ("method_invocation", "name"),
        ("scoped_identifier", "name"),
        ("scoped_identifier", "path"),
    }
)
"""Where an identifier names no variable."""

_SHORTHANDS: Final = frozenset(
    {
        "shorthand_property_identifier",
        "shorthand_property_identifier_pattern",
        "shorthand_field_identifier",
        "shorthand_field_initializer",
        "field_pattern",
        "keyed_element",
        "literal_element",
        "match_pattern",
        "lambda_capture_specifier",
        "preproc_params",
        "label_name",
    }
)
"""Nodes in which the name of a variable may be the name of something else as well."""

_LISTS: Final = frozenset({"expression_list"})


def local_renames(made: MadeEdit) -> Iterator[NextEdit]:
    """Yield the renames that the rename of one occurrence of a local variable calls for."""
    renamed, language = made.renamed, made.before.language
    if renamed is None or language is None or language.id not in _DECLARED:
        return
    if not _is_lower(renamed.new):
        return
    tree = made.before.parsed()
    if tree is None or (spells(made.before.text, renamed.new) and _occurrences(tree, renamed.new, tree.root)):
        return
    node = _identifier(tree, tree.byte(renamed.before), tree.byte(renamed.before + len(renamed.old)))
    for place in _same(tree, node) if node is not None else ():
        start, end = tree.span(place)
        if place != node and (at := made.now(start, end)) is not None:
            yield rename(renamed, at)


def _is_lower(name: str) -> bool:
    """Report whether a name may be that of a variable, rather than of a type or constant; `_` is no name."""
    return name.strip("_")[:1].islower()


def _identifier(tree: SyntaxTree, start: int, end: int) -> Node | None:
    node = tree.root.descendant_for_byte_range(start, end)
    exact = node is not None and node.type == "identifier" and (node.start_byte, node.end_byte) == (start, end)
    return node if exact else None


def _same(tree: SyntaxTree, node: Node) -> list[Node]:
    """Return the occurrences of the variable at a node, itself included; none if they are not certain."""
    function = _around(node, tree.language.functions)
    while function is not None:
        found = _occurrences(tree, text_of(node), function)
        declared = [it for it in found if _is_declared(it, tree.language)]
        if declared or function.has_error:
            break
        function = _around(function, tree.language.functions)
    if function is None or function.has_error or len(declared) != 1:
        return []
    owner = _scope(declared[0], function, tree.language)
    inside = [it for it in found if owner.start_byte <= it.start_byte < owner.end_byte]
    return inside if len(inside) == len(found) and not any(map(_is_doubtful, found)) else []


def _occurrences(tree: SyntaxTree, name: str, function: Node) -> list[Node]:
    """Return all nodes of a function that spell a name, but for fields, keys, strings and comments."""
    word = utf8(name)
    pattern = re.compile(rb"(?<![\w$\x80-\xff])" + re.escape(word) + rb"(?![\w$\x80-\xff])")
    spans = (it.span() for it in pattern.finditer(tree.data, function.start_byte, function.end_byte))
    nodes = (tree.root.descendant_for_byte_range(*it) for it in spans)
    named = [it for it in nodes if it is not None and it.text == word and "identifier" in it.type]
    return [it for it in named if (it.type == "identifier" and not _is_at(it, _ELSEWHERE)) or it.type in _SHORTHANDS]


def _is_doubtful(node: Node) -> bool:
    return node.type in _SHORTHANDS or (node.parent is not None and node.parent.type in _SHORTHANDS)


def _is_declared(node: Node, language: Language) -> bool:
    while node.parent is not None and node.parent.type in _LISTS:
        node = node.parent
    return _is_at(node, _DECLARED[language.id])


def _is_at(node: Node, places: Places) -> bool:
    up = node.parent
    if up is None:
        return False
    fields = [field for kind, field in places if kind == up.type]
    return any(node in up.children_by_field_name(it) if it else _is_unnamed(up, node) for it in fields)


def _is_unnamed(up: Node, node: Node) -> bool:
    """Report whether a child is in no field of its parent."""
    return next((up.field_name_for_child(n) for n, it in enumerate(up.children) if it == node), "") is None


def _around(node: Node, kinds: frozenset[str]) -> Node | None:
    up = node.parent
    while up is not None and up.type not in kinds:
        up = up.parent
    return up


def _scope(declared: Node, function: Node, language: Language) -> Node:
    """Return the block in which a declaration counts; the function for a parameter."""
    up = declared.parent
    while up is not None and up != function and up.type not in language.blocks | language.functions:
        up = up.parent
    return up if up is not None else function
