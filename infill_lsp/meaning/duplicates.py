"""Finds names that one list or scope has twice, in the languages whose grammars tell. Python has its own rules."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final, NamedTuple

from tree_sitter import Node

from infill_lsp.meaning.code import JudgedCode, text_of


class Member(NamedTuple):
    """What names a member of a list: the list's node, the member's, and the field with its name, if it has one."""

    of: str
    node: str
    field: str = ""


_JAVASCRIPT: Final = (
    Member("formal_parameters", "identifier"),
    Member("formal_parameters", "assignment_pattern", "left"),
    Member("object", "pair", "key"),
    Member("object", "shorthand_property_identifier"),
    Member("named_imports", "import_specifier", "name"),
)
_TYPESCRIPT: Final = (
    *_JAVASCRIPT,
    Member("formal_parameters", "required_parameter", "pattern"),
    Member("formal_parameters", "optional_parameter", "pattern"),
    Member("interface_body", "property_signature", "name"),
    Member("object_type", "property_signature", "name"),
    Member("enum_body", "property_identifier"),
    Member("enum_body", "enum_assignment", "name"),
)
_C: Final = (
    Member("parameter_list", "parameter_declaration", "declarator"),
    Member("enumerator_list", "enumerator", "name"),
    Member("field_declaration_list", "field_declaration", "declarator"),
)
_MEMBERS: Final = MappingProxyType[str, tuple[Member, ...]](
    {
        "javascript": _JAVASCRIPT,
        "javascriptreact": _JAVASCRIPT,
        "typescript": _TYPESCRIPT,
        "typescriptreact": _TYPESCRIPT,
        "go": (
            Member("parameter_list", "parameter_declaration", "name"),
            Member("field_declaration_list", "field_declaration", "name"),
            Member("import_spec_list", "import_spec", "path"),
        ),
        "rust": (
            Member("parameters", "parameter", "pattern"),
            Member("use_list", "identifier"),
            Member("field_declaration_list", "field_declaration", "name"),
            Member("field_initializer_list", "field_initializer", "field"),
            Member("field_initializer_list", "shorthand_field_initializer"),
            Member("enum_variant_list", "enum_variant", "name"),
        ),
        "java": (
            Member("formal_parameters", "formal_parameter", "name"),
            Member("enum_body", "enum_constant", "name"),
        ),
        "c": _C,
        "cpp": _C,
    }
)
_FUNCTIONS_AND_CLASSES: Final = frozenset(
    {"function_declaration", "generator_function_declaration", "class_declaration"}
)
_DEFINITIONS: Final = MappingProxyType[str, frozenset[str]](
    {
        "javascript": _FUNCTIONS_AND_CLASSES,
        "javascriptreact": _FUNCTIONS_AND_CLASSES,
        "typescript": frozenset({"class_declaration"}),  # Functions may have overloads.
        "typescriptreact": frozenset({"class_declaration"}),
        "go": frozenset({"function_declaration"}),
        "rust": frozenset({"function_item", "struct_item", "enum_item", "trait_item"}),
        "java": frozenset({"class_declaration", "interface_declaration", "enum_declaration"}),
        "c": frozenset(),  # `#if` may choose between several.
        "cpp": frozenset(),
    }
)
_CONDITIONAL: Final = frozenset({"attribute_item", "attribute"})
"""Nodes before a member or definition that may leave it out, such as `#[cfg(unix)]`."""

_MANY: Final = frozenset({"_", "init", "main", "..."})
"""Names that may occur more than once: Go's `init`, the blank name, and so on."""


def duplicates(code: JudgedCode) -> Iterator[str]:
    """Yield the names of the suggestion that their list or scope has already, in a few words."""
    members, definitions = _MEMBERS.get(code.language.id, ()), _DEFINITIONS.get(code.language.id, frozenset())
    for node in code.nodes:
        if lists := [it for it in members if it.of == node.type]:
            named = [name for child in node.named_children for name in _names(child, lists)]
            yield from (f"`{it}` occurs twice" for it in _again(code, named))
        here = [it for it in node.named_children if it.type in definitions and not _is_conditional(it)]
        for kind in {it.type for it in here}:
            declared = [name for it in here if it.type == kind and (name := _declared(it)) is not None]
            yield from (f"`{it}` is already defined" for it in _again(code, declared))


def _again(code: JudgedCode, names: list[Node]) -> Iterator[str]:
    """Yield the names that the suggestion completes and that stand elsewhere in a list."""
    for node in names:
        name = text_of(node)
        if code.is_settled(node) and name not in _MANY and any(text_of(it) == name for it in names if it != node):
            yield name


def _names(member: Node, lists: list[Member]) -> Iterator[Node]:
    """Yield the names of one member of a list; a declaration may have several."""
    if _is_conditional(member):
        return
    for kind in lists:
        if kind.node == member.type:
            named = member.children_by_field_name(kind.field) if kind.field else [member]
            yield from (name for it in named if (name := _bare(it)) is not None)


def _declared(node: Node) -> Node | None:
    return _bare(node.child_by_field_name("name") or node.child_by_field_name("declarator"))


def _bare(node: Node | None) -> Node | None:
    """Return the name within a declarator's stars and brackets; None for a pattern, and for a method of a class."""
    while node is not None and (inner := node.child_by_field_name("declarator")) is not None:
        if node.type == "function_declarator" and node.parent is not None and node.parent.type == "field_declaration":
            return None  # It may have overloads.
        node = inner
    unnamed = node is None or node.type.endswith("_pattern") or node.type.startswith("abstract_")
    return None if unnamed else node


def _is_conditional(node: Node) -> bool:
    above = node.prev_named_sibling
    return above is not None and above.type in _CONDITIONAL


LANGUAGES: Final = frozenset(_MEMBERS)
"""The ids of the languages that have these rules."""
