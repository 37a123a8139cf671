"""Finds faults in the meaning of a suggestion whose syntax is right: many in Python, in others names given twice.

The judge reads the code with the suggestion in it and reports only faults that the suggestion brings in. It must not
object to code that people write, so it accepts everything that it cannot decide.
"""

import builtins
import re
import sys
import sysconfig
from collections.abc import Callable, Iterator
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final

from tree_sitter import Node

from infill_lsp.meaning.attributes import unset_attributes
from infill_lsp.meaning.bindings import (
    FUNCTIONS,
    SCOPES,
    bound_in,
    module_names,
    parameter_name,
    targets,
    type_parameters,
)
from infill_lsp.meaning.code import JudgedCode, text_of
from infill_lsp.meaning.compiled import refused_by_compiler
from infill_lsp.meaning.duplicates import LANGUAGES, duplicates
from infill_lsp.meaning.roles import out_of_role
from infill_lsp.syntax.languages import Language
from infill_lsp.text.document import Document

_EVERYWHERE: Final = frozenset(dir(builtins)) | {
    *("__file__", "__name__", "__doc__", "__package__", "__spec__", "__path__", "__builtins__", "__annotations__"),
    *("__class__", "__module__", "__qualname__", "_", "reveal_type", "WindowsError"),
}
LARGEST: Final = 400_000
"""The longest document, in code points, in which names are judged."""

_WORD: Final = re.compile(r"[^\W\d]\w*")
_STARTS: Final = frozenset({"function_definition", "class_definition", "decorated_definition"})


class _Judged(JudgedCode):
    """Python code with a suggestion in it."""

    @cached_property
    def module_names(self) -> frozenset[str] | None:
        """The names that the module binds; None if they cannot be determined."""
        if self.document.lines.length > LARGEST:
            return None
        text = self.document.text
        own, earlier = module_names(text, self.language), module_names(self.before, self.language)
        if own is None or earlier is None or "exec(" in text or "__getattr__(" in text:
            return None
        return own | earlier


def is_judged(document: Document) -> bool:
    """Report whether there are rules for a document's language."""
    return document.language is not None and document.language.id in _RULES


def fault(document: Document, start: int, end: int, text: str, before: str = "") -> str:
    """Return the first fault in the meaning of a suggestion, in a few words; an empty string if there is none.

    Args:
        document: the document without the suggestion.
        start: where the replaced text starts, in code points.
        end: where it ends.
        text: the text of the suggestion.
        before: code that comes before the document's own.
    """
    if not is_judged(document) or not text.strip():
        return ""
    return fault_within(document.edited(start, end, text), start, start + len(text), before)


def fault_within(document: Document, start: int, end: int, before: str = "") -> str:
    """Return the first fault of the code from `start` to `end` of a document, as `fault` does."""
    language = document.language
    tree = document.tree_at(start) if is_judged(document) else None
    if language is None or tree is None or not tree.has(end):
        return ""
    if tree.part[0] and not language.definition.match(document.text, tree.part[0]):
        return ""  # It may begin in the middle of a function or a string.
    judged = _Judged(document, language, tree, start, end, before)
    if judged.broken:
        return ""
    return next((found for rule in _RULES[language.id] for found in rule(judged)), "")


def _out_of_place(it: _Judged) -> Iterator[str]:
    """Yield statements that Python refuses at their place."""
    for node in it.nodes:
        if node.type in _NEEDS and it.is_new(node.children[0]) and not _NEEDS[node.type](node):
            yield f"`{node.children[0].type}` cannot be used here"


def _in_function(node: Node) -> bool:
    scope = _scope(node)
    return scope is not None and scope.type in FUNCTIONS


def _in_async(node: Node) -> bool:
    scope = _scope(node)
    return scope is None or (scope.type == "function_definition" and scope.children[0].type == "async")


def _in_loop(node: Node) -> bool:
    while (up := node.parent) is not None and up.type not in _STARTS:
        if up.type in {"for_statement", "while_statement"} and up.child_by_field_name("alternative") != node:
            return True
        node = up
    return False


_NEEDS: Final[dict[str, Callable[[Node], bool]]] = {
    "return_statement": _in_function,
    "yield": _in_function,
    "await": _in_async,
    "break_statement": _in_loop,
    "continue_statement": _in_loop,
}


def _scope(node: Node) -> Node | None:
    """Return the function, lambda or class around a node; None for the module."""
    up = node.parent
    while up is not None and up.type not in SCOPES:
        up = up.parent
    return up


def _no_effect(it: _Judged) -> Iterator[str]:
    """Yield statements without effect: a bare name, a number, an empty tuple."""
    if it.before or it.document.in_notebook:
        return  # A notebook shows the last value of a cell.
    for node in it.nodes:
        child = node.named_children[0] if node.type == "expression_statement" and node.named_child_count == 1 else None
        if (
            child is None
            or not it.holds(node)
            or child.type not in _IDLE
            or (child.type == "tuple" and child.named_children)
        ):
            continue
        yield f"`{text_of(child)[:40]}` does nothing"


_IDLE: Final = frozenset({"identifier", "integer", "float", "true", "false", "none", "tuple"})


def _second_docstring(it: _Judged) -> Iterator[str]:
    """Yield strings that follow a docstring as if they were one."""
    for node in it.nodes:
        above = node.prev_named_sibling
        if above is None or not it.holds(node) or not (_is_string(node) and _is_string(above)):
            continue
        if above.prev_named_sibling is None and node.parent is not None and _has_docstring(node.parent):
            yield "the docstring is there already"


def _is_string(node: Node) -> bool:
    """Report whether a node is a statement that consists of a string."""
    return node.type == "expression_statement" and [it.type for it in node.named_children] == ["string"]


def _has_docstring(body: Node) -> bool:
    """Report whether a string may document what a body belongs to."""
    return body.type == "module" or (body.parent is not None and body.parent.type in _STARTS)


def _assigned_in_call(it: _Judged) -> Iterator[str]:
    """Yield assignments that were copied into a call: blanks around the sign give them away."""
    for node in it.nodes:
        if node.type != "keyword_argument" or node.child_count < 3:
            continue
        name, sign = node.children[0], node.children[1]
        if it.is_new(sign) and not it.is_new(name) and sign.start_byte > name.end_byte:
            yield f"`{text_of(name)} =` is an assignment, not an argument"


def _doubled_brace(it: _Judged) -> Iterator[str]:
    """Yield doubled braces: in an f-string they stand for a single brace and hold no expression."""
    text = it.document.text
    if text[it.start - 1 : it.start + 1] == "{{" and text[it.end - 1 : it.end + 1] == "}}":
        yield "it doubles a brace"


def _imported_twice(it: _Judged) -> Iterator[str]:
    """Yield imports that the module already has at its outermost level."""
    for node in it.nodes:
        if node.type not in {"import_statement", "import_from_statement"} or not it.holds(node):
            continue
        alike = [other for other in it.tree.root.named_children if other.type == node.type and other != node]
        if node.parent == it.tree.root and any(text_of(other) == text_of(node) for other in alike):
            yield "it is already imported"


def _from_another_module(it: _Judged) -> Iterator[str]:
    """Yield names that the module imports from elsewhere already."""
    imports = [node for node in it.tree.root.named_children if node.type == "import_from_statement"]
    for node in (one for one in imports if it.is_new(one)):
        module = text_of(node.child_by_field_name("module_name"))
        others = [one for one in imports if text_of(one.child_by_field_name("module_name")) != module]
        known = {text_of(name) for one in others for name in one.children_by_field_name("name")}
        for name in node.children_by_field_name("name"):
            if it.is_settled(name) and text_of(name) in known:
                yield f"`{text_of(name)}` is imported from another module"


def _late_future(it: _Judged) -> Iterator[str]:
    """Yield imports from `__future__` that other statements come before."""
    for node in it.nodes:
        above = node.prev_named_sibling
        while above is not None and (above.type in {"comment", "future_import_statement"} or _is_string(above)):
            above = above.prev_named_sibling
        if node.type == "future_import_statement" and it.is_new(node) and (above is not None or it.tree.part[0]):
            yield "`__future__` comes first in a file"


def _not_there(it: _Judged) -> Iterator[str]:
    """Yield names imported from a module of the standard library that does not define them."""
    for node in it.nodes:
        if node.type not in {"import_from_statement", "future_import_statement"}:
            continue
        module = text_of(node.child_by_field_name("module_name")) or "__future__"
        if (known := names_of_module(module, it.language)) is None:
            continue
        for name in node.children_by_field_name("name"):
            if name.type == "dotted_name" and it.is_settled(name) and text_of(name) not in known:
                yield f"{module} has no `{text_of(name)}`"


@lru_cache(maxsize=256)
def names_of_module(name: str, language: Language) -> frozenset[str] | None:
    """Return the names that a module of the standard library defines; None if its source does not tell."""
    folder = Path(sysconfig.get_path("stdlib"))
    found = [it for it in (folder / f"{name}.py", folder / name / "__init__.py") if it.is_file()]
    if name not in sys.stdlib_module_names or not found:
        return None
    text = found[0].read_text(encoding="utf-8", errors="replace")
    names = module_names(text, language)
    if names is None or "__getattr__" in names or "globals()" in text:
        return None
    within = found[0].parent.iterdir() if found[0].name == "__init__.py" else ()
    return names | {it.stem for it in within} | _EVERYWHERE


def _twice(it: _Judged) -> Iterator[str]:
    """Yield names and keys that one list has twice."""
    for node in it.nodes:
        if node.type in _LISTS:
            items = [(name, child) for child, name in _LISTS[node.type](node) if name]
            for number, (name, child) in enumerate(items):
                others = [other for at, (other, _) in enumerate(items) if at != number]
                if it.is_settled(child) and name in others and name != "_":
                    yield f"`{name}` occurs twice"


def _keys(node: Node) -> Iterator[tuple[Node, str]]:
    for pair in node.named_children:
        key = pair.child_by_field_name("key") if pair.type == "pair" else None
        if (
            key is not None
            and key.type in {"string", "integer"}
            and not any(it.type == "interpolation" for it in key.children)
        ):
            yield pair, text_of(key)


def _handlers(node: Node) -> Iterator[tuple[Node, str]]:
    for child in node.named_children:
        if child.type == "except_clause":
            value = next((it for it in child.named_children if it.type not in {"block", "comment"}), None)
            if value is not None and value.type == "as_pattern":
                value = value.named_children[0]
            if value is not None and value.type in {"identifier", "attribute"}:
                yield value, text_of(value)


_LISTS: Final[dict[str, Callable[[Node], Iterator[tuple[Node, str]]]]] = {
    "parameters": lambda node: ((it, parameter_name(it)) for it in node.named_children),
    "lambda_parameters": lambda node: ((it, parameter_name(it)) for it in node.named_children),
    "pattern_list": lambda node: ((it, "".join(targets(it))) for it in node.named_children),
    "import_from_statement": lambda node: ((it, text_of(it)) for it in node.children_by_field_name("name")),
    "dictionary": _keys,
    "try_statement": _handlers,
}


def _defined_before(it: _Judged) -> Iterator[str]:
    """Yield functions and classes that their scope already defines, except overloads and setters."""
    for node in it.nodes:
        if node.type not in {"function_definition", "class_definition"}:
            continue
        name, body = node.child_by_field_name("name"), node.parent
        if name is None or body is None or not it.is_settled(name) or body.type not in {"block", "module"}:
            continue  # A decorated one may be an overload or a setter.
        if body.parent is not None and body.parent.type not in {"class_definition", "function_definition"}:
            continue  # A condition may choose between several.
        same = [other for other in body.named_children if other.type == node.type and other != node]
        if any(text_of(other.child_by_field_name("name")) == text_of(name) for other in same):
            yield f"`{text_of(name)}` is already defined"


def _undefined(it: _Judged) -> Iterator[str]:
    """Yield names that no visible scope binds."""
    used = [node for node in it.nodes if node.type == "identifier" and _is_read(node)]
    used = [node for node in used if text_of(node) not in _EVERYWHERE and _is_certain(it, node)]
    unbound = [node for node in used if text_of(node) not in _around(node)]
    if not unbound or (known := it.module_names) is None:  # The whole module is asked last.
        return
    known |= _announced(it)
    for node in unbound:
        name = text_of(node)
        if name not in known:
            yield f"`{name}` is not defined here"


def _announced(it: _Judged) -> set[str]:
    """Return the words of the comment above the suggestion, which may name what is still to be written."""
    line = it.document.place(it.start)[0] - 1
    words: set[str] = set()
    while line >= 1 and (above := it.document.lines.line(line).lstrip()).startswith("#"):
        words.update(_WORD.findall(above))
        line -= 1
    return words


def _around(node: Node) -> set[str]:
    """Return the names that the functions, classes, comprehensions and patterns around a node bind.

    The names of a class are not visible in the bodies of its methods, nor parameters in defaults and annotations.
    """
    found: set[str] = set()
    up, in_body = node.parent, False
    while up is not None and up.type != "module":
        if up.type in FUNCTIONS and not _is_body(up, node):
            found.update(type_parameters(up))
        elif up.type != "block" and not (in_body and up.type == "class_definition"):
            found.update(bound_in(up))
            in_body = in_body or up.type in FUNCTIONS
        up = up.parent
    return found


def _is_body(function: Node, node: Node) -> bool:
    """Report whether a node lies in the body of a function, rather than in its defaults or annotations."""
    body = function.child_by_field_name("body")
    return body is not None and body.start_byte <= node.start_byte < body.end_byte


def _is_certain(it: _Judged, node: Node) -> bool:
    """Report whether everything around a node was parsed without errors."""
    outermost = node
    while (up := outermost.parent) is not None and up.type != "module":
        outermost = up
    return not outermost.has_error and it.document.place(it.tree.offset(outermost.start_byte))[1] == 1


def _is_read(node: Node) -> bool:
    """Report whether an identifier reads a variable."""
    up = node.parent
    if up is None:
        return False
    if up.type in _NAMED and node in up.children_by_field_name(_NAMED[up.type]):
        return False
    if up.type in {"dotted_name", "aliased_import", "global_statement", "nonlocal_statement", "ERROR", "del_statement"}:
        return False
    above = up
    while above.type in {"pattern_list", "tuple_pattern", "list_pattern", "list_splat_pattern", "dotted_name"}:
        if above.parent is None:
            return False
        node, above = above, above.parent
    if above.type in _TARGET and node in above.children_by_field_name(_TARGET[above.type]):
        return False
    return above.type not in _NOT_READ


_NAMED: Final = {
    "attribute": "attribute",
    "keyword_argument": "name",
    "function_definition": "name",
    "class_definition": "name",
    "default_parameter": "name",
    "typed_default_parameter": "name",
}
_TARGET: Final = {"assignment": "left", "for_statement": "left", "for_in_clause": "left", "named_expression": "name"}
_NOT_READ: Final = frozenset(
    {"parameters", "lambda_parameters", "typed_parameter", "dictionary_splat_pattern", "as_pattern_target"}
    | {"case_pattern", "dict_pattern", "class_pattern", "splat_pattern", "union_pattern", "keyword_pattern"}
    | {"type_parameter", "type", "format_specifier", "import_from_statement", "import_statement", "print_statement"}
)

_PYTHON: Final[tuple[Callable[[_Judged], Iterator[str]], ...]] = (
    _doubled_brace,
    _out_of_place,
    _no_effect,
    _second_docstring,
    _assigned_in_call,
    _twice,
    _imported_twice,
    _from_another_module,
    _late_future,
    _not_there,
    _defined_before,
    unset_attributes,
    _undefined,
    refused_by_compiler,
)
"""The cheap rules first."""

_RULES: Final = {"python": _PYTHON, **dict.fromkeys(LANGUAGES, (out_of_role, duplicates))}
"""The rules of each language."""
