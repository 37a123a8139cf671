"""Turns the uses of a flag round once both its name and its value say the contrary, in Python.

Where `self.disabled = False` becomes `self.enabled = True`, `not self.disabled` is `self.enabled` from now on. A flag
is what is nowhere set to anything but `True` and `False`.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from tree_sitter import Node

from infill_lsp.edits.edit import Change
from infill_lsp.edits.next_edits.attributes import attribute_places
from infill_lsp.edits.next_edits.edit import NextEdit
from infill_lsp.edits.next_edits.made import MadeEdit, are_opposite
from infill_lsp.edits.next_edits.renames import is_python
from infill_lsp.edits.next_edits.scopes import Scopes, binding, is_variable

_SET: Final = re.compile(r"(\s*(?:self\.)?)([^\W\d]\w*)(\s*(?::\s*bool\s*)?=\s*)(True|False)(\s*(?:#.*)?)")
"""A line that sets a flag: what stands before its name, the name, the sign, the value and a comment."""

_OTHER: Final = {"true": "False", "false": "True"}

_CONDITIONS: Final = frozenset(
    {
        "argument_list",
        "assert_statement",
        "assignment",
        "boolean_operator",
        "conditional_expression",
        "elif_clause",
        "if_clause",
        "if_statement",
        "keyword_argument",
        "parenthesized_expression",
        "return_statement",
        "while_statement",
    }
)
"""Where `not` may stand before a flag without brackets."""


class _Flag(NamedTuple):
    """A flag that says the contrary now: both names, and where the old one starts in the document before."""

    old: str
    new: str
    start: int


def inverted(made: MadeEdit) -> Iterator[NextEdit]:
    """Yield the uses of a flag, turned round."""
    flag = _flag(made) if is_python(made) else None
    tree = made.before.parsed() if flag is not None else None
    if flag is None or tree is None:
        return
    scopes = Scopes(tree)
    node = scopes.identifier(flag.start, flag.start + len(flag.old))
    places = _places(scopes, node, flag) if node is not None else []
    if not all(_is_flag(_whole(it)) for it in places):
        return
    for it in places:
        found = _turned(scopes, it, flag) if it != node else None
        at = made.now(found.start, found.end) if found is not None else None
        if found is not None and at is not None:
            change = Change(at, at + found.end - found.start, found.text)
            yield NextEdit(change, "invert", f"Turn `{flag.old}` round to `{flag.new}`")


def _flag(made: MadeEdit) -> _Flag | None:
    """Return the flag whose name and value a hunk turned round; None if it did something else."""
    before, after, hunk = made.before.lines, made.after.lines, made.hunk
    number = before.number(hunk.old_start)
    was, now = _SET.fullmatch(before.line(number)), _SET.fullmatch(after.line(after.number(hunk.start)))
    if was is None or now is None or "\n" in hunk.old + hunk.new or was.group(1, 3, 5) != now.group(1, 3, 5):
        return None
    if was[4] == now[4] or not are_opposite(was[2], now[2]):
        return None
    return _Flag(was[2], now[2], before.start(number) + was.start(2))


def _places(scopes: Scopes, node: Node, flag: _Flag) -> list[Node]:
    """Return all places of a flag; none if something has its new name already."""
    if (places := attribute_places(scopes, node, flag.old)) is not None:
        return [] if attribute_places(scopes, node, flag.new) else places
    scope = scopes.scope(node)
    if scope is None or not scopes.guessable or scopes.occurrences(flag.new):
        return []
    return [it for it in scopes.occurrences(flag.old) if is_variable(it) and scopes.scope(it) == scope]


def _whole(node: Node) -> Node:
    """Return the expression of a place: `self.name` of an attribute's name."""
    up = node.parent
    return up if up is not None and up.type == "attribute" and node == up.child_by_field_name("attribute") else node


def _is_flag(expression: Node) -> bool:
    """Report whether an expression is read, or set to `True` or `False`."""
    up = expression.parent
    if up is not None and up.type == "assignment" and expression == up.child_by_field_name("left"):
        right = up.child_by_field_name("right")
        return right is not None and right.type in _OTHER
    augmented = up is not None and up.type == "augmented_assignment"
    return not augmented and (expression.type == "attribute" or binding(expression) is None)


def _turned(scopes: Scopes, node: Node, flag: _Flag) -> Change | None:
    """Return the change of the document before that turns a place round; None where that is not certain."""
    tree, expression = scopes.tree, _whole(node)
    up = expression.parent
    if up is None:
        return None
    start, end = tree.span(expression)
    at = tree.span(node)[0] - start
    text = tree.text[start : start + at] + flag.new + tree.text[start + at + len(flag.old) : end]
    if up.type == "not_operator":
        return Change(*tree.span(up), text)
    right = up.child_by_field_name("right") if up.type == "assignment" else None
    if right is not None and expression == up.child_by_field_name("left"):
        value, stop = tree.span(right)
        return Change(start, stop, f"{text}{tree.text[end:value]}{_OTHER[right.type]}")
    return Change(start, end, f"not {text}") if up.type in _CONDITIONS else None
