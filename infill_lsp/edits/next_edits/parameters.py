"""Compares the parameters of a Python function before and after an edit."""

import re
from dataclasses import dataclass
from typing import Final

from tree_sitter import Node

from infill_lsp.edits.next_edits.made import MadeEdit
from infill_lsp.meaning.bindings import parameter_name
from infill_lsp.meaning.code import text_of
from infill_lsp.syntax.tree import SyntaxTree

_BRACKET: Final = re.compile(r"[()]")
_LONGEST: Final = 4_000
"""Code points of the parameters of a function that are looked at."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a function.

    Attributes:
        kind: `positional` if a call may pass it by its place, else `keyword`, or `rest` for `*a` and `**a`.
        text: all of it, with annotation and default.
    """

    name: str
    kind: str
    has_default: bool
    text: str


@dataclass(frozen=True, slots=True)
class ChangedParameters:
    """A function whose parameters were changed, before and now.

    Attributes:
        function: its node in the tree of the document before.
        function_now: its node in the tree of the document now.
    """

    function: Node
    function_now: Node
    before: tuple[Parameter, ...]
    now: tuple[Parameter, ...]

    @property
    def renamed(self) -> tuple[Parameter, Parameter] | None:
        """The one parameter that has another name now, and what it was; None if more or less has changed."""
        pairs = list(zip(self.before, self.now, strict=False))
        other = [(old, new) for old, new in pairs if old != new]
        if len(self.before) != len(self.now) or len(other) != 1 or other[0][0].name == other[0][1].name:
            return None
        old, new = other[0]
        alike = (old.kind, old.has_default) == (new.kind, new.has_default) and old.kind != "rest"
        return other[0] if alike and old.text.replace(old.name, new.name, 1) == new.text else None

    @property
    def added(self) -> int | None:
        """The index of the one parameter that came; None if more or less has changed."""
        return _one_more(self.before, self.now)

    @property
    def removed(self) -> int | None:
        """The index that the one parameter had that is gone; None if more or less has changed."""
        return _one_more(self.now, self.before)

    @property
    def order(self) -> tuple[int, ...]:
        """The index that each parameter had before, if nothing but their order has changed; else nothing."""
        same = self.before != self.now and sorted(it.text for it in self.before) == sorted(it.text for it in self.now)
        if not same or any(it.kind != "positional" for it in self.before):
            return ()
        return tuple(self.before.index(it) for it in self.now)

    @property
    def defaults(self) -> dict[str, str]:
        """The defaults that were taken away, by the names of their parameters, if nothing else has changed."""
        if len(self.before) != len(self.now):
            return {}
        pairs = [(old, new) for old, new in zip(self.before, self.now, strict=True) if old != new]
        for old, new in pairs:
            bare = old.text.partition("=")[0].strip()
            if old.kind != new.kind or not old.has_default or bare != new.text:
                return {}
        return {old.name: old.text.partition("=")[2].strip() for old, _ in pairs}


def changed_parameters(made: MadeEdit) -> ChangedParameters | None:
    """Return the function whose parameters the hunk changed; None if it changed anything else.

    Its nodes are of the trees of the parts around it, for the trees of whole documents take time.
    """
    hunk, language = made.hunk, made.after.language
    if language is None or language.id != "python" or not _may_be_in_parameters(made.after.text, hunk.start):
        return None
    before = made.before.tree_at(hunk.old_start)
    after = made.after.tree_at(hunk.start)
    if before is None or after is None or not (before.has(hunk.old_end) and after.has(hunk.end)):
        return None
    old, new = function_at(before, hunk.old_start, hunk.old_end), function_at(after, hunk.start, hunk.end)
    if old is None or new is None or old.has_error or new.has_error or _name(old) != _name(new):
        return None
    parameters = [it for it in (_read(old), _read(new)) if it is not None]
    return ChangedParameters(old, new, *parameters) if len(parameters) == 2 else None


def _name(function: Node) -> str:
    return text_of(function.child_by_field_name("name"))


def _may_be_in_parameters(text: str, offset: int) -> bool:
    """Report whether an offset may be within the brackets of a `def`, so that trees are parsed for those alone."""
    depth = 0
    for it in _BRACKET.finditer(text[max(0, offset - _LONGEST) : offset].rpartition("def ")[2]):
        depth += 1 if it[0] == "(" else -1
        if depth <= 0:
            return False
    return depth > 0


def function_at(tree: SyntaxTree, start: int, end: int) -> Node | None:
    """Return the function in whose parameters, within the brackets, a range lies."""
    first, last = tree.byte(start), tree.byte(end)
    node = tree.smallest(start, end)
    up: Node | None = node
    while up is not None and up.type != "parameters":
        up = up.parent
    function = up.parent if up is not None else None
    if up is None or function is None or function.type != "function_definition":
        return None
    return function if up.start_byte < first + (first == last) and last < up.end_byte else None


def _read(function: Node) -> tuple[Parameter, ...] | None:
    """Return the parameters of a function; None if one has no name, or two have the same."""
    node = function.child_by_field_name("parameters")
    found, kind = [], "positional"
    for child in node.named_children if node is not None else ():
        if child.type == "keyword_separator":
            kind = "keyword"
        elif child.type == "positional_separator":
            return None  # What stands before it has no name for callers.
        elif child.type != "comment":
            text, name = text_of(child), parameter_name(child)
            if not name:
                return None
            found.append(Parameter(name, "rest" if text.startswith("*") else kind, "default" in child.type, text))
            kind = "keyword" if text.startswith("*") else kind
    return tuple(found) if len({it.name for it in found}) == len(found) else None


def _one_more(fewer: tuple[Parameter, ...], more: tuple[Parameter, ...]) -> int | None:
    """Return the index of the parameter that one list has more than another; None if there are other differences."""
    if len(more) != len(fewer) + 1:
        return None
    rests = (n for n in range(len(more)) if more[:n] + more[n + 1 :] == fewer)
    at = next(rests, None)
    return at if at is not None and more[at].name not in {it.name for it in fewer} else None
