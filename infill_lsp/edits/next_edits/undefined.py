"""Follows names that an edit left undefined in Python: those that another import replaced, and well-known ones.

A name that nothing binds any more certainly has to change, wherever it stands.
"""

import collections
import collections.abc
import dataclasses
import pathlib
import re
import typing
from collections.abc import Iterator, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Final

from tree_sitter import Node

from infill_lsp.edits.edit import Change
from infill_lsp.edits.next_edits.edit import NextEdit
from infill_lsp.edits.next_edits.hunks import word_around
from infill_lsp.edits.next_edits.made import WORD, MadeEdit, spells
from infill_lsp.edits.next_edits.scopes import IMPORTS, Scopes, is_variable
from infill_lsp.meaning.bindings import imported
from infill_lsp.meaning.code import text_of
from infill_lsp.syntax.affixes import common_prefix, common_suffix
from infill_lsp.syntax.tree import SyntaxTree

_KNOWN: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "collections": frozenset(collections.__all__),
        "collections.abc": frozenset(collections.abc.__all__),
        "dataclasses": frozenset(dataclasses.__all__),
        "pathlib": frozenset(pathlib.__all__),
        "typing": frozenset(typing.__all__),
    }
)
_UNMISTAKABLE: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("defaultdict", "OrderedDict", "namedtuple"), "collections"),
        "TYPE_CHECKING": "typing",
    }
)
"""Names that come from one module whoever uses them, so that its import may be new."""

_GENERICS: Final[Mapping[str, str]] = MappingProxyType(
    {it: it.lower() for it in ("Dict", "FrozenSet", "List", "Set", "Tuple", "Type")}
)
"""What `typing` had before the built-in classes could be subscripted."""

_INNER_IMPORT: Final = re.compile(r"^[ \t]+from ([\w.]+) import\b", re.MULTILINE)
_MOST: Final = 200
"""The number of words of a hunk that are looked up."""


def undefined(made: MadeEdit) -> Iterator[NextEdit]:
    """Yield what the names need that the edit left without a meaning."""
    if made.after.language is None or made.after.language.id != "python" or made.after.in_notebook:
        return
    yield from _replaced(made)
    yield from _well_known(made)


def _replaced(made: MadeEdit) -> Iterator[NextEdit]:
    """Yield the changes of all uses of the names that an edited import binds no more, but imports otherwise."""
    if not _touches_import(made):
        return
    before, after = made.before.parsed(), made.after.parsed()
    if before is None or after is None or after.root.has_error:
        return
    was, now, scopes = _sources(before), _sources(after), Scopes(after)
    others = {source: name for name, source in now.items()}
    for name, source in was.items():
        if name in now or not (uses := _undefined_uses(scopes, name)):
            continue
        module, _, member = source.rpartition(".")
        if source in others:
            yield from _changes(after, uses, name, others[source])
        elif module in others and member:
            yield from _changes(after, uses, name, f"{others[module]}.{member}")
        elif module == "typing" and member in _GENERICS:
            yield from _changes(after, uses, name, _GENERICS[member])
        else:
            yield from _without_module(after, uses, source, others)


def _touches_import(made: MadeEdit) -> bool:
    """Report whether the line of the hunk, as it was, is likely of an import; those below brackets are, too."""
    text, at = made.before.text, made.hunk.old_start
    line = text.rfind("\n", 0, at) + 1
    end = text.find("\n", max(at, made.hunk.old_end))
    return re.search(r"\bimport\b|^\s*[\w, ]+$", text[line : end if end >= 0 else None]) is not None


def _sources(tree: SyntaxTree) -> dict[str, str]:
    """Return what each name stands for that the module imports at its outermost level: `a.b` for `from a import b`."""
    found: dict[str, str] = {}
    for statement in tree.root.named_children:
        if statement.type not in IMPORTS:
            continue
        module = statement.child_by_field_name("module_name")
        for it in statement.children_by_field_name("name"):
            path, _, alias = text_of(it).partition(" as ")
            if module is not None or alias or "." not in path:
                source = f"{text_of(module)}.{path}" if module is not None else path
                found[alias.strip() or path] = source.strip()
    return found


def _undefined_uses(scopes: Scopes, name: str) -> list[Node]:
    """Return all that spells a name, if all of it reads a variable that nothing binds; else nothing."""
    found = [it for it in scopes.occurrences(name) if is_variable(it)]
    return found if scopes.guessable and all(scopes.scope(it) is None for it in found) else []


def _changes(tree: SyntaxTree, uses: list[Node], old: str, new: str) -> Iterator[NextEdit]:
    for it in uses:
        yield NextEdit(Change(*tree.span(it), new), "rename", f"Rename `{old}` to `{new}`")


def _without_module(tree: SyntaxTree, uses: list[Node], source: str, others: Mapping[str, str]) -> Iterator[NextEdit]:
    """Yield the changes of `a.b` to what `from a import b` is called now."""
    for it in uses:
        up = it.parent
        member = text_of(up.child_by_field_name("attribute")) if up is not None and up.type == "attribute" else ""
        if up is not None and member and (new := others.get(f"{source}.{member}")):
            yield NextEdit(Change(*tree.span(up), new), "rename", f"Rename `{text_of(up)}` to `{new}`")


def _well_known(made: MadeEdit) -> Iterator[NextEdit]:
    """Yield the import of each well-known name that the edit uses first and nothing binds."""
    hunk, text = made.hunk, made.after.text
    head, tail = word_around(text, hunk.start, hunk.end)
    words = dict.fromkeys(WORD.findall(text[hunk.start - head : hunk.end + tail])[:_MOST])
    known = [it for it in words if any(it in names for names in _KNOWN.values())]
    fresh = [it for it in known if not spells(made.before.text, it)]
    tree = made.after.parsed() if fresh else None
    if tree is None:
        return
    scopes = Scopes(tree)
    inner = set(_INNER_IMPORT.findall(text))  # As under `if TYPE_CHECKING:`, where a name may belong as well.
    doubtful = frozenset().union(*(_KNOWN.get(it, frozenset()) for it in inner))
    needed = [it for it in fresh if it not in doubtful and _undefined_uses(scopes, it)]
    gone = {it for it in WORD.findall(hunk.old) if len(re.findall(rf"\b{it}\b", text)) == 1}
    froms = [it for it in tree.root.named_children if it.type == "import_from_statement"]
    for statement in froms:
        own = _KNOWN.get(text_of(statement.child_by_field_name("module_name")), frozenset())
        if names := [it for it in needed if it in own and statement.children_by_field_name("name")]:
            needed = [it for it in needed if it not in names]
            label = "Import " + ", ".join(f"`{it}`" for it in names)
            yield NextEdit(_with_names(tree, statement, names, gone), "import", label)
    for name in needed:
        if (change := _new_import(tree, froms, name)) is not None:
            yield NextEdit(change, "import", f"Import `{name}`")


def _new_import(tree: SyntaxTree, froms: list[Node], name: str) -> Change | None:
    """Return the change that imports a name from a module that nothing is imported from; None if it is not certain."""
    module = _UNMISTAKABLE.get(name, "")
    imports = [it for it in tree.root.named_children if it.type in IMPORTS]
    if not module or not imports or any(module in imported(it) for it in imports):
        return None
    later = [it for it in froms if text_of(it.child_by_field_name("module_name")) > module]
    at = tree.span(later[0])[0] if later else tree.text.find("\n", tree.span(imports[-1])[1]) + 1
    return Change(at, at, f"from {module} import {name}\n") if at else None


def _with_names(tree: SyntaxTree, statement: Node, new: list[str], gone: set[str]) -> Change:
    """Return the change that adds names to those of an import, in their order if they have one.

    Those that are used no more since the edit make room for them.
    """
    nodes = statement.children_by_field_name("name")
    texts = [text_of(it) for it in nodes]
    start, end = tree.span(nodes[0])[0], tree.span(nodes[-1])[1]
    line = tree.text.rfind("\n", 0, start) + 1
    gap = f",\n{tree.text[line:start]}" if not tree.text[line:start].strip() else ", "
    names = [it for it in texts if it not in gone] + new
    if all(one.lower() <= other.lower() for one, other in pairwise(texts)):
        names.sort(key=str.lower)
    old, text = tree.text[start:end], gap.join(names)
    head = common_prefix(old, text)
    tail = common_suffix(old[head:], text[head:])
    return Change(start + head, end - tail, text[head : len(text) - tail])
