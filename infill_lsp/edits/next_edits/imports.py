"""Adds the import of a module that an edit made necessary, and removes the one that it made needless, in Python.

A module is imported only if it is of the standard library and has the attribute that is used, and an import goes only
if nothing in the whole text spells its name any more.
"""

import builtins
import re
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from tree_sitter import Node

from infill_lsp.edits.edit import Change
from infill_lsp.edits.next_edits.edit import NextEdit
from infill_lsp.edits.next_edits.hunks import word_around
from infill_lsp.edits.next_edits.made import WORD, MadeEdit, spells
from infill_lsp.edits.next_edits.scopes import IMPORTS, Scopes, is_variable
from infill_lsp.meaning.bindings import imported
from infill_lsp.meaning.code import text_of
from infill_lsp.meaning.judge import names_of_module
from infill_lsp.syntax.languages import Language
from infill_lsp.syntax.tree import SyntaxTree

_USED: Final = re.compile(r"(?<![\w.])([^\W\d]\w*)\s*\.\s*([^\W\d]\w*)")
"""A name and the attribute that is read of it."""

_KEPT: Final = re.compile(r"\b(?:noqa|type: ignore|pragma|isort|F401)\b")
_BUILT_IN: Final = frozenset(dir(builtins)) | {"__file__", "__name__", "__doc__", "__path__"}
_MOST: Final = 200
"""The number of words of a hunk that are looked up."""


def imports(made: MadeEdit) -> Iterator[NextEdit]:
    """Yield the imports that an edit calls for, and the removal of those that it made needless."""
    if made.after.language is None or made.after.language.id != "python" or made.after.in_notebook:
        return
    yield from _needed(made)
    if made.renamed is None and not made.after.name.endswith("__init__.py"):  # A new name may be imported instead.
        yield from _needless(made)


def _words(text: str, start: int, end: int) -> dict[str, None]:
    """Return the words that touch a range, each once, in order."""
    head, tail = word_around(text, start, end)
    return dict.fromkeys(WORD.findall(text[start - head : end + tail])[:_MOST])


def _needed(made: MadeEdit) -> Iterator[NextEdit]:
    """Yield the import of each module that the edit uses first, with an attribute that it has."""
    fresh = _first_used(made)
    tree = made.after.parsed() if fresh else None
    if tree is None:
        return
    scopes = Scopes(tree)
    for name, attribute in fresh.items():
        if _has(name, attribute, tree.language) and _is_unbound(scopes, name):
            at, after = _place_of_import(tree, name)
            yield NextEdit(Change(at, at, f"import {name}\n{after}"), "import", f"Import `{name}`")


def _first_used(made: MadeEdit) -> dict[str, str]:
    """Return the modules of which the hunk reads an attribute, with that, if they were not mentioned before."""
    hunk, text = made.hunk, made.after.text
    end = text.find("\n", hunk.end)
    used = _USED.finditer(text, hunk.start - word_around(text, hunk.start, hunk.end)[0], end if end >= 0 else len(text))
    touched = [it for it in used if it.start() < max(hunk.end, hunk.start + 1)][:_MOST]
    modules = {it[1]: it[2] for it in touched if it[1] in sys.stdlib_module_names}
    return {name: it for name, it in modules.items() if not spells(made.before.text, name)}


def _has(module: str, attribute: str, language: Language) -> bool:
    """Report whether a module of the standard library certainly has an attribute.

    Where its source does not tell, the module itself does if it is loaded here anyway, as `os` is.
    """
    if _is_submodule(module, attribute):
        return False  # It may be there only once it is imported itself.
    known = names_of_module(module, language) if attribute not in _BUILT_IN else None
    return attribute in known if known is not None else hasattr(sys.modules.get(module), attribute)


def _is_submodule(module: str, attribute: str) -> bool:
    """Report whether an attribute of a module of the standard library is a module in its folder."""
    spec = find_spec(module)
    folders = (spec.submodule_search_locations or ()) if spec is not None else ()
    return any(Path(it, f"{attribute}.py").exists() or Path(it, attribute).is_dir() for it in folders)


def _is_unbound(scopes: Scopes, name: str) -> bool:
    """Report whether all that spells a name reads a variable that nothing binds."""
    found = [it for it in scopes.occurrences(name) if is_variable(it)]
    return bool(found) and scopes.guessable and all(scopes.scope(it) is None for it in found)


def _place_of_import(tree: SyntaxTree, name: str) -> tuple[int, str]:
    """Return where an import belongs among the module's own, in their order, and the blank line that has to follow."""
    statements = tree.root.named_children
    plain = [it for it in statements if it.type == "import_statement"]
    later = [it for it in plain if text_of(it).partition(" ")[2].strip() > name]
    if later:
        return tree.span(later[0])[0], ""
    if plain:
        return _line_after(tree, plain[-1]), ""
    others = [it for it in statements if it.type == "import_from_statement"]
    if others:
        return tree.span(others[0])[0], ""
    heads = [it for it in statements if it.type == "future_import_statement"]
    first = statements[0] if statements else None
    if first is not None and first.type == "expression_statement" and first.named_children[0].type == "string":
        heads.append(first)
    if heads:
        after = _line_after(tree, max(heads, key=lambda it: it.end_byte))
        gap = len(tree.text[after:]) - len(tree.text[after:].lstrip("\n"))
        return after + min(gap, 1), "\n"
    code = next((it for it in statements if it.type != "comment"), None)
    return (tree.span(code)[0] if code is not None else 0), "\n"


def _line_after(tree: SyntaxTree, node: Node) -> int:
    end = tree.text.find("\n", tree.span(node)[1])
    return end + 1 if end >= 0 else len(tree.text)


def _needless(made: MadeEdit) -> Iterator[NextEdit]:
    """Yield the removal of each import whose last use the edit removed."""
    hunk, text = made.hunk, made.after.text
    gone = [it for it in _words(made.before.text, hunk.old_start, hunk.old_end) if it not in hunk.new]
    gone = [it for it in gone if text.count(it) < _MOST and len(re.findall(rf"\b{it}\b", text)) == 1]
    tree = made.after.parsed() if gone else None
    before = made.before.parsed() if gone else None
    if tree is None or before is None or tree.root.has_error or _leaves_work(made, Scopes(tree)):
        return
    for statement in tree.root.named_children:
        if statement.type not in IMPORTS:
            continue
        for name in gone:
            if name in imported(statement) and _was_used(Scopes(before), name):
                change = _without(tree, statement, name)
                if change is not None:
                    yield NextEdit(change, "import", f"Remove the unused import of `{name}`")


def _leaves_work(made: MadeEdit, scopes: Scopes) -> bool:
    """Report whether the edit, or its lines, use or removed a name that is still to be defined.

    Who moves code to a new function calls that first; what the edit took away may come again in it.
    """
    words: dict[str, None] = {}
    for hunk in made.hunks:
        words |= _words(made.before.text, hunk.old_start, hunk.old_end)
        words |= _words(made.after.text, *_whole_lines(made.after.text, hunk.start, hunk.end))
    used = (it for word in words if word not in _BUILT_IN for it in scopes.occurrences(word))
    return not scopes.guessable or any(is_variable(it) and scopes.scope(it) is None for it in used)


def _whole_lines(text: str, start: int, end: int) -> tuple[int, int]:
    behind = text.find("\n", end)
    return text.rfind("\n", 0, start) + 1, behind if behind >= 0 else len(text)


def _was_used(scopes: Scopes, name: str) -> bool:
    """Report whether the module's variable of this name was read before, and so not by a string alone."""
    found = [it for it in scopes.occurrences(name) if is_variable(it)]
    return len(found) > 1 and all(scopes.scope(it) == scopes.tree.root for it in found)


def _without(tree: SyntaxTree, statement: Node, name: str) -> Change | None:
    """Return the change that takes a name out of an import; None if it may be there for another reason."""
    start, end = tree.span(statement)
    line_end = _line_after(tree, statement)
    names = statement.children_by_field_name("name")
    if _KEPT.search(tree.text, start, line_end) or tree.text[end:line_end].strip():
        return None
    if len(names) == 1:
        only = names[0]
        plain = text_of(only) == name or (only.type == "aliased_import" and text_of(only).endswith(f" as {name}"))
        return Change(start, line_end, "") if plain else None
    at = next((n for n, it in enumerate(names) if text_of(it) == name), None)
    if at is None:
        return None
    if at + 1 < len(names):
        return Change(tree.span(names[at])[0], tree.span(names[at + 1])[0], "")
    return Change(tree.span(names[at - 1])[1], tree.span(names[at])[1], "")
