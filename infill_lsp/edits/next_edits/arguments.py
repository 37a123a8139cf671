"""Follows changed parameters of a Python function to its calls in the document.

A new parameter is passed only where its name has a meaning: what else to pass is the user's to know.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from tree_sitter import Node

from infill_lsp.edits.edit import Change
from infill_lsp.edits.next_edits.calls import Call, calls, decorators
from infill_lsp.edits.next_edits.edit import NextEdit
from infill_lsp.edits.next_edits.made import MadeEdit, spells
from infill_lsp.edits.next_edits.parameters import ChangedParameters, Parameter, changed_parameters, function_at
from infill_lsp.edits.next_edits.scopes import Scopes, binding, block_around, function_around, holds
from infill_lsp.meaning.bindings import FUNCTIONS
from infill_lsp.meaning.code import text_of
from infill_lsp.syntax.tree import SyntaxTree

_LITERAL: Final = re.compile(r"""-?[\w.]+|"[^"\n]*"|'[^'\n]*'""")


def arguments(made: MadeEdit) -> Iterator[NextEdit]:
    """Yield the changes of calls that a change of parameters calls for."""
    changed = changed_parameters(made)
    tree = made.before.parsed() if changed is not None and _concerns_calls(made, changed) else None
    function = function_at(tree, made.hunk.old_start, made.hunk.old_end) if tree is not None else None
    if changed is None or tree is None or function is None:
        return
    scopes = Scopes(tree)
    for call in calls(scopes, function):
        found = _followed(scopes, changed, call)
        if found is not None and (at := made.now(found.change.start, found.change.end)) is not None:
            change = Change(at, at + found.change.end - found.change.start, found.change.text)
            yield NextEdit(change, "arguments", found.label)


def _concerns_calls(made: MadeEdit, changed: ChangedParameters) -> bool:
    """Report whether there may be calls that a change concerns, by the text alone, since the trees of all take time."""
    text, name = made.before.text, text_of(changed.function.child_by_field_name("name"))
    if changed.renamed is not None:
        return text.count(f"{changed.renamed[0].name}=") > changed.renamed[0].text.count("=")
    is_called = name == "__init__" or text.count(f"{name}(") > 1
    is_followed = changed.added is not None or changed.removed is not None or changed.order or changed.defaults
    return is_called and bool(is_followed)


def _followed(scopes: Scopes, changed: ChangedParameters, call: Call) -> NextEdit | None:
    """Return what a call needs, in the document before; None if that is nothing, or not certain."""
    if changed.renamed is not None:
        return _renamed(scopes.tree, changed, call)
    if not call.is_plain or not _passes_what_it_must(changed, call):
        return None
    if (at := changed.removed) is not None:
        return _removed(scopes.tree, changed, call, at)
    if (at := changed.added) is not None:
        return _added(scopes, changed, call, at)
    return _reordered(scopes.tree, changed, call) if changed.order else _completed(scopes.tree, changed, call)


def _passes_what_it_must(changed: ChangedParameters, call: Call) -> bool:
    """Report whether a call fits the parameters of before: one that does not may have been changed by hand already.

    Whether a method gets its object must be the same before and now, and certain: no other decorator changes calls.
    """
    if call.bound != _is_bound(changed.before) or call.bound != _is_bound(changed.now) or _is_decorated(changed):
        return False
    own = changed.before[call.bound :]
    places = [it for it in own if it.kind == "positional"]
    if len(call.positional) > len(places) and not any(it.kind == "rest" for it in own):
        return False
    left = [it for it in own if it not in places[: len(call.positional)] and it.kind != "rest" and not it.has_default]
    return all(call.keyword(it.name) is not None for it in left)


def _is_bound(parameters: Sequence[Parameter]) -> bool:
    return bool(parameters) and parameters[0].name in {"self", "cls"}


def _is_decorated(changed: ChangedParameters) -> bool:
    """Report whether a decorator may change how the function is called."""
    known = {"@staticmethod", "@classmethod", "@abstractmethod", "@override", "@cached_property"}
    both = [set(decorators(it).split()) for it in (changed.function, changed.function_now)]
    return both[0] != both[1] or not both[0] <= known


def _renamed(tree: SyntaxTree, changed: ChangedParameters, call: Call) -> NextEdit | None:
    old, new = (it.name for it in changed.renamed or ())
    argument = call.keyword(old)
    if argument is None or call.keyword(new) is not None:
        return None
    start = tree.span(argument)[0]
    return NextEdit(Change(start, start + len(old), new), "arguments", f"Rename `{old}=` to `{new}=`")


def _removed(tree: SyntaxTree, changed: ChangedParameters, call: Call, at: int) -> NextEdit | None:
    """Return the edit that takes the argument of a parameter out of a call.

    One with a default may only move elsewhere, and one that the body still reads is not gone for good.
    """
    parameter, place = changed.before[at], at - call.bound
    if parameter.has_default or spells(text_of(changed.function_now.child_by_field_name("body")), parameter.name):
        return None
    argument = call.keyword(parameter.name)
    if argument is None and parameter.kind == "positional" and 0 <= place < len(call.positional):
        argument = call.positional[place]
    if argument is None or parameter.kind == "rest":
        return None
    start, end = tree.span(argument)
    for one, other in pairwise(call.arguments):
        if one == argument:
            end = tree.span(other)[0]
            break
        if other == argument and argument == call.arguments[-1]:
            start = tree.span(one)[1]
    return NextEdit(Change(start, end, ""), "arguments", f"Remove the argument of `{parameter.name}`")


def _added(scopes: Scopes, changed: ChangedParameters, call: Call, at: int) -> NextEdit | None:
    """Return the edit that passes a new parameter on, from a variable of its name; one with a default need not be."""
    parameter, place = changed.now[at], at - call.bound
    if parameter.kind == "rest" or parameter.has_default or call.keyword(parameter.name) is not None:
        return None
    if place < 0 or not _is_known_at(scopes, call.node, parameter.name):
        return None
    if parameter.kind == "positional" and place <= len(call.positional):
        before, text = call.positional[:place], parameter.name
    else:
        before, text = call.arguments, f"{parameter.name}={parameter.name}"
    return NextEdit(_inserted(scopes.tree, call, before, text), "arguments", f"Pass `{parameter.name}`")


def _is_known_at(scopes: Scopes, call: Node, name: str) -> bool:
    """Report whether a variable certainly has a value where a call is: bound before, and not in another branch."""
    scope = scopes.scope(call, name)
    if scope is None:
        return False
    body = scope.child_by_field_name("body")
    for it in scopes.occurrences(name):
        made = binding(it)
        if made is None or scopes.scope(it) != scope:
            continue
        inner = made.child_by_field_name("body")
        is_parameter = body is not None and scope.type in FUNCTIONS and it.start_byte < body.start_byte
        is_global = scope.parent is None and function_around(call) is not None
        if is_parameter or is_global or (inner is not None and holds(inner, call)):
            return True
        if made.end_byte <= call.start_byte and holds(block_around(made), call):
            return True
    return False


def _reordered(tree: SyntaxTree, changed: ChangedParameters, call: Call) -> NextEdit | None:
    """Return the edit that brings arguments to the order of the parameters."""
    is_bound_first = not call.bound or changed.order[0] == 0
    order = tuple(it - call.bound for it in changed.order[call.bound :])
    if not order or not is_bound_first or not len(call.positional) == len(call.arguments) == len(order):
        return None
    texts = [text_of(call.arguments[it]) for it in order]
    start, end = tree.span(call.arguments[0])[0], tree.span(call.arguments[-1])[1]
    is_long = "\n" in tree.text[start:end]
    return None if is_long else NextEdit(Change(start, end, ", ".join(texts)), "arguments", "Reorder the arguments")


def _completed(tree: SyntaxTree, changed: ChangedParameters, call: Call) -> NextEdit | None:
    """Return the edit that passes the defaults that were taken away, where a call relied on them."""
    texts, by_name = [], len(call.arguments) > len(call.positional)
    for parameter in changed.now[len(call.positional) + call.bound :]:
        default = changed.defaults.get(parameter.name, "")
        if call.keyword(parameter.name) is not None or parameter.kind == "rest" or not _LITERAL.fullmatch(default):
            by_name = True
            continue
        by_name = by_name or parameter.kind == "keyword"
        texts.append(f"{parameter.name}={default}" if by_name else default)
    if not texts:
        return None
    change = _inserted(tree, call, call.arguments, ", ".join(texts))
    return NextEdit(change, "arguments", f"Pass `{', '.join(texts)}`")


def _inserted(tree: SyntaxTree, call: Call, before: tuple[Node, ...], text: str) -> Change:
    """Return the change that puts an argument behind others; on a line of its own where the others have one."""
    if not before:
        brackets = call.node.child_by_field_name("arguments")
        start = tree.span(brackets)[0] + 1 if brackets is not None else 0
        at = tree.span(call.arguments[0])[0] if call.arguments else start
        return Change(at, at, f"{text}, " if call.arguments else text)
    last = before[-1]
    at, row = tree.span(last)[1], last.start_point.row
    alone = row > call.node.start_point.row and all(it.start_point.row != row for it in call.arguments if it != last)
    line = tree.text.rfind("\n", 0, tree.span(last)[0]) + 1
    return Change(at, at, f",\n{tree.text[line : tree.span(last)[0]]}{text}" if alone else f", {text}")
