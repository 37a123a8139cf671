"""Goes on with an exchange of members that was made twice, or that is a known mend: nearest first, in Python.

Whose members they are nobody can tell, so one exchange is not enough; only of a name that was taken out of Python, or
of one that means the same, it is known what to write instead.
"""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from tree_sitter import Node

from infill_lsp.edits.edit import Change
from infill_lsp.edits.next_edits.edit import NextEdit
from infill_lsp.edits.next_edits.made import MadeEdit, Renamed
from infill_lsp.edits.next_edits.renames import is_python, rename
from infill_lsp.edits.next_edits.scopes import Scopes
from infill_lsp.meaning.code import text_of
from infill_lsp.syntax.tree import SyntaxTree

_MENDED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "assertEquals": "assertEqual",
        "assertNotEquals": "assertNotEqual",
        "assertItemsEqual": "assertCountEqual",
        "assertRaisesRegexp": "assertRaisesRegex",
        "assertRegexpMatches": "assertRegex",
        "assert_": "assertTrue",
        "iteritems": "items",
        "iterkeys": "keys",
        "itervalues": "values",
        "getargspec": "getfullargspec",
    }
)
"""Members that are gone or deprecated, and what they are called now."""


def exchanges(made: MadeEdit) -> Iterator[NextEdit]:
    """Yield the same exchange elsewhere."""
    if not is_python(made):
        return
    if made.renamed is not None:
        yield from _members(made, made.renamed)
    elif made.hunk.old.strip() in {"==", "!="} and made.hunk.new.strip() in {"is", "is not"}:
        yield from _comparisons(made)


def _members(made: MadeEdit, renamed: Renamed) -> Iterator[NextEdit]:
    """Yield the other places at which a member of the old name is read, once two were exchanged alike."""
    whole = re.compile(rf"\b{renamed.old}\b")
    pairs = [MadeEdit(made.before, made.after, made.hunks, it).renamed for it in made.hunks]
    alike = [it for it in pairs if it is not None and it[:2] == renamed[:2]]
    is_known = _MENDED.get(renamed.old) == renamed.new
    if (len(alike) < 2 and not is_known) or not whole.search(made.after.text):
        return
    before = made.before.parsed()
    scopes = Scopes(before) if before is not None else None
    if scopes is None or not all(_member(scopes.identifier(it.before, it.before + len(it.old))) for it in alike):
        return
    if not is_known and any(map(_member, scopes.occurrences(renamed.new))):
        return  # Both were there before, so that each may be meant.
    called = {_is_called(scopes.identifier(it.before, it.before + len(it.old))) for it in alike}
    for node in scopes.occurrences(renamed.old):
        if _member(node) and _is_called(node) in called and (at := made.now(*scopes.tree.span(node))) is not None:
            yield rename(renamed, at)


def _member(node: Node | None) -> bool:
    """Report whether an identifier is the name of a member."""
    up = node.parent if node is not None else None
    return up is not None and up.type == "attribute" and node == up.child_by_field_name("attribute")


def _is_called(node: Node | None) -> bool:
    up = node.parent if node is not None else None
    return up is not None and up.parent is not None and up.parent.child_by_field_name("function") == up


def _comparisons(made: MadeEdit) -> Iterator[NextEdit]:
    """Yield the other comparisons with None by equality, once one was made by identity."""
    old, new = made.hunk.old.strip(), made.hunk.new.strip()
    if not re.match(r"\s*None\b", made.after.text[made.hunk.end :]) or f"{old} None" not in made.after.text:
        return
    tree = made.after.parsed()
    for match in re.finditer(rf"{old}(?= None\b)", made.after.text) if tree is not None else ():
        if tree is not None and _is_comparison(tree, match.start(), match.end()):
            yield NextEdit(Change(*match.span(), new), "repeat", f"Compare with `{new} None`")


def _is_comparison(tree: SyntaxTree, start: int, end: int) -> bool:
    node = tree.smallest(start, end)
    return node.type in {"==", "!="} and node.parent is not None and text_of(node.parent).endswith("None")
