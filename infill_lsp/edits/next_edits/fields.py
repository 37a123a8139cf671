"""Follows renamed keys of Python mappings, and renamed fields in languages whose types or objects name them.

A key follows where it is certainly of the same mapping: in the siblings of a list, in subscripts of the same name, and
where it is read if only one place of the document writes it. A field follows if one place alone declares it.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from tree_sitter import Node

from infill_lsp.edits.next_edits.edit import NextEdit
from infill_lsp.edits.next_edits.made import MadeEdit, Renamed
from infill_lsp.edits.next_edits.renames import rename
from infill_lsp.meaning.bindings import FUNCTIONS
from infill_lsp.meaning.code import text_of
from infill_lsp.syntax.tree import SyntaxTree

_FEWEST_SIBLINGS: Final = 3
_SHORTEST: Final = 3
"""The least letters of a key that is looked for by its text alone."""

_GETTERS: Final = frozenset({"get", "pop", "setdefault"})
_DECLARED: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "typescript": frozenset({"property_signature"}),
        "typescriptreact": frozenset({"property_signature"}),
        "rust": frozenset({"field_declaration"}),
        "javascript": frozenset({"pair"}),
        "javascriptreact": frozenset({"pair"}),
    }
)
_FIELDS: Final = frozenset({"property_identifier", "field_identifier"})
_DOUBTFUL: Final = frozenset(
    {"shorthand_property_identifier", "shorthand_property_identifier_pattern", "shorthand_field_identifier"}
)


def fields(made: MadeEdit) -> Iterator[NextEdit]:
    """Yield the renames that the rename of a key or field calls for."""
    renamed, language = made.renamed, made.before.language
    if renamed is None or language is None:
        return
    is_key = language.id == "python" and made.before.text[renamed.before - 1 : renamed.before] in {'"', "'"}
    if not is_key and language.id not in _DECLARED:
        return
    tree = made.before.parsed()
    if tree is None:
        return
    found = _keys(tree, renamed) if is_key else _declared(tree, renamed, _DECLARED[language.id])
    for start in found:
        if (at := made.now(start, start + len(renamed.old))) is not None:
            yield rename(renamed, at)


def _keys(tree: SyntaxTree, renamed: Renamed) -> Iterator[int]:
    """Yield where the other occurrences of a key of a mapping start, without their quotes."""
    alike = _strings(tree, renamed.old)
    edited = next((it for it in alike if tree.span(it)[0] == renamed.before - 1), None)
    if edited is None or _strings(tree, renamed.new):
        return
    owner, place = _owner(edited)
    if place == "pair":
        found = _siblings(edited, alike) or _reads_of_one_writer(edited, alike)
    elif place:
        same = [it for it in alike if _owner(it) == (owner, place) and _function(it) == _function(edited)]
        found = same if not any(_is_written(it) for it in alike if it not in same) else []
    else:
        found = []
    yield from (tree.span(it)[0] + 1 for it in found if it != edited)


def _strings(tree: SyntaxTree, word: str) -> list[Node]:
    """Return all plain strings that are a word."""
    found, at = [], tree.text.find(word)
    while at >= 0:
        node = tree.smallest(at, at + len(word))
        up = node if node.type == "string" else node.parent
        if up is not None and up.type == "string" and text_of(up) in {f'"{word}"', f"'{word}'"}:
            found.append(up)
        at = tree.text.find(word, at + len(word))
    return found


def _owner(key: Node) -> tuple[str, str]:
    """Return what a string is a key of, as it is written, and how: in a `pair`, or where it is `read`."""
    up = key.parent
    if up is None:
        return "", ""
    if up.type == "pair" and key == up.child_by_field_name("key"):
        return text_of(up.parent), "pair"
    if up.type == "subscript" and key == up.child_by_field_name("subscript"):
        return text_of(up.child_by_field_name("value")), "read"
    if up.type == "comparison_operator" and key == up.named_children[0] and " in " in text_of(up):
        return text_of(up.named_children[-1]), "read"
    call = up.parent if up.type == "argument_list" and key == up.named_children[0] else None
    function = call.child_by_field_name("function") if call is not None and call.type == "call" else None
    if function is not None and text_of(function.child_by_field_name("attribute")) in _GETTERS:
        return text_of(function.child_by_field_name("object")), "read"
    return "", ""


def _siblings(edited: Node, alike: list[Node]) -> list[Node]:
    """Return the same key of the other mappings in a list; none if there are too few."""
    items = _list_of(edited)
    found = [it for it in alike if items is not None and _owner(it)[1] == "pair" and _list_of(it) == items]
    return found if len(found) >= _FEWEST_SIBLINGS else []


def _list_of(key: Node) -> Node | None:
    mapping = key.parent.parent if key.parent is not None else None
    up = mapping.parent if mapping is not None else None
    return up if up is not None and up.type in {"list", "tuple", "set"} else None


def _reads_of_one_writer(edited: Node, alike: list[Node]) -> list[Node]:
    """Return where a key is read that no other place writes, unless the mapping goes to someone else at once."""
    mapping = edited.parent.parent if edited.parent is not None else None
    around = mapping.parent if mapping is not None else None
    if around is None or around.type in {"argument_list", "keyword_argument", "pair"}:
        return []
    others = [it for it in alike if it != edited]
    is_certain = len(edited.text or b"") >= _SHORTEST + 2 and all(_owner(it)[1] == "read" for it in others)
    return others if is_certain and not any(map(_is_written, others)) else []


def _is_written(key: Node) -> bool:
    """Report whether a place writes a key of a mapping."""
    up = key.parent
    above = up.parent if up is not None else None
    is_target = above is not None and above.type == "assignment" and up == above.child_by_field_name("left")
    return _owner(key)[1] == "pair" or is_target


def _function(node: Node) -> Node | None:
    up = node.parent
    while up is not None and up.type not in FUNCTIONS:
        up = up.parent
    return up


def _declared(tree: SyntaxTree, renamed: Renamed, kinds: frozenset[str]) -> Iterator[int]:
    """Yield where the other occurrences of a field start that is declared at the renamed place, and nowhere else."""
    alike, taken = _named(tree, renamed.old), _named(tree, renamed.new)
    edited = next((it for it in alike if tree.span(it)[0] == renamed.before), None)
    up = edited.parent if edited is not None else None
    if edited is None or up is None or up.type not in kinds or up.named_children[0] != edited or taken:
        return
    holder = _holder(up) if up.type == "pair" else ""
    if (up.type == "pair" and not holder) or any(it.type in _DOUBTFUL for it in alike):
        return
    if sum(it.parent is not None and it.parent.type in kinds for it in alike) > (2 if "pair" in kinds else 1):
        return
    for it in alike:
        if it != edited and (_receiver(it) == holder if holder else not _is_method(it)):
            yield tree.span(it)[0]


def _named(tree: SyntaxTree, word: str) -> list[Node]:
    """Return all nodes that are the name of a field, in order."""
    found, at = [], tree.text.find(word)
    while at >= 0:
        node = tree.smallest(at, at + len(word))
        if node.type in _FIELDS | _DOUBTFUL and text_of(node) == word:
            found.append(node)
        at = tree.text.find(word, at + len(word))
    return found


def _holder(pair: Node) -> str:
    """Return the name of the variable that an object is declared to be."""
    above = pair.parent.parent if pair.parent is not None else None
    return (
        text_of(above.child_by_field_name("name")) if above is not None and above.type == "variable_declarator" else ""
    )


def _receiver(field: Node) -> str:
    up = field.parent
    return text_of(up.child_by_field_name("object")) if up is not None and up.type == "member_expression" else ""


def _is_method(field: Node) -> bool:
    """Report whether a name is called, or is that of a method."""
    up = field.parent
    above = up.parent if up is not None else None
    return up is None or "method" in up.type or (above is not None and above.child_by_field_name("function") == up)
