"""Finds code that a suggestion puts where its language gives it another role, in languages with braces."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from tree_sitter import Node

from infill_lsp.meaning.code import JudgedCode, text_of

_ARGUMENTS: Final = frozenset({"arguments", "argument_list"})
_LOOPS: Final = frozenset(
    {"for_statement", "for_in_statement", "for_range_loop", "enhanced_for_statement", "while_statement", "do_statement"}
    | {"for_expression", "while_expression", "loop_expression"}
)
_SWITCHES: Final = frozenset(
    {"switch_statement", "switch_expression", "expression_switch_statement", "type_switch_statement"}
    | {"select_statement"}
)
_UNKNOWN: Final = frozenset({"macro_invocation", "preproc_function_def", "ERROR"})
"""Nodes within which a parser guesses what is code."""

_FUNCTIONS: Final = _UNKNOWN | {
    *("function_declaration", "function_expression", "arrow_function", "method_definition", "generator_function"),
    *("generator_function_declaration", "function_definition", "lambda_expression", "method_declaration"),
    *("func_literal", "function_item", "closure_expression", "constructor_declaration", "class_body", "async_block"),
}
_SKIPS: Final = frozenset({"break_statement", "continue_statement", "break_expression", "continue_expression"})

_DECLARATIONS: Final = MappingProxyType[str, tuple[str, str]](
    {
        "lexical_declaration": ("variable_declarator", "name"),
        "local_variable_declaration": ("variable_declarator", "name"),
        "declaration": ("init_declarator", "declarator"),
    }
)
"""Statements that declare variables: what each variable's node is, and the field with its name."""

_BLOCKS: Final = frozenset({"statement_block", "block", "compound_statement"})


def out_of_role(code: JudgedCode) -> Iterator[str]:
    """Yield what a suggestion brings in that cannot be meant there, in a few words."""
    for node in code.nodes:
        if node.type == "assignment_expression" and node.parent is not None and node.parent.type in _ARGUMENTS:
            left, sign = node.children[0], node.children[1]
            if code.is_new(sign) and not code.is_new(left):
                yield f"`{text_of(left)} =` is an assignment, not an argument"
        if node.type in _SKIPS and code.is_new(node.children[0]) and not _may_skip(node):
            yield f"`{text_of(node.children[0])}` cannot be used here"
        if node.type == "await_expression" and code.is_new(node.children[0]) and _in_plain_function(node):
            yield "`await` cannot be used here"
        if node.type in _DECLARATIONS:
            yield from _declared_twice(code, node)


def _may_skip(node: Node) -> bool:
    """Report whether a statement that leaves a loop may be in one, or names the one that it leaves."""
    if node.named_child_count:
        return True
    leaves = _LOOPS | _SWITCHES if node.type.startswith("break") else _LOOPS
    up = node.parent
    while up is not None and up.type not in _FUNCTIONS:
        if up.type in leaves:
            return True
        up = up.parent
    return up is None or up.type in _UNKNOWN


def _in_plain_function(node: Node) -> bool:
    """Report whether the innermost function of JavaScript around a node is not asynchronous."""
    up = node.parent
    while up is not None and up.type not in _FUNCTIONS:
        up = up.parent
    script = {"function_declaration", "function_expression", "arrow_function", "method_definition"}
    return up is not None and up.type in script and all(it.type != "async" for it in up.children)


def _declared_twice(code: JudgedCode, node: Node) -> Iterator[str]:
    """Yield variables that the same block has declared already."""
    block = node.parent
    if block is None or block.type not in _BLOCKS:
        return
    others = {
        text_of(it) for one in block.named_children if one.type == node.type and one != node for it in _names(one)
    }
    for name in _names(node):
        if code.is_settled(name) and code.is_new(node.children[0]) and text_of(name) in others:
            yield f"`{text_of(name)}` is declared already"


def _names(declaration: Node) -> Iterator[Node]:
    kind, field = _DECLARATIONS[declaration.type]
    for child in declaration.named_children:
        name = child.child_by_field_name(field) if child.type == kind else None
        if name is not None and name.type == "identifier":
            yield name
