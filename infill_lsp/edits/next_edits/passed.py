"""Passes a new parameter on in the languages with braces, where the function that calls has a parameter of its name."""

import re
from collections.abc import Iterator
from typing import Final

from tree_sitter import Node

from infill_lsp.edits.edit import Change
from infill_lsp.edits.next_edits.edit import NextEdit
from infill_lsp.edits.next_edits.made import MadeEdit
from infill_lsp.meaning.code import text_of
from infill_lsp.syntax.languages import Language
from infill_lsp.syntax.tree import SyntaxTree

_LANGUAGES: Final = frozenset({"go", "java", "javascript", "javascriptreact", "typescript", "typescriptreact"})
_CALLS: Final = frozenset({"call_expression", "method_invocation"})
_SEVERAL: Final = frozenset({"spread_element", "variadic_argument", "comment", "line_comment", "block_comment"})


def passed(made: MadeEdit) -> Iterator[NextEdit]:
    """Yield the arguments that the calls of a function need since it has one parameter more."""
    language, hunk = made.after.language, made.hunk
    is_added = not hunk.old.strip() and "," in hunk.new and "\n" not in hunk.new
    if language is None or language.id not in _LANGUAGES or not is_added:
        return
    before, tree = made.before.parsed(), made.after.parsed()
    if before is None or tree is None or tree.root.has_error:
        return
    old, new = (_function_at(*it) for it in ((before, hunk.old_start), (tree, hunk.start)))
    was, now = _parameters(old), _parameters(new)
    name = text_of(new.child_by_field_name("name")) if new is not None else ""
    if not name or was is None or now is None or len(now) != len(was) + 1:
        return
    at = next((n for n in range(len(now)) if now[:n] + now[n + 1 :] == was), None)
    if at is None:
        return
    for call in _calls(tree, name, new):
        arguments = call.named_children
        is_plain = len(arguments) == len(was) and all(it.type not in _SEVERAL for it in arguments)
        if is_plain and now[at] in _known(call, language):
            yield NextEdit(_inserted(tree, call, at, now[at]), "arguments", f"Pass `{now[at]}`")


def _function_at(tree: SyntaxTree, offset: int) -> Node | None:
    """Return the function in whose parameters an offset is."""
    up: Node | None = tree.smallest(offset, offset)
    while up is not None and up.type not in tree.language.functions:
        up = up.parent
    parameters = up.child_by_field_name("parameters") if up is not None else None
    if parameters is None or not parameters.start_byte < tree.byte(offset) < parameters.end_byte:
        return None
    return up


def _parameters(function: Node | None) -> list[str] | None:
    """Return the names of a function's parameters; None if one is no plain name."""
    node = function.child_by_field_name("parameters") if function is not None else None
    found = []
    for it in node.named_children if node is not None else ():
        names = [it] if it.type == "identifier" else it.children_by_field_name("name")
        names = names or it.children_by_field_name("pattern")
        if len(names) != 1 or it.child_by_field_name("value") is not None or names[0].type != "identifier":
            return None
        found.append(text_of(names[0]))
    return found


def _calls(tree: SyntaxTree, name: str, function: Node | None) -> Iterator[Node]:
    """Yield the arguments of each call of a name; none if something else has this name, too."""
    found = []
    for match in re.finditer(rf"\b{name}(?=\s*\()", tree.text):
        node = tree.smallest(*match.span())
        up = node.parent
        if up is not None and up.type in {"selector_expression", "member_expression"}:
            up = up.parent
        if up is not None and up.type in tree.language.functions and node == up.child_by_field_name("name"):
            if up != function:
                return
        elif up is not None and up.type in _CALLS and (arguments := up.child_by_field_name("arguments")) is not None:
            found.append(arguments)
    yield from found


def _known(node: Node, language: Language) -> set[str]:
    """Return the names of the parameters of all functions around a node."""
    found: set[str] = set()
    up = node.parent
    while up is not None:
        if up.type in language.functions:
            found.update(_parameters(up) or ())
        up = up.parent
    return found


def _inserted(tree: SyntaxTree, call: Node, at: int, name: str) -> Change:
    arguments = call.named_children
    if at < len(arguments):
        start = tree.span(arguments[at])[0]
        return Change(start, start, f"{name}, ")
    end = tree.span(arguments[-1])[1] if arguments else tree.span(call)[0] + 1
    return Change(end, end, f", {name}" if arguments else name)
