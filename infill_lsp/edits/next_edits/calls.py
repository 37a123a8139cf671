"""Finds the calls of a Python function in its document, as far as it is certain that they call it."""

from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node

from infill_lsp.edits.next_edits.scopes import Scopes, binding, is_variable
from infill_lsp.meaning.code import text_of


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function.

    Attributes:
        node: the call.
        arguments: the nodes of its arguments, without comments.
        bound: whether the function's first parameter is not among them, as `self` is not.
    """

    node: Node
    arguments: tuple[Node, ...]
    bound: bool

    @property
    def positional(self) -> tuple[Node, ...]:
        """The arguments that are passed by their place."""
        return tuple(it for it in self.arguments if it.type not in {"keyword_argument", "dictionary_splat"})

    @property
    def is_plain(self) -> bool:
        """Whether no argument stands for several."""
        return all(it.type not in {"list_splat", "dictionary_splat", "generator_expression"} for it in self.arguments)

    def keyword(self, name: str) -> Node | None:
        """Return the argument that is passed by this name."""
        named = (it for it in self.arguments if it.type == "keyword_argument")
        return next((it for it in named if text_of(it.child_by_field_name("name")) == name), None)


def calls(scopes: Scopes, function: Node) -> Iterator[Call]:
    """Yield the calls of a function: by its name, of a method by `self` and `cls`, of `__init__` by its class."""
    name, owner = function.child_by_field_name("name"), _class_of(function)
    if name is None or not scopes.guessable:
        return
    if owner is None:
        yield from _by_name(scopes, name, bound=False)
    elif text_of(name) == "__init__":
        class_name = owner.child_by_field_name("name")
        if class_name is not None:
            yield from _by_name(scopes, class_name, bound=True)
    elif sum(text_of(it.child_by_field_name("name")) == text_of(name) for it in members(owner)) == 1:
        yield from _by_attribute(scopes, owner, text_of(name), bound="staticmethod" not in decorators(function))


def _by_name(scopes: Scopes, name: Node, *, bound: bool) -> Iterator[Call]:
    scope = scopes.scope(name)
    same = [it for it in scopes.occurrences(text_of(name)) if is_variable(it) and scopes.scope(it) == scope]
    if scope is None or any(binding(it) is not None for it in same if it != name):
        return
    for it in same:
        if (call := _call_of(it, bound=bound)) is not None:
            yield call


def _by_attribute(scopes: Scopes, owner: Node, name: str, *, bound: bool) -> Iterator[Call]:
    for it in scopes.occurrences(name):
        up = it.parent
        receiver = up.child_by_field_name("object") if up is not None and up.type == "attribute" else None
        if up is None or receiver is None or it == receiver or text_of(receiver) not in {"self", "cls"}:
            continue
        if class_around(it) == owner and (call := _call_of(up, bound=bound)) is not None:
            yield call


def _call_of(function: Node, *, bound: bool) -> Call | None:
    """Return the call of which a node is the function; None if it is something else, or broken."""
    up = function.parent
    if up is None or up.type != "call" or up.child_by_field_name("function") != function or up.has_error:
        return None
    arguments = up.child_by_field_name("arguments")
    if arguments is None or arguments.type != "argument_list":
        return None
    return Call(up, tuple(it for it in arguments.named_children if it.type != "comment"), bound)


def _class_of(function: Node) -> Node | None:
    """Return the class of which a function is a method."""
    up = function.parent
    if up is not None and up.type == "decorated_definition":
        up = up.parent
    above = up.parent if up is not None and up.type == "block" else None
    return above if above is not None and above.type == "class_definition" else None


def class_around(node: Node) -> Node | None:
    """Return the innermost class around a node."""
    up = node.parent
    while up is not None and up.type != "class_definition":
        up = up.parent
    return up


def members(owner: Node) -> Iterator[Node]:
    """Yield the statements in the body of a class, without their decorators."""
    body = owner.child_by_field_name("body")
    for child in body.named_children if body is not None else ():
        yield child.child_by_field_name("definition") or child


def method_of(node: Node) -> Node | None:
    """Return the method or class whose name an identifier is."""
    up = node.parent
    named = up is not None and up.type in {"function_definition", "class_definition"}
    return up if named and up is not None and node == up.child_by_field_name("name") else None


def decorators(function: Node) -> str:
    """Return the decorators of a function as they are written."""
    up = function.parent
    return text_of(up).partition("def ")[0] if up is not None and up.type == "decorated_definition" else ""
