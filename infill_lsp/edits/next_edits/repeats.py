"""Repeats an edit where the code has the same shape: in like calls, in the dicts of a list, in lines like each other.

One edit is not a pattern yet: it is repeated only in the lines right around it, if it adds an item to brackets and
several lines are like it. What was done twice is repeated wherever the same is written near by.
"""

import itertools
import keyword
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from infill_lsp.edits.edit import Change
from infill_lsp.edits.next_edits.edit import NextEdit
from infill_lsp.edits.next_edits.hunks import Hunk
from infill_lsp.edits.next_edits.made import WORD, MadeEdit
from infill_lsp.text.document import Document

_TOKEN: Final = re.compile(r"""[^\W\d]\w*|\d[\w.]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`|[^\w\s]""")
_NEAR: Final = 60
"""The number of lines above and below an edit in which it is repeated."""

_LONGEST_LINE: Final = 400
_LONGEST: Final = 80
"""Code points of an edit that is repeated, at most."""

_FEWEST_ALIKE: Final = 3
"""Lines like each other, the edited one included, from which on one edit is repeated in the others."""

_OPENERS: Final = "([{"
_CLOSERS: Final = ")]}"


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Pattern:
    """An edit of one line, in the tokens of the brackets around it.

    Attributes:
        tokens: of the brackets before the edit, with what they are called by.
        fixed: whether each has to be the same where the edit is repeated.
        kept: the number of tokens before those that the edit replaced.
        replaced: the number of tokens that it replaced.
        old: the text between the tokens around them.
        new: the text that stands there now.
    """

    tokens: tuple[str, ...]
    fixed: tuple[bool, ...]
    kept: int
    replaced: int
    old: str
    new: str

    def fits(self, tokens: Sequence[str]) -> bool:
        """Report whether as many tokens have the same shape."""
        pairs = zip(self.tokens, self.fixed, tokens, strict=True)
        return all(own == other if fixed else _kind(own) == _kind(other) for own, fixed, other in pairs)

    def is_like(self, other: "_Pattern") -> bool:
        """Report whether two edits do the same in brackets of the same shape."""
        place = (self.kept, self.replaced, self.old, self.new) == (other.kept, other.replaced, other.old, other.new)
        return place and [*map(_kind, self.tokens)] == [*map(_kind, other.tokens)]

    def common(self, others: "Sequence[_Pattern]") -> "_Pattern":
        """Return the pattern that several edits have in common: what differs among them may differ elsewhere."""
        columns = zip(self.tokens, *(it.tokens for it in others), strict=True)
        return replace(self, fixed=tuple(len(set(column)) == 1 for column in columns))

    @property
    def is_certain(self) -> bool:
        """Whether a word tells the place: the name before the brackets, or one right beside the edit."""
        beside = {0, self.kept - 1, self.kept + self.replaced}
        return any(self.fixed[n] and WORD.fullmatch(self.tokens[n]) for n in beside if n < len(self.tokens))

    def text_for(self, tokens: Sequence[str]) -> str:
        """Return the new text where these tokens stand: names that vary from line to line vary in it, too."""
        free = [n for n, fixed in enumerate(self.fixed) if not fixed and self.tokens[n].isidentifier()]
        other = {self.tokens[n]: tokens[n] for n in free}
        return WORD.sub(lambda it: other.get(it[0], it[0]), self.new)


def repeats(made: MadeEdit) -> Iterator[NextEdit]:
    """Yield the repetitions of an edit of one line."""
    pattern = _pattern(made, made.hunk) if made.renamed is None else None
    if pattern is None:
        return
    others = [_pattern(made, it) for it in made.hunks if it is not made.hunk]
    same = [it for it in others if it is not None and it.is_like(pattern)]
    if same:
        pattern = pattern.common(same)
    elif not _adds_item(pattern):
        return
    row = made.after.place(made.hunk.start)[0]
    for number in _near(made.after, row) if same and pattern.is_certain else _alike(made, row, strictly=not same):
        yield from _repeated(made, pattern, number)


def _tokens(line: str) -> list[_Token]:
    return [_Token(it[0], *it.span()) for it in _TOKEN.finditer(line)]


def _pattern(made: MadeEdit, hunk: Hunk) -> _Pattern | None:
    """Return the pattern of a hunk within a line; None if there is none that tells it from others."""
    if "\n" in hunk.old + hunk.new or max(len(hunk.old), len(hunk.new)) > _LONGEST:
        return None
    before = made.before.line(made.before.place(hunk.old_start)[0])
    after = made.after.line(made.after.place(hunk.start)[0])
    if max(len(before), len(after)) > _LONGEST_LINE:
        return None
    old, new = _tokens(before), _tokens(after)
    kept = _shared(old, new)
    behind = min(_shared(old[::-1], new[::-1]), min(len(old), len(new)) - kept)
    if not 0 < kept < len(old) - behind + 1 or not behind:
        return None
    was = before[old[kept - 1].end : old[len(old) - behind].start]
    now = after[new[kept - 1].end : new[len(new) - behind].start]
    start, end = _brackets([it.text for it in old], kept, len(old) - behind)
    tokens = tuple(it.text for it in old[start:end])
    replaced = len(old) - behind - kept
    fixed = tuple(_is_fixed(tokens, n, kept - start, replaced) for n in range(len(tokens)))
    return _Pattern(tokens, fixed, kept - start, replaced, was, now)


def _shared(one: Sequence[_Token], other: Sequence[_Token]) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a.text != b.text), min(len(one), len(other)))


def _brackets(tokens: Sequence[str], first: int, last: int) -> tuple[int, int]:
    """Return the range of the brackets around tokens, with the name before them; of all if there are none."""
    start, depth = first - 1, 0
    while start >= 0 and not (tokens[start] in _OPENERS and depth == 0):
        depth += (tokens[start] in _CLOSERS) - (tokens[start] in _OPENERS)
        start -= 1
    end, depth = last, 0
    while end < len(tokens) and not (tokens[end] in _CLOSERS and depth == 0):
        depth += (tokens[end] in _OPENERS) - (tokens[end] in _CLOSERS)
        end += 1
    if start < 0 or end == len(tokens):
        return 0, len(tokens)
    while start > 0 and (tokens[start - 1] == "." or (tokens[start - 1].isidentifier() and tokens[start] in "([.")):
        start -= 1
    return start, end + 1


def _is_fixed(tokens: Sequence[str], n: int, kept: int, replaced: int) -> bool:
    """Report whether a token has to be the same: all but the names and values that vary from item to item."""
    text = tokens[n]
    if _kind(text) == text or kept <= n < kept + replaced:
        return True
    behind = tokens[n + 1] if n + 1 < len(tokens) else ""
    return behind in {"(", ":", "="} or (n > 0 and tokens[n - 1] == ".") or behind == "."


def _kind(token: str) -> str:
    if token.isidentifier():
        return token if keyword.iskeyword(token) else "name"
    return "number" if token[:1].isdigit() else "text" if token[:1] in "\"'`" and len(token) > 1 else token


def _adds_item(pattern: _Pattern) -> bool:
    """Report whether an edit adds an item to the arguments of a call, or to a mapping."""
    added, first = pattern.new.strip(), pattern.tokens[0]
    within = pattern.tokens[-1] in _CLOSERS and not pattern.replaced and not pattern.old.strip()
    if (
        not within
        or [_kind(it.text) for it in _tokens(added.strip(", "))] in ([], ["text"])
        or not (added.startswith(",") or added.endswith(","))
    ):
        return False
    return (first.isidentifier() and not keyword.iskeyword(first)) or (first == "{" and ":" in pattern.tokens)


def _near(document: Document, row: int) -> list[int]:
    return [it for it in range(max(1, row - _NEAR), min(document.line_count, row + _NEAR) + 1) if it != row]


def _alike(made: MadeEdit, row: int, *, strictly: bool) -> list[int]:
    """Return the lines right around a line that had its shape before the edit; none if there are too few.

    Strictly, they have to call the same functions and to have the same keys, too.
    """
    own = made.before.place(made.hunk.old_start)[0]
    shape, near = _shape(made.before.line(own), strictly), _near(made.before, own)
    above, below = [it for it in near[::-1] if it < own], [it for it in near if it > own]

    def is_alike(number: int) -> bool:
        return _shape(made.before.line(number), strictly) == shape

    alike = [itertools.takewhile(is_alike, side) for side in (above, below)]
    found = [it + row - own for it in itertools.chain.from_iterable(alike)]
    return found if len(found) + 1 >= _FEWEST_ALIKE else []


def _shape(line: str, strictly: bool) -> tuple[int, tuple[str, ...]] | None:
    """Return the indentation of a line and the kinds of its tokens, strictly with what it calls; None if it is long."""
    if len(line) > _LONGEST_LINE:
        return None
    tokens = [it.text for it in _tokens(line)]
    fixed = [strictly and _is_fixed(tokens, n, 0, 0) for n in range(len(tokens))]
    kinds = (it if own else _kind(it) for it, own in zip(tokens, fixed, strict=True))
    return len(line) - len(line.lstrip()), tuple(kinds)


def _repeated(made: MadeEdit, pattern: _Pattern, number: int) -> Iterator[NextEdit]:
    """Yield the repetitions of an edit in a line."""
    line, start = made.after.line(number), made.after.lines.start(number)
    if len(line) > _LONGEST_LINE or any(it.start <= start + len(line) and start <= it.end for it in made.hunks):
        return
    tokens, count = _tokens(line), len(pattern.tokens)
    for at in range(len(tokens) - count + 1):
        there = [it.text for it in tokens[at : at + count]]
        if (at and tokens[at - 1].text == "." and pattern.tokens[0].isidentifier()) or not pattern.fits(there):
            continue
        first, last = tokens[at + pattern.kept - 1].end, tokens[at + pattern.kept + pattern.replaced].start
        if line[first:last] == pattern.old and _is_code(made.after, start + first):
            change = Change(start + first, start + last, pattern.text_for(there))
            yield NextEdit(change, "repeat", f"Repeat the edit of line {made.after.place(made.hunk.start)[0]}")


def _is_code(document: Document, offset: int) -> bool:
    """Report whether a place is in code, rather than in a string or comment."""
    tree = document.tree_at(offset)
    if tree is None:
        return True
    node = tree.smallest(max(0, offset - 1), offset)
    kinds = tree.language.strings | tree.language.comments | {"string_content", "string_fragment"}
    return node.type not in kinds
