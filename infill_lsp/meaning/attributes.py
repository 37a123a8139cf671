"""Finds attributes of `self` that nothing gives an object, in classes whose code tells all of them."""

import re
from collections.abc import Iterator
from typing import Final

from tree_sitter import Node

from infill_lsp.meaning.bindings import bound_in, every
from infill_lsp.meaning.code import JudgedCode, text_of

_RECEIVERS: Final = frozenset({"self", "cls"})
_OF_EVERY_OBJECT: Final = frozenset({*dir(object), *dir(type), "__slots__", "__weakref__"})
_PLAIN: Final = frozenset({"dataclass", "final", "total_ordering", "runtime_checkable", "unique"})
"""Decorators of classes that add no attributes for the class's own code to read."""

_DYNAMIC: Final = re.compile(r"\b(__getattr__|__getattribute__|setattr|__dict__|vars|locals|__init_subclass__)\b")
_FOR_OTHERS: Final = re.compile(r"(?i)mixin|base|abstract")
"""The names of classes that count on what other classes set."""

_DEEPEST: Final = 5
"""Base classes of base classes that are followed."""


def unset_attributes(it: JudgedCode) -> Iterator[str]:
    """Yield attributes of `self` that a suggestion reads and that no method, class body or base class sets.

    Nothing is said of a class with a base or a decorator from elsewhere, or of one that reads such attributes already:
    it counts on what other classes set.
    """
    for node in it.nodes:
        name = _read_from_self(node)
        if not name or name in _OF_EVERY_OBJECT or not it.is_settled(node.named_children[-1]):
            continue
        owner = _class_around(node)
        if owner is None or _is_method(owner, name) or _is_cut(it, owner) or _is_given(it.document.text, name):
            continue
        if _sets(owner, name):
            continue
        known = _attributes_of(owner) if not _has_subclass(owner) else None
        if known is None or name in known or _counts_on_others(it, owner, known):
            continue
        yield f"`{text_of(node)}` is set nowhere"


def _read_from_self(node: Node) -> str:
    """Return the attribute's name if a node reads one of `self` or `cls`; otherwise an empty string."""
    if node.type != "attribute" or text_of(node.child_by_field_name("object")) not in _RECEIVERS:
        return ""
    return "" if _is_set(node) else text_of(node.child_by_field_name("attribute"))


def _is_set(node: Node) -> bool:
    """Report whether an attribute is a target, or one of several such as in `self.a, b = ...`."""
    up = node.parent
    while up is not None and up.type in {"pattern_list", "tuple_pattern", "list_pattern", "list_splat_pattern"}:
        node, up = up, up.parent
    if up is None or up.type in {"as_pattern_target", "delete_statement"}:
        return up is not None
    return up.type in _SETS and up.child_by_field_name("left") == node


_SETS: Final = frozenset({"assignment", "augmented_assignment", "for_statement", "for_in_clause"})


def _class_around(node: Node) -> Node | None:
    """Return the class in one of whose functions a node is; None if there is none."""
    up, in_function = node.parent, False
    while up is not None and up.type != "class_definition":
        in_function = in_function or up.type == "function_definition"
        up = up.parent
    return up if in_function else None


def _is_method(owner: Node, name: str) -> bool:
    """Report whether a class defines a function of this name; quicker than finding all that it sets."""
    return re.search(rf"\bdef[ \t]+{re.escape(name)}\b", text_of(owner)) is not None


def _sets(owner: Node, name: str) -> bool:
    """Report whether a class sets this attribute of `self`; quicker than finding all that it sets."""
    places = re.finditer(rf"\.\s*{re.escape(name)}\b".encode(), owner.text or b"")
    ends = (owner.start_byte + it.end() for it in places)
    nodes = (owner.descendant_for_byte_range(end - 1, end) for end in ends)
    attributes = (it.parent for it in nodes if it is not None and text_of(it) == name)
    return any(
        it is not None
        and it.type == "attribute"
        and text_of(it.child_by_field_name("object")) in _RECEIVERS
        and _is_set(it)
        for it in attributes
    )


def _is_cut(it: JudgedCode, owner: Node) -> bool:
    """Report whether the parsed part may end before the class does."""
    end, text = it.tree.part[1], it.document.text
    is_last = owner.end_byte >= len(it.tree.data.rstrip())
    return owner.has_error or (is_last and end < len(text) and not it.language.definition.match(text, end))


def _is_given(text: str, name: str) -> bool:
    """Report whether a text gives an object other than `self` an attribute of this name."""
    read = rf"\.{re.escape(name)}"  # It begins the pattern, so that the text is searched for it at once.
    pattern = rf"{read}(?<!\bself{read})(?<!\bcls{read})[ \t]*(?:=[^=]|:|[-+*/|&%@]=)"
    return re.search(pattern, text) is not None


def _has_subclass(owner: Node) -> bool:
    name = text_of(owner.child_by_field_name("name"))
    return any(text_of(base) == name for it in _classes(owner) for base in _bases(it))


def _counts_on_others(it: JudgedCode, owner: Node, known: set[str]) -> bool:
    """Report whether a class reads attributes of `self`, apart from the suggestion, that it does not set."""
    others = (node for node in every(owner) if node.type == "attribute" and not it.is_settled(node))
    return any(name and name not in known and name not in _OF_EVERY_OBJECT for name in map(_read_from_self, others))


def _attributes_of(owner: Node, depth: int = 0) -> set[str] | None:
    """Return the attributes that a class and its bases set; None if its code does not tell all of them."""
    if depth > _DEEPEST or _DYNAMIC.search(text_of(owner)) or not _PLAIN.issuperset(_decorators(owner)):
        return None
    own = text_of(owner.child_by_field_name("name"))
    if _FOR_OTHERS.search(own):
        return None
    found = set(bound_in(owner.child_by_field_name("body") or owner))
    for node in every(owner):
        if node.type == "string_content":
            found.add(text_of(node))  # It may be one of `__slots__`.
        elif (
            node.type == "attribute"
            and text_of(node.child_by_field_name("object")) in {*_RECEIVERS, own}
            and _is_set(node)
        ):
            found.add(text_of(node.child_by_field_name("attribute")))
    for base in _bases(owner):
        inherited = _inherited(owner, base, depth)
        if inherited is None:
            return None
        found |= inherited
    return found if depth or any(not _is_method(owner, it) for it in found) else None  # It has only been begun.


def _inherited(owner: Node, base: Node, depth: int) -> set[str] | None:
    """Return the attributes of a base class in the same module; None if it is from elsewhere."""
    name = text_of(base)
    if base.type != "identifier":
        return None
    if name == "object":
        return set()
    same = [it for it in _classes(owner) if text_of(it.child_by_field_name("name")) == name]
    return _attributes_of(same[0], depth + 1) if len(same) == 1 and same[0] != owner else None


def _classes(owner: Node) -> Iterator[Node]:
    """Yield the outermost classes of the module that a class is in."""
    root = owner
    while root.parent is not None:
        root = root.parent
    for node in root.named_children:
        inner = node.child_by_field_name("definition") or node
        if inner.type == "class_definition":
            yield inner


def _bases(owner: Node) -> list[Node]:
    bases = owner.child_by_field_name("superclasses")
    return [it for it in bases.named_children if it.type != "comment"] if bases is not None else []


def _decorators(owner: Node) -> list[str]:
    """Return the names of a class's decorators, without modules and arguments."""
    up = owner.parent
    if up is None or up.type != "decorated_definition":
        return []
    found = (text_of(it).lstrip("@").partition("(")[0].strip() for it in up.named_children if it.type == "decorator")
    return [it.rpartition(".")[2] for it in found]
