"""The edit that was made, as the rules see it: both states of the document, and the hunk to follow."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from infill_lsp.edits.next_edits.hunks import Hunk, word_around
from infill_lsp.syntax.tree import SyntaxTree
from infill_lsp.text.document import Document

WORD: Final = re.compile(r"[^\W\d]\w*")


def spells(text: str, word: str) -> bool:
    """Report whether a text has a word."""
    return word in text and re.search(rf"\b{word}\b", text) is not None


class Renamed(NamedTuple):
    """A word that took the place of another one, and where both start."""

    old: str
    new: str
    before: int
    after: int


_NEGATED: Final = re.compile(r"(?:in|im|un|dis|not|non|no)(\w*(?:ed|ble|valid|active|known|equal|complete|safe|empty))")


def are_opposite(one: str, other: str) -> bool:
    """Report whether a name says the contrary of another one, as `is_invalid` does of `is_valid`.

    Who exchanges them turns a condition round: what has the old name is not to be renamed, but to be turned round too.
    """
    return one != other and _affirmed(one) == _affirmed(other)


def _affirmed(name: str) -> str:
    """Return a name without what negates a word of it."""
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    words = re.sub(r"(?<![a-z])(not|non|no)_", r"\1", snake).split("_")
    plain = [found[1] if (found := _NEGATED.fullmatch(it)) else it for it in words]
    return "_".join(it.replace("enable", "able") for it in plain)


@dataclass(frozen=True)
class MadeEdit:
    """An edit that was made.

    Attributes:
        before: the document without it.
        after: the document as it is now.
        hunks: all the differences, in order.
        hunk: the one to follow.
    """

    before: Document
    after: Document
    hunks: tuple[Hunk, ...]
    hunk: Hunk

    def now(self, start: int, end: int) -> int | None:
        """Return where a range of the document before starts now; None if the edit touches it."""
        moved = 0
        for it in self.hunks:
            if it.old_start > end:
                break
            if it.old_end >= start:
                return None
            moved = it.end - it.old_end
        return start + moved

    def tree_for(self, renamed: Renamed, is_enough: Callable[[SyntaxTree], bool]) -> SyntaxTree | None:
        """Return a tree of the document before a rename: of the part around it where that is enough, else of all.

        The part is not enough where the new name occurs already, since what it means may be said anywhere.
        """
        before = self.before
        part = before.part_at(renamed.before)
        begins = not part[0] or (before.language is not None and before.language.definition.match(before.text, part[0]))
        tree = before.parsed(part) if begins and not spells(before.text, renamed.new) else None
        return tree if tree is not None and is_enough(tree) else before.parsed()

    @property
    def replaced(self) -> tuple[str, str]:
        """What took the place of what: whole words if a word was renamed."""
        return self.renamed[:2] if self.renamed else (self.hunk.old, self.hunk.new)

    @cached_property
    def renamed(self) -> Renamed | None:
        """The words that the hunk changed; None if it changed more or less than one word into another."""
        hunk, before, after = self.hunk, self.before.text, self.after.text
        head, tail = word_around(before, hunk.old_start, hunk.old_end)
        old = before[hunk.old_start - head : hunk.old_end + tail]
        new = after[hunk.start - head : hunk.end + tail]
        if old == new or not (WORD.fullmatch(old) and WORD.fullmatch(new)):
            return None
        return Renamed(old, new, hunk.old_start - head, hunk.start - head)
