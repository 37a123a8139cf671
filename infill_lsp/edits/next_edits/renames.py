"""Follows a renamed variable of Python code to its other occurrences.

A new name at one place is a rename only if the name it replaces meant something there, and the new one nothing yet.
Where a name is bound several times, only the occurrences that certainly read the edited binding follow.
"""

import builtins
import keyword
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Final

from tree_sitter import Node

from infill_lsp.edits.edit import Change
from infill_lsp.edits.next_edits.edit import NextEdit
from infill_lsp.edits.next_edits.made import MadeEdit, Renamed
from infill_lsp.edits.next_edits.scopes import (
    IMPORTS,
    Scopes,
    binding,
    block_around,
    function_around,
    holds,
    is_variable,
)
from infill_lsp.meaning.bindings import within

_TAKEN: Final = frozenset(dir(builtins)) | frozenset(keyword.kwlist) | frozenset({"self", "cls", "_"})
_LIKE: Final = 0.5
"""How like each other two names of one thing are: more than this."""

_DEFINITIONS: Final = frozenset({"function_definition", "class_definition"})
_HOLDERS: Final = frozenset({"for_statement", "with_statement", "except_clause"})


def renames(made: MadeEdit) -> Iterator[NextEdit]:
    """Yield the renames that the rename of one occurrence calls for."""
    renamed = made.renamed
    if renamed is None or not is_python(made) or _TAKEN & {renamed.old, renamed.new}:
        return
    tree = made.tree_for(renamed, lambda it: _is_inner(Scopes(it), renamed))
    scopes = Scopes(tree) if tree is not None else None
    node = _variable(scopes, renamed) if scopes is not None else None
    if tree is None or scopes is None or node is None or not scopes.guessable:
        return
    found = [(it, at) for it in _places(scopes, node, renamed) if (at := made.now(*tree.span(it))) is not None]
    if binding(node) is None:  # Nothing else may have the new name before it is bound.
        found = [it for it in found if binding(it[0])] or found
    for _, at in found:
        yield rename(renamed, at)


def is_python(made: MadeEdit) -> bool:
    """Report whether an edit is one of Python code."""
    return made.after.language is not None and made.after.language.id == "python"


def _variable(scopes: Scopes, renamed: Renamed) -> Node | None:
    """Return the renamed occurrence of a variable; None if it is something else."""
    node = scopes.identifier(renamed.before, renamed.before + len(renamed.old))
    return node if node is not None and is_variable(node) else None


def _is_inner(scopes: Scopes, renamed: Renamed) -> bool:
    """Report whether the rest of the module is no matter: what was renamed is bound further in, or no variable."""
    node = _variable(scopes, renamed)
    scope = scopes.scope(node) if node is not None else None
    return node is None or (scope is not None and scope.parent is not None)


def rename(renamed: Renamed, at: int) -> NextEdit:
    """Return the rename of the occurrence that starts at an offset."""
    change = Change(at, at + len(renamed.old), renamed.new)
    return NextEdit(change, "rename", f"Rename `{renamed.old}` to `{renamed.new}`")


def _places(scopes: Scopes, node: Node, renamed: Renamed) -> list[Node]:
    """Return the other occurrences of the variable at a node that follow it to its new name."""
    scope = scopes.scope(node)
    if scope is None:
        return []
    alike = [it for it in scopes.occurrences(renamed.old) if is_variable(it)]
    same = [it for it in alike if scopes.scope(it) == scope]
    if any(scopes.scope(it, renamed.new) is not None for it in same):
        return []  # It would mean something else there.
    if binding(node) is not None:
        is_unclear = _imports_another(node, renamed) or _is_read_within(node, same)
        followers = [] if is_unclear else _followers_of_binding(node, same)
    elif scopes.occurrences(renamed.new) or _may_be_from_elsewhere(scope, node):
        return []  # The use may mean another variable, wherever that comes from.
    else:
        followers = _followers_of_use(same, renamed)
    return [it for it in followers if it != node]


def _imports_another(node: Node, renamed: Renamed) -> bool:
    """Report whether an import names another thing now, rather than the same thing anew: an alias, or a like name."""
    made, up = binding(node), node.parent
    if made is None or up is None or made.type not in IMPORTS or up.type == "aliased_import":
        return False
    return not are_like(renamed) and _style(renamed.old) != _style(renamed.new)


def _is_read_within(node: Node, same: list[Node]) -> bool:
    """Report whether an inner function reads a variable that is bound several times: which one, its calls tell."""
    own = function_around(node)
    others = [it for it in same if it != node and binding(it) and function_around(it) == own]
    return bool(others) and any(function_around(it) != own and not binding(it) for it in same)


def _may_be_from_elsewhere(scope: Node, node: Node) -> bool:
    """Report whether a use in a function may name a variable that is not the module's."""
    return scope.type == "module" and function_around(node) is not None and not _is_called(node)


def are_like(renamed: Renamed) -> bool:
    """Report whether two names may be those of one thing."""
    return SequenceMatcher(None, renamed.old, renamed.new).ratio() > _LIKE


def _style(name: str) -> str:
    """Return how a name is written, which tells the kinds of things apart: a class takes the place of a class."""
    return "constant" if name.isupper() else "class" if name[:1].isupper() else "other"


def _followers_of_use(same: list[Node], renamed: Renamed) -> list[Node]:
    """Return all occurrences if the variable has one binding, and one that a use can name anew.

    Whoever calls another function or takes another module than before means that one, and not a rename; only a name
    like that of a function defined here is more likely its new one.
    """
    bindings = [made for it in same if (made := binding(it))]
    if len(bindings) != 1 or bindings[0].type in IMPORTS:
        return []
    return same if bindings[0].type not in _DEFINITIONS or are_like(renamed) else []


def _followers_of_binding(node: Node, same: list[Node]) -> list[Node]:
    """Return the occurrences that certainly read what the binding at a node binds, or belong to it."""
    made, others = binding(node), [it for it in same if it != node and binding(it)]
    if made is None or not others:
        return same
    if made.type == "with_item" and made.parent is not None and made.parent.parent is not None:
        made = made.parent.parent
    same = [it for it in same if not _is_read_before(it, made)]
    if made.type in _DEFINITIONS | IMPORTS:
        return []
    if made.type in _HOLDERS and any(not holds(made, it) for it in others):
        return [it for it in same if holds(made, it)]
    block = block_around(node)
    around = [it for it in others if holds(block_around(it), block)]
    earlier = [it for it in around if it.start_byte < node.start_byte]
    if any(block_around(it) != block or _is_outermost(it) for it in earlier):
        return []  # The earlier binding still gives what is read later a meaning.
    apart = [block_around(it) for it in others]
    if not around and all(any(holds(each, it) for each in (block, *apart)) for it in same):
        return [it for it in same if holds(block, it)]
    later = [statement for it in around if it not in earlier and (statement := binding(it))]
    end = min((it.end_byte for it in later), default=None)
    start = node.start_byte if earlier else 0
    first = [it for it in others if later and binding(it) == min(later, key=lambda one: one.end_byte)]
    return [it for it in same if it.start_byte >= start and (end is None or it.end_byte <= end) and it not in first]


def _is_called(node: Node) -> bool:
    up = node.parent
    return up is not None and up.type == "call" and node == up.child_by_field_name("function")


def _is_read_before(node: Node, made: Node) -> bool:
    """Report whether an occurrence is read before a statement binds its names: it then reads another binding."""
    fields = ("right", "value")
    read = [it for field in fields if (it := made.child_by_field_name(field))]
    if made.type == "with_statement":
        read = [it for it in within(made) if it.type == "with_clause"]
    return binding(node) is None and any(holds(it, node) for it in read)


def _is_outermost(node: Node) -> bool:
    return block_around(node).type == "module"
