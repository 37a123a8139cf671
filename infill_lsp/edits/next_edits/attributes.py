"""Follows the attributes of a Python object within its class: renamed ones, and those that nothing sets yet."""

import re
from collections.abc import Iterator
from typing import Final

from tree_sitter import Node

from infill_lsp.edits.edit import Change
from infill_lsp.edits.next_edits.calls import class_around, members, method_of
from infill_lsp.edits.next_edits.edit import NextEdit
from infill_lsp.edits.next_edits.made import MadeEdit, Renamed
from infill_lsp.edits.next_edits.parameters import changed_parameters
from infill_lsp.edits.next_edits.renames import are_like, is_python, rename
from infill_lsp.edits.next_edits.scopes import Scopes, binding
from infill_lsp.meaning.bindings import parameter_name
from infill_lsp.meaning.code import text_of
from infill_lsp.syntax.tree import SyntaxTree

_NEAR: Final = 60
"""Code points around a hunk in which an attribute that it touches begins."""

_READ: Final = re.compile(r"\bself\.(\w+)\b(?!\s*(?:[-+*/]?=(?!=)|\())")
_DYNAMIC: Final = re.compile(rb"\b(?:setattr|getattr|__getattr__|__getattribute__|__slots__|__dict__|vars)\b")


def attribute_renames(made: MadeEdit) -> Iterator[NextEdit]:
    """Yield the renames of an attribute elsewhere in its class, once one of its places was renamed."""
    renamed = made.renamed
    if renamed is None or not is_python(made) or renamed.old.endswith("__"):
        return
    tree = made.tree_for(renamed, lambda it: True)
    if tree is None:
        return
    scopes = Scopes(tree)
    node = scopes.identifier(renamed.before, renamed.before + len(renamed.old))
    owner = class_around(node) if node is not None else None
    if node is None or owner is None or not (_is_own(node) or _is_member(node, owner)):
        return
    places = _places(scopes, owner, renamed.old)
    if _places(scopes, owner, renamed.new) or not _is_rename(node, owner, places, renamed):
        return
    for it in places:
        start, end = tree.span(it)
        if it != node and (at := made.now(start, end)) is not None:
            yield rename(renamed, at)


def attribute_places(scopes: Scopes, node: Node, name: str) -> list[Node] | None:
    """Return where the class around an attribute names one so that it sets itself; None if a node is no attribute."""
    owner = class_around(node)
    if owner is None or not (_is_own(node) or _is_member(node, owner)):
        return None
    places = _places(scopes, owner, name)
    return places if any(_sets(it, owner) for it in places) and not _DYNAMIC.search(owner.text or b"") else []


def _is_rename(node: Node, owner: Node, places: list[Node], renamed: Renamed) -> bool:
    """Report whether an attribute with these places is that of its class alone, and meant by a new name at a node."""
    if not any(_sets(it, owner) for it in places):
        return False  # It is inherited.
    if method_of(node) is None and _DYNAMIC.search(owner.text or b""):
        return False  # It may be looked up by its text.
    if _sets(node, owner) or not any(method_of(it) for it in places):
        return True
    # Whoever calls another method than before means that one, unless there is none, and it has a like name.
    is_own = not _has_bases(owner) or renamed.old.strip("_") == renamed.new.strip("_")
    return are_like(renamed) and is_own and sum(_sets(it, owner) for it in places) == 1


def _is_own(node: Node) -> bool:
    """Report whether an identifier is the name of an attribute of `self` or `cls`."""
    up = node.parent
    if up is None or up.type != "attribute" or node != up.child_by_field_name("attribute"):
        return False
    return text_of(up.child_by_field_name("object")) in {"self", "cls"}


def _is_member(node: Node, owner: Node) -> bool:
    """Report whether an identifier is a name that the body of a class binds."""
    made = binding(node)
    above = made.parent if made is not None else None
    while above is not None and above.type in {"expression_statement", "decorated_definition"}:
        above = above.parent
    return above is not None and above == owner.child_by_field_name("body")


def _places(scopes: Scopes, owner: Node, name: str) -> list[Node]:
    """Return the places within a class that name an attribute of its objects."""
    found = (it for it in scopes.occurrences(name) if class_around(it) == owner)
    return [it for it in found if _is_own(it) or _is_member(it, owner)]


def _sets(node: Node, owner: Node) -> bool:
    """Report whether an attribute is defined at a place, rather than read."""
    up = node.parent
    if _is_member(node, owner):
        return True
    return (
        up is not None
        and up.parent is not None
        and up.parent.type == "assignment"
        and up == up.parent.child_by_field_name("left")
    )


def unset_attributes(made: MadeEdit) -> Iterator[NextEdit]:
    """Yield what sets an attribute from a parameter of `__init__`: one that the edit reads first, or a new parameter.

    A new parameter is stored only if the method stores all others.
    """
    if not is_python(made):
        return
    for tree, method, name in (*_read_first(made), *_new_parameters(made)):
        stored = _stored(method)
        if stored and name not in stored and (found := _setting(tree, list(stored.values())[-1], name)) is not None:
            yield found


def _read_first(made: MadeEdit) -> Iterator[tuple[SyntaxTree, Node, str]]:
    """Yield the attributes that the edit reads and nothing sets, with the `__init__` that has a parameter for each."""
    hunk, text = made.hunk, made.after.text
    read = _READ.finditer(text, max(0, hunk.start - _NEAR), hunk.end + _NEAR)
    touched = [it for it in read if it.start(1) <= hunk.end and it.end(1) >= hunk.start]
    unset = [it for it in touched if f"self.{it[1]} = " not in text and f"self.{it[1]}: " not in text]
    tree = made.after.parsed() if unset else None
    if tree is None:
        return
    scopes = Scopes(tree)
    for match in unset:
        node = scopes.identifier(*match.span(1))
        owner = class_around(node) if node is not None and _is_own(node) else None
        init = _init_of(owner) if owner is not None and not _has_bases(owner) else None
        if owner is None or init is None or _DYNAMIC.search(owner.text or b""):
            continue
        is_set = any(_sets(it, owner) for it in _places(scopes, owner, match[1]))
        if not is_set and match[1] in _parameters(init):
            yield tree, init, match[1]


def _new_parameters(made: MadeEdit) -> Iterator[tuple[SyntaxTree, Node, str]]:
    """Yield the parameter that came to an `__init__` which stores all others."""
    changed, tree = changed_parameters(made), made.after.tree_at(made.hunk.start)
    if tree is None or changed is None or changed.added is None:
        return
    others, new = {it.name for it in changed.before[1:]}, changed.now[changed.added]
    method = changed.function_now
    if text_of(method.child_by_field_name("name")) != "__init__" or new.kind == "rest":
        return
    is_used = re.search(rf"\b{new.name}\b", text_of(method.child_by_field_name("body")))
    owner = class_around(method)
    if owner is None or _DYNAMIC.search(owner.text or b"") or re.search(rf"\bdef {new.name}\b", text_of(owner)):
        return  # It may not be set there, or is a property.
    if others and others == set(_stored(method)) and not is_used:
        yield tree, method, new.name


def _stored(method: Node) -> dict[str, Node]:
    """Return the statements `self.name = name` in the body of a method itself, by the name of their parameter."""
    body = method.child_by_field_name("body")
    found: dict[str, Node] = {}
    for child in body.named_children if body is not None else ():
        stores = re.fullmatch(r"self\.(\w+)\s*(?::[^=]+)?=\s*(\w+)", text_of(child))
        if stores and stores[1].lstrip("_") == stores[2]:
            found[stores[2]] = child
    return found


def _setting(tree: SyntaxTree, last: Node, name: str) -> NextEdit | None:
    """Return the edit that sets an attribute below the last statement that sets one, in the same way."""
    start, end = tree.span(last)
    line = tree.text.rfind("\n", 0, start) + 1
    line_end = tree.text.find("\n", end)
    line_end = line_end if line_end >= 0 else len(tree.text)
    if tree.text[line:start].strip() or tree.text[end:line_end].strip():
        return None
    rest = text_of(last).removeprefix("self.")
    own = "_" * (len(rest) - len(rest.lstrip("_")))
    change = Change(line_end, line_end, f"\n{tree.text[line:start]}self.{own}{name} = {name}")
    return NextEdit(change, "attribute", f"Set `self.{own}{name}`")


def _init_of(owner: Node | None) -> Node | None:
    named = (
        (it for it in members(owner) if text_of(it.child_by_field_name("name")) == "__init__") if owner else iter(())
    )
    return next(named, None)


def _parameters(method: Node) -> set[str]:
    node = method.child_by_field_name("parameters")
    return {parameter_name(it) for it in node.named_children} if node is not None else set()


def _has_bases(owner: Node) -> bool:
    bases = owner.child_by_field_name("superclasses")
    return bases is not None and text_of(bases) not in {"()", "(object)"}
