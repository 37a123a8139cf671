"""Determines what to fill at a cursor: the first of a sequence of rules that has an answer decides.

Everything outside a target's gaps stays as it is: the rest of the cursor's line, the closing brackets, the `else`
below. Does not decide whether a suggestion is worth showing.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Literal

from infill_lsp.syntax.languages import CLOSERS
from infill_lsp.targets.blocks import is_empty_body, opens_body
from infill_lsp.targets.holes import holes
from infill_lsp.targets.literals import Inside, inside
from infill_lsp.text.document import Document, Gap

GapKind = Literal[
    "rest_of_line", "mid_line", "line", "block", "expression", "string", "comment", "selection", "none"
]  # fmt: skip

_MAGIC: Final = re.compile(r"\s*(?:%{1,2}\w|!)")
_CELL_MAGIC: Final = re.compile(r"\s*%%(\w+)")
_PYTHON_CELLS: Final = frozenset({"time", "timeit", "capture", "prun"})
"""The magics whose cells hold Python."""

_CONFLICT: Final = re.compile(r"^(?:<<<<<<< |>>>>>>> )", re.MULTILINE)
_FAR: Final = 20_000
"""Code points on each side in which the markers of a merge conflict are looked for."""

_CLOSERS: Final = re.compile(r"\s*[)\]};,>]+$")
_ONLY_CLOSERS_FOLLOW: Final = re.compile(r"\s*[)\]}>;,\"'`][\s)\]}>,;:\"'`]*$")


@dataclass(frozen=True, slots=True)
class Target:
    """What to fill, and how.

    Attributes:
        kind: what is at the cursor.
        gaps: the gaps in order, with pinned text between them; empty if there is nothing to fill.
        block: whether several lines are wanted.
        why: one sentence for the trace; for kind "none", why nothing is filled.
    """

    kind: GapKind
    gaps: tuple[Gap, ...]
    block: bool
    why: str

    @classmethod
    def nothing(cls, why: str) -> "Target":
        """Return a target without gaps, with the reason."""
        return cls("none", (), block=False, why=why)


@dataclass(frozen=True)
class _Cursor:
    """A cursor and its line; `invoked` if the user asked by hand."""

    document: Document
    offset: int
    invoked: bool

    @cached_property
    def before(self) -> str:
        """The line up to the cursor."""
        return self.document.line_before(self.offset)

    @cached_property
    def after(self) -> str:
        """The line from the cursor on."""
        return self.document.line_behind(self.offset)

    @cached_property
    def literal(self) -> Inside | None:
        """The comment or string that contains the cursor."""
        return inside(self.document, self.offset)

    def target(self, kind: GapKind, why: str, *, block: bool = False) -> Target:
        """Return a target with one gap, at the cursor."""
        return Target(kind, (Gap(self.offset, self.offset),), block, why)


def target_at(document: Document, offset: int, *, invoked: bool) -> Target:
    """Return what to fill at a cursor.

    Args:
        document: the document that contains the cursor.
        offset: the cursor; an offset outside the document counts as its nearer end.
        invoked: whether the user asked by hand; if not, places where a suggestion would be in the way are left alone.
    """
    cursor = _Cursor(document, min(max(offset, 0), len(document.text)), invoked)
    found = (rule(cursor) for rule in _RULES)
    target = next(target for target in found if target is not None)
    if target.kind not in {"mid_line", "expression"}:
        return target
    further = tuple(Gap(at, at) for at in holes(document, cursor.offset))
    return replace(target, gaps=target.gaps + further)


def _in_line_end(cursor: _Cursor) -> Target | None:
    r"""Reject a cursor between the two characters of a `\r\n`, where nothing can be written."""
    if cursor.document.text[cursor.offset - 1 : cursor.offset + 1] == "\r\n" and cursor.offset:
        return Target.nothing("The cursor is between the two characters of a line end.")
    return None


def _in_conflict(cursor: _Cursor) -> Target | None:
    """Fill nothing between the markers of a merge conflict."""
    text, at = cursor.document.text, cursor.offset
    above = _CONFLICT.findall(text[max(0, at - _FAR) : at])
    below = _CONFLICT.search(text, at, at + _FAR) if above[-1:] == ["<<<<<<< "] else None
    if below and below[0] == ">>>>>>> ":
        return Target.nothing("The cursor is in a merge conflict.")
    return None


def _in_magic(cursor: _Cursor) -> Target | None:
    """Fill nothing in a notebook's shell commands and magics, which are not Python."""
    document = cursor.document
    if not document.in_notebook or document.language is None or document.language.id != "python":
        return None
    cell = _CELL_MAGIC.match(document.text)
    if _MAGIC.match(cursor.before) or (cell and cell[1] not in _PYTHON_CELLS):
        return Target.nothing("The cursor is in a shell command or a magic.")
    return None


def _in_comment(cursor: _Cursor) -> Target | None:
    found = cursor.literal
    if found is None or found.kind != "comment":
        return None
    if _rest(cursor, found).strip():
        return Target.nothing("The comment continues after the cursor.")
    return cursor.target("comment", "The cursor is at the end of a comment line.")


def _in_string(cursor: _Cursor) -> Target | None:
    found = cursor.literal
    if found is None or found.kind != "string":
        return None
    if cursor.invoked:
        return cursor.target("string", "Requested by hand inside a string.")
    if _rest(cursor, found).strip():
        return Target.nothing("The string continues after the cursor.")
    if found.end is not None and not found.long:
        return Target.nothing("The cursor is inside a closed single-line string.")
    return cursor.target("string", "The cursor is at the end of a line of a string.")


def _rest(cursor: _Cursor, found: Inside) -> str:
    """Return the rest of the cursor's line within the comment or string."""
    if found.end is None:
        return cursor.after
    return cursor.after[: found.end - cursor.offset]


def _on_blank_line(cursor: _Cursor) -> Target | None:
    if cursor.before.strip() or cursor.after.strip():
        return None
    if is_empty_body(cursor.document, cursor.offset):
        return cursor.target("block", "The body of the block above is empty.", block=True)
    if _in_empty_brackets(cursor):
        return cursor.target("expression", "The brackets around the cursor are empty.", block=cursor.invoked)
    return cursor.target("line", "The line is empty.", block=cursor.invoked)


def _behind_opener(cursor: _Cursor) -> Target | None:
    behind = cursor.after.strip()
    if not cursor.before.strip() or (behind and not behind.startswith("}")):
        return None
    if not opens_body(cursor.document, cursor.offset):
        return None
    language = cursor.document.language
    if language is not None and language.opener_takes_value and cursor.before[-1:].isspace():
        return None
    if not is_empty_body(cursor.document, cursor.offset):
        return Target.nothing("The block that opens here already has a body.")
    if not cursor.invoked:
        return Target.nothing("A block opens here; its body is suggested on its own line.")
    return cursor.target("block", "Requested by hand where a block opens.", block=True)


def _in_the_way(cursor: _Cursor) -> Target | None:
    """Reject places where an unrequested suggestion would be in the way."""
    if cursor.invoked:
        return None
    if cursor.after and _in_word(cursor.after[0]):
        middle = cursor.before and _in_word(cursor.before[-1])
        return Target.nothing(f"The cursor is {'in the middle of' if middle else 'right before'} a word.")
    if not cursor.before.strip() and not _ONLY_CLOSERS_FOLLOW.match(cursor.after):
        return Target.nothing("All of the line's code is after the cursor.")
    language = cursor.document.language
    closed = cursor.before.count("(") <= cursor.before.count(")")
    if language is not None and language.semicolons and closed and cursor.before.rstrip().endswith(";"):
        return Target.nothing("The statement is complete.")
    if _CLOSERS.match(cursor.before) and cursor.before.strip():
        return Target.nothing("The line only closes what was opened above.")
    return None


def _in_brackets(cursor: _Cursor) -> Target | None:
    if _in_empty_brackets(cursor):
        return cursor.target("expression", "The brackets around the cursor are empty.")
    if _ONLY_CLOSERS_FOLLOW.match(cursor.after):
        return cursor.target("expression", "Only closing brackets follow on the line.")
    return None


def _on_line(cursor: _Cursor) -> Target | None:
    if cursor.after.strip():
        return cursor.target("mid_line", "Text follows on the line.")
    return cursor.target("rest_of_line", "Nothing follows on the line.")


_RULES: Final[tuple[Callable[[_Cursor], Target | None], ...]] = (
    _in_line_end,
    _in_conflict,
    _in_magic,
    _in_comment,
    _in_string,
    _on_blank_line,
    _behind_opener,
    _in_the_way,
    _in_brackets,
    _on_line,  # It always has an answer.
)


def _in_empty_brackets(cursor: _Cursor) -> bool:
    """Report whether the cursor is in brackets that contain only blanks and line ends."""
    text, start = cursor.document.text, cursor.document.code_end(cursor.offset)
    end = cursor.document.code_start(cursor.offset)
    return start > 0 and CLOSERS.get(text[start - 1]) == text[end : end + 1] != ""


def _in_word(sign: str) -> bool:
    return sign.isalnum() or sign in "_$"
